using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Zfs;
using Dotmesh.Specs.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Pools that are missing, come and go, and filesystems that somebody uses.</summary>
public sealed class ZfsSurroundingsSpec
{
    private static CancellationToken Ct => CancellationToken.None;

    [SkippableFact]
    public async Task A_pool_that_is_missing_at_start_is_said_so()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsPool.Create(64L << 20);
        var refusal = await Assert.ThrowsAsync<StorageException>(() => ZfsStorage.Open(
            new ZfsStorageOptions($"{pool.Name}x", pool.Mounts), pool.Runner, new Faults(), TimeProvider.System,
            NullLoggerFactory.Instance, Ct));
        Assert.Equal(StorageFailure.PoolMissing, refusal.Failure);
        Assert.Contains($"zpool import {pool.Name}x", refusal.Message);
    }

    [SkippableFact]
    public async Task A_pool_that_vanishes_is_said_so_by_each_operation_and_works_when_it_is_back()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        await pool.MakeStream(100);
        var before = await pool.State();
        await pool.Pool.Run("zpool", "export", "-f", pool.Pool.Name);
        foreach (var (name, operation) in ZfsOperations.All)
        {
            var refusal = await Record.ExceptionAsync(() => operation(pool));
            Assert.True(refusal is StorageException { Failure: StorageFailure.PoolMissing }, $"{name}: {refusal}");
            Assert.Contains($"zpool import {pool.Pool.Name}", refusal.Message);
        }

        await pool.Pool.Run("zpool", "import", "-d", pool.Pool.Folder, pool.Pool.Name);
        Assert.Equal(before, await pool.State());
        await pool.Commit(ZfsSpecPool.Third);
    }

    [SkippableTheory]
    [InlineData("rollback")]
    [InlineData("rollback under a branch")]
    [InlineData("stash")]
    [InlineData("destroy")]
    public async Task A_filesystem_in_use_is_left_alone_and_its_user_is_named(string operation)
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        var before = await pool.State();
        var used = operation == "destroy" ? ZfsSpecPool.Branch : ZfsSpecPool.Id;
        await using (var user = ChildProcess.Start("sleep", ["1000"], folder: Path.GetDirectoryName(await pool.FileOf(used))))
        {
            var refusal = await Assert.ThrowsAsync<StorageException>(() => ZfsOperations.All[operation](pool));
            Assert.Equal(StorageFailure.Busy, refusal.Failure);
            Assert.Contains($"sleep ({user.Id})", refusal.Message);
            Assert.Equal(before, await pool.State());
        }

        await ZfsOperations.All[operation](pool);
        Assert.Empty(await pool.Leftovers());
    }

    [SkippableTheory]
    [InlineData("rollback")]
    [InlineData("stash")]
    [InlineData("destroy")]
    public async Task An_open_file_keeps_a_filesystem_in_use(string operation)
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        var before = await pool.State();
        var file = await pool.FileOf(operation == "destroy" ? ZfsSpecPool.Branch : ZfsSpecPool.Id);
        await using (File.OpenRead(file))
        {
            var refusal = await Assert.ThrowsAsync<StorageException>(() => ZfsOperations.All[operation](pool));
            Assert.Equal(StorageFailure.Busy, refusal.Failure);
            Assert.Equal(before, await pool.State());
        }

        await ZfsOperations.All[operation](pool);
    }
}
