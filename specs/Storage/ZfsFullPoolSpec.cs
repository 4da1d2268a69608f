using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// Each operation in a pool that a file has filled to the last block. It succeeds, or says that the pool is full and what
/// to do, and has then changed nothing; when the file is gone it succeeds. Reading goes on all the time.
/// </summary>
public sealed class ZfsFullPoolSpec
{
    private static CancellationToken Ct => CancellationToken.None;

    public static TheoryData<string> Operations => [.. ZfsOperations.All.Keys];

    [SkippableTheory]
    [MemberData(nameof(Operations))]
    public async Task An_operation_in_a_full_pool(string operation)
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make(64L << 20);
        if (operation.StartsWith("receive", StringComparison.Ordinal))
        {
            await pool.MakeStream(2 << 20);
        }

        var (before, filler) = (await pool.State(), await Fill(pool));
        var refusal = await Record.ExceptionAsync(() => ZfsOperations.All[operation](pool));
        if (refusal is not null)
        {
            Assert.True(refusal is StorageException { Failure: StorageFailure.PoolFull }, $"{refusal}");
            Assert.Contains("remove files, branches or dots", refusal.Message, StringComparison.OrdinalIgnoreCase);
            Assert.Equal(before, await pool.State());
            Assert.Empty(await pool.Leftovers());
            File.Delete(filler);
            await ZfsOperations.All[operation](pool);
        }

        // zfs-fuse shows a commit as a clone, and a full pool takes none
        if (operation != "destroy")
        {
            File.Delete(filler);
        }

        Assert.Equal("one", await File.ReadAllTextAsync(
            Path.Combine(await pool.Storage.MountCommit(ZfsSpecPool.Id, ZfsSpecPool.First, Ct), "__default__", "file")));
        Assert.Empty(await pool.Leftovers());
        await pool.Restart();
    }

    [SkippableFact]
    public async Task A_filesystem_that_is_destroyed_gives_its_space_back()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make(64L << 20);
        await pool.Storage.Create(ZfsSpecPool.New, ZfsSpecPool.Labels(ZfsSpecPool.New), Ct);
        await Fill(pool, ZfsSpecPool.New);
        await pool.Storage.Destroy(ZfsSpecPool.New, Ct);
        Assert.Null(await pool.Storage.Find(ZfsSpecPool.New, Ct));
        await pool.Write(ZfsSpecPool.Id, "three");
        await pool.Commit(ZfsSpecPool.Third);
        Assert.Equal("three", await pool.Read(ZfsSpecPool.Id));
    }

    [SkippableFact]
    public async Task A_stream_that_finds_no_space_leaves_what_was_there()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make(64L << 20);
        await pool.MakeStream(40 << 20);
        var before = await pool.State();
        var refusal = await Assert.ThrowsAsync<StorageException>(() => ZfsOperations.All["receive"](pool));
        Assert.Equal(StorageFailure.PoolFull, refusal.Failure);
        Assert.Equal(before, await pool.State());
        Assert.Empty(await pool.Leftovers());
        await pool.Commit(ZfsSpecPool.Third);
    }

    /// <summary>Until not one more block fits, also after the pool has had its time to free some.</summary>
    private static async Task<string> Fill(ZfsSpecPool pool, FilesystemId? where = null)
    {
        var path = Path.Combine(
            Path.GetDirectoryName(await pool.FileOf(where ?? ZfsSpecPool.Branch))!, "filler");
        await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
        for (var size = 1 << 20; size >= 4096; size /= 4)
        {
            var block = new byte[size];
            Random.Shared.NextBytes(block);
            while (Fits(file, block))
            {
            }
        }

        return path;
    }

    private static bool Fits(FileStream file, byte[] block)
    {
        try
        {
            file.Write(block);
            file.Flush(flushToDisk: true);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }
}
