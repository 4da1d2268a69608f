using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Sizes of the directory driver are measured beside other operations.</summary>
public sealed class DirectoryUsageSpec : IDisposable
{
    private readonly TemporaryPools _pools = new();

    private static CancellationToken Ct => CancellationToken.None;

    public void Dispose() => _pools.Dispose();

    [Fact]
    public async Task What_is_destroyed_while_it_is_measured_is_gone()
    {
        await using var pool = await _pools.Open("pool", new Faults());
        var id = new FilesystemId("dot");
        await pool.Create(id, Labels(id), Ct);
        // what a destruction that was cut off left has to go first, which takes its time
        var grave = Path.Combine(_pools.PathOf("pool"), "tmp", $"destroyed-{id}");
        System.IO.Directory.CreateDirectory(grave);
        for (var n = 0; n < 5000; n++)
        {
            await File.WriteAllTextAsync(Path.Combine(grave, $"{n}"), "", Ct);
        }

        var destroying = pool.Destroy(id, Ct);
        while (!destroying.IsCompleted)
        {
            await pool.Usage([id], Ct);
        }

        await destroying;
        Assert.Empty(await pool.Usage([id], Ct));
        var refusal = await Assert.ThrowsAsync<StorageException>(
            () => pool.Commit(id, new CommitId("c1"), CommitMetadata.Empty, Ct));
        Assert.Equal(StorageFailure.NotFound, refusal.Failure);
    }

    private static FilesystemLabels Labels(FilesystemId dot) => new(
        dot, new DotName("admin", "test"), "", "0", "admin",
        System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty);
}
