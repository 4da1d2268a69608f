using System.Security.Cryptography;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Directory;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// Each operation in a pool with hardly any space, then with a little more, and more again until it succeeds: so it fails
/// at each of its steps in turn, and each time nothing of it may be left.
/// </summary>
public sealed class DirectoryFullPoolSpec : IDisposable
{
    private const long PoolBytes = 12L << 20;
    private const int FileBytes = 100_000;

    private static readonly FilesystemId Id = new("dot");
    private static readonly FilesystemId Branch = new("branch");
    private static readonly FilesystemId New = new("new");

    private readonly TemporaryPools _pools = new();

    private static CancellationToken Ct => CancellationToken.None;

    private string Root => _pools.PathOf("pool");

    public void Dispose() => _pools.Dispose();

    [SkippableFact]
    public async Task A_creation()
    {
        await using var pool = await Opened();
        await UntilThereIsSpace(pool, () => pool.Create(New, Labels(), Ct));
        Assert.True((await pool.Find(New, Ct))!.Mounted);
    }

    [SkippableFact]
    public async Task A_commit()
    {
        await using var pool = await Opened();
        await WriteAll(pool, Id, "changed");
        await UntilThereIsSpace(pool, () => Commit(pool, Id, "c9"));
        await WriteAll(pool, Id, "later");
        await pool.Rollback(Id, new CommitId("c9"), Ct);
        await AssertHolds(pool, Id, "changed");
    }

    [SkippableFact]
    public async Task A_branching()
    {
        await using var pool = await Opened();
        await UntilThereIsSpace(pool, () => pool.Branch(Id, new CommitId("c1"), New, Labels(), Ct));
        await AssertHolds(pool, New, "one");
    }

    [SkippableFact]
    public async Task A_rollback_under_a_branch()
    {
        await using var pool = await Opened();
        await UntilThereIsSpace(pool, () => pool.Rollback(Id, new CommitId("c1"), Ct));
        await AssertHolds(pool, Id, "one");
        await AssertHolds(pool, Branch, "two");
        Assert.Equal(new CommitOrigin(Id, new CommitId("c1")), (await pool.Find(Branch, Ct))!.Origin);
    }

    [SkippableFact]
    public async Task A_stash()
    {
        await using var pool = await Opened();
        await UntilThereIsSpace(pool, () => pool.Stash(Id, new CommitId("c1"), New, Labels(), Ct));
        await AssertHolds(pool, Id, "one");
        await AssertHolds(pool, New, "two");
    }

    [SkippableFact]
    public async Task A_full_stream()
    {
        await using var pool = await Opened();
        var (range, bytes) = await Sent(null);
        await UntilThereIsSpace(pool, () => pool.Receive(range, Labels(), new MemoryStream(bytes), Ct));
        await AssertHolds(pool, New, "two");
    }

    [SkippableFact]
    public async Task An_incremental_stream()
    {
        await using var pool = await Opened();
        var (first, start) = await Sent(null, "c1");
        await pool.Receive(first, Labels(), new MemoryStream(start), Ct);
        var (range, bytes) = await Sent("c1");
        await UntilThereIsSpace(pool, () => pool.Receive(range, Labels(), new MemoryStream(bytes), Ct));
        await AssertHolds(pool, New, "two");
    }

    [SkippableFact]
    public async Task A_mounted_commit()
    {
        await using var pool = await Opened();
        await UntilThereIsSpace(pool, () => pool.MountCommit(Id, new CommitId("c1"), Ct));
        var view = await pool.MountCommit(Id, new CommitId("c1"), Ct);
        Assert.Equal(Text("one", 3), await File.ReadAllTextAsync(Path.Combine(view, "__default__", "folder3", "file")));
    }

    private async Task UntilThereIsSpace(DirectoryStorage pool, Func<Task> operation)
    {
        var before = await StateOf(pool);
        var refusals = 0;
        for (long space = 0; ; space += space < 64 * 1024 ? 4096 : 32 * 1024)
        {
            LeaveOnly(space);
            try
            {
                await operation();
                break;
            }
            catch (StorageException full)
            {
                Assert.True(full.Failure == StorageFailure.PoolFull, $"with {space} bytes: {full}");
                Assert.True(space < 2 * PoolBytes, $"still refused with the whole pool free: {full}");
                refusals++;
            }

            Assert.Equal(before, await StateOf(pool));
        }

        Assert.True(refusals > 0, "There was always space");
        File.Delete(Filler);
        Assert.Empty(System.IO.Directory.EnumerateFileSystemEntries(Path.Combine(Root, "intents")));
        Assert.Empty(System.IO.Directory.EnumerateFileSystemEntries(Path.Combine(Root, "tmp")));
        Assert.Empty(await pool.Recover(Ct));
    }

    private string Filler => Path.Combine(Root, "filler");

    private void LeaveOnly(long space)
    {
        File.Delete(Filler);
        using var file = File.Create(Filler);
        // a filler that was just deleted may still be held by a command that another spec is starting
        file.Write(new byte[Math.Max(0, new DriveInfo(Root).AvailableFreeSpace - space)]);
    }

    /// <summary>What is listed, what the live trees hold, and what lies about in the pool's own folders.</summary>
    private async Task<string> StateOf(DirectoryStorage pool)
    {
        var lines = new List<string>();
        foreach (var filesystem in await pool.List(Ct))
        {
            var commits = string.Join(',', filesystem.Commits.Select(c => $"{c.Id}/{c.Guid}"));
            lines.Add($"{filesystem.Id} {filesystem.Origin} {filesystem.Mounted} {commits}");
            var folder = Path.Combine(Root, "fs", filesystem.Id.Value);
            lines.Add(TreeText.Of(Path.Combine(folder, "live")));
            lines.AddRange(Names(Path.Combine(folder, "manifests")));
            lines.AddRange(Names(Path.Combine(folder, "scratch")));
        }

        lines.AddRange(new[] { "tmp", "intents", "mnt/dmfs" }.SelectMany(folder => Names(Path.Combine(Root, folder))));
        return string.Join('\n', lines);
    }

    private static IEnumerable<string> Names(string folder) => System.IO.Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal);

    /// <summary>c1 holds "one", c2 and the live tree "two"; a branch stands on c2.</summary>
    private async Task<DirectoryStorage> Opened()
    {
        Skip.IfNot(_pools.TryMakeSmall("pool", PoolBytes), "Mounting a small file system needs root");
        var pool = await _pools.Open("pool", new Faults());
        await Fill(pool, Id);
        await pool.Branch(Id, new CommitId("c2"), Branch, Labels(), Ct);
        return pool;
    }

    private static async Task Fill(IStorage pool, FilesystemId id)
    {
        await pool.Create(id, Labels(), Ct);
        await WriteAll(pool, id, "one");
        await Commit(pool, id, "c1");
        await WriteAll(pool, id, "two");
        await Commit(pool, id, "c2");
    }

    private async Task<(StreamRange Range, byte[] Bytes)> Sent(string? from, string to = "c2")
    {
        await using var source = await _pools.Open("source", new Faults());
        if (await source.Find(New, Ct) is null)
        {
            await Fill(source, New);
        }

        var range = new StreamRange(New, from is null ? null : new CommitOrigin(New, new CommitId(from)), new CommitId(to));
        return (range, await source.Sent(range));
    }

    private static async Task WriteAll(IStorage pool, FilesystemId id, string text)
    {
        var folder = Path.Combine(await pool.Mount(id, Ct), "__default__");
        for (var n = 0; n < 5; n++)
        {
            // other folders each time, so that folders are made and removed as well
            var name = n < 4 ? $"folder{n}" : $"only-{text}";
            await File.WriteAllTextAsync(
                Path.Combine(System.IO.Directory.CreateDirectory(Path.Combine(folder, name)).FullName, "file"), Text(text, n), Ct);
        }
    }

    private static async Task AssertHolds(IStorage pool, FilesystemId id, string text)
    {
        var folder = Path.Combine(await pool.Mount(id, Ct), "__default__");
        for (var n = 0; n < 4; n++)
        {
            Assert.Equal(Text(text, n), await File.ReadAllTextAsync(Path.Combine(folder, $"folder{n}", "file"), Ct));
        }

        Assert.True(System.IO.Directory.Exists(Path.Combine(folder, $"only-{text}")));
    }

    private static string Text(string text, int n) =>
        $"{text} {n} {Convert.ToHexString(SHA256.HashData([(byte)n]))}".PadRight(FileBytes, 'x');

    private static Task Commit(IStorage pool, FilesystemId id, string commit) =>
        pool.Commit(id, new CommitId(commit), CommitMetadata.Empty.With("message", "m"), Ct);

    private static FilesystemLabels Labels() => new(
        Id, new DotName("admin", "test"), "", "0", "admin",
        System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty);
}
