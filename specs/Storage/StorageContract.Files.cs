using System.Security.Cryptography;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Posix;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// Files come back as they were: after rollback, in a branch, in a mounted commit and from a stream. What a tree holds is
/// compared as one text (<see cref="TreeText"/>), a line for every entry.
/// </summary>
public abstract partial class StorageContract
{
    /// <summary>How many small files one filesystem is tried with; fewer where an emulated machine needs minutes for them.</summary>
    protected virtual int ManyFiles => 100_000;

    /// <summary>Whether the mounted commit shows permissions as committed; a driver may take the write bits away.</summary>
    protected virtual bool CommitViewsKeepWriteBits => true;

    /// <summary>Most are written into one filesystem, each into a folder of its own; these want one for themselves.</summary>
    public static TheoryData<string> FileKinds => ["all kinds", "owners"];

    [SkippableTheory]
    [MemberData(nameof(FileKinds))]
    public async Task Files_come_back_by_rollback(string kind)
    {
        var (id, commit, before) = await Written(kind);
        await Replace(id);
        Assert.NotEqual(before, await TextOf(id));
        await Storage.Rollback(id, commit, Ct);
        Assert.Equal(before, await TextOf(id));
        Assert.Equal(0, await DirtyOf(id));
    }

    [SkippableTheory]
    [MemberData(nameof(FileKinds))]
    public async Task Files_are_the_same_in_a_branch_and_independent(string kind)
    {
        var (id, commit, before) = await Written(kind);
        var branch = await Branched(id, commit);
        Assert.Equal(before, await TextOf(branch));
        await Replace(branch);
        Assert.Equal(before, await TextOf(id));
    }

    [SkippableTheory]
    [MemberData(nameof(FileKinds))]
    public async Task Files_are_the_same_in_a_mounted_commit(string kind)
    {
        var (id, commit, before) = await Written(kind);
        await Replace(id);
        var view = Path.Combine(await Storage.MountCommit(id, commit, Ct), "__default__");
        Assert.Equal(Masked(before), Masked(TreeText.Of(view)));
    }

    [SkippableTheory]
    [MemberData(nameof(FileKinds))]
    public async Task Files_come_through_a_stream(string kind)
    {
        var (id, commit, before) = await Written(kind);
        await using var other = await OpenAnother();
        await other.Recover(Ct);
        var stream = new MemoryStream();
        var range = new StreamRange(id, null, commit);
        await Storage.Send(range, stream, Ct);
        stream.Position = 0;
        await other.Receive(range, LabelsOf(id), stream, Ct);
        Assert.Equal(before, TreeText.Of(Path.Combine(await other.Mount(id, Ct), "__default__")));
        Assert.Equal(0, (await other.Usage([id], Ct))[id].DirtyBytes);
    }

    [SkippableTheory]
    [MemberData(nameof(FileKinds))]
    public async Task Files_come_through_an_incremental_stream_in_both_directions_of_the_change(string kind)
    {
        var (id, with, _) = await Written(kind);
        await Replace(id);
        var without = await Committed(id, "without");
        await Storage.Rollback(id, without, Ct);
        var expected = await TextOf(id);
        await using var other = await OpenAnother();
        await other.Recover(Ct);
        await Transfer(Storage, other, new StreamRange(id, null, with));
        await Transfer(Storage, other, new StreamRange(id, new CommitOrigin(id, with), without));
        Assert.Equal(expected, TreeText.Of(Path.Combine(await other.Mount(id, Ct), "__default__")));
    }

    [SkippableFact]
    public async Task A_symbolic_link_out_of_the_tree_is_kept_and_never_followed()
    {
        var id = await Created();
        var outside = System.IO.Directory.CreateTempSubdirectory("dotmesh-outside-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(outside, "secret"), "untouched");
            var folder = Path.Combine(await Storage.Mount(id, Ct), "__default__");
            File.CreateSymbolicLink(Path.Combine(folder, "out"), outside);
            var first = await Committed(id);
            await Write(id, "new", "text");
            await Storage.Rollback(id, first, Ct);
            await Storage.Destroy(id, Ct);
            Assert.Equal("untouched", await File.ReadAllTextAsync(Path.Combine(outside, "secret")));
        }
        finally
        {
            System.IO.Directory.Delete(outside, recursive: true);
        }
    }

    [SkippableFact]
    public async Task A_file_rewritten_in_place_with_its_old_time_and_size_is_seen()
    {
        var id = await Created();
        await Write(id, "file", "one");
        var path = Path.Combine(await Storage.Mount(id, Ct), "__default__", "file");
        var time = File.GetLastWriteTimeUtc(path);
        await Committed(id);
        await File.WriteAllTextAsync(path, "two");
        File.SetLastWriteTimeUtc(path, time);
        var second = await Committed(id);
        await Write(id, "file", "three");
        await Storage.Rollback(id, second, Ct);
        Assert.Equal("two", await Read(id, "file"));
    }

    [SkippableFact]
    public async Task Commits_in_quick_succession_keep_each_its_own_content()
    {
        var id = await Created();
        var commits = new List<CommitId>();
        for (var n = 0; n < 30; n++)
        {
            commits.Add(await Committed(id, "file", $"{n:D4}"));
        }

        for (var n = commits.Count - 1; n >= 0; n -= 7)
        {
            await Storage.Rollback(id, commits[n], Ct);
            Assert.Equal($"{n:D4}", await Read(id, "file"));
        }
    }

    [SkippableFact]
    public async Task A_writer_that_never_rests_does_not_stop_commits()
    {
        var id = await Created();
        var folder = Path.Combine(await Storage.Mount(id, Ct), "__default__");
        using var stop = new CancellationTokenSource();
        var writer = Task.Run(async () =>
        {
            for (var n = 0; !stop.IsCancellationRequested; n++)
            {
                var path = Path.Combine(folder, $"f{n % 50}");
                await File.WriteAllTextAsync(path + ".new", new string('x', n % 5000));
                File.Move(path + ".new", path, overwrite: true);
                File.Delete(Path.Combine(folder, $"f{(n + 25) % 50}"));
            }
        });
        for (var n = 0; n < 20; n++)
        {
            await Committed(id, $"commit {n}");
        }

        await stop.CancelAsync();
        await writer;
        var last = await Committed(id, "quiet");
        var text = await TextOf(id);
        await Write(id, "more", "text");
        await Storage.Rollback(id, last, Ct);
        Assert.Equal(text, await TextOf(id));
    }

    [SkippableFact]
    [Trait("Speed", "slow")]
    public async Task Many_small_files_are_committed_and_come_back()
    {
        var id = await Created();
        var folder = Path.Combine(await Storage.Mount(id, Ct), "__default__");
        for (var n = 0; n < ManyFiles; n++)
        {
            var at = System.IO.Directory.CreateDirectory(Path.Combine(folder, $"{n / 1000}")).FullName;
            await File.WriteAllTextAsync(Path.Combine(at, $"{n}"), $"content {n}");
        }

        var commit = await Committed(id);
        System.IO.Directory.Delete(Path.Combine(folder, "3"), recursive: true);
        await Storage.Rollback(id, commit, Ct);
        Assert.Equal(ManyFiles, System.IO.Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Count());
        Assert.Equal("content 3321", await Read(id, "3/3321"));
    }

    [SkippableFact]
    [Trait("Speed", "slow")]
    public async Task A_file_of_five_gibibytes_needs_no_memory_and_stays_sparse()
    {
        var id = await Created();
        var path = Path.Combine(await Storage.Mount(id, Ct), "__default__", "large");
        await using (var file = new FileStream(path, FileMode.Create))
        {
            file.SetLength(5L << 30);
            file.Position = 3L << 30;
            var block = RandomNumberGenerator.GetBytes(1 << 20);
            for (var n = 0; n < 256; n++)
            {
                await file.WriteAsync(block);
            }
        }

        // other specs of this process allocate too: one undisturbed commit will do
        var (commit, allocated) = (default(CommitId), long.MaxValue);
        for (var attempt = 0; attempt < 3 && allocated > 100L << 20; attempt++)
        {
            await using (var file = new FileStream(path, FileMode.Open))
            {
                file.Position = 3L << 30;
                file.WriteByte((byte)attempt);
            }

            var before = GC.GetTotalAllocatedBytes();
            commit = await Committed(id);
            allocated = GC.GetTotalAllocatedBytes() - before;
        }

        Assert.InRange(allocated, 0, 100L << 20);
        File.Delete(path);
        await Storage.Rollback(id, commit, Ct);
        Assert.Equal(5L << 30, new FileInfo(path).Length);
        Assert.InRange((await Storage.Usage([id], Ct))[id].SizeBytes, 256L << 20, 300L << 20);
    }

    /// <summary>A filesystem with files of these kinds in it, committed, and what its tree looks like.</summary>
    private async Task<(FilesystemId Id, CommitId Commit, string Text)> Written(string kinds)
    {
        Skip.If(kinds == "owners" && Libc.geteuid() != 0, "Only root may give files away");
        var id = await Created();
        var folder = Path.Combine(await Storage.Mount(id, Ct), "__default__");
        foreach (var (kind, write) in FileRecipes.All.Where(recipe => recipe.Key == kinds || (kinds == "all kinds" && recipe.Key != "owners")))
        {
            write(System.IO.Directory.CreateDirectory(Path.Combine(folder, kind)).FullName, Storage.Capabilities);
        }

        return (id, await Committed(id, kinds), await TextOf(id));
    }

    private async Task Replace(FilesystemId id)
    {
        var folder = Path.Combine(await Storage.Mount(id, Ct), "__default__");
        TreeText.Empty(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "something else"), "else", Ct);
    }

    private async Task<string> TextOf(FilesystemId id) =>
        TreeText.Of(Path.Combine(await Storage.Mount(id, Ct), "__default__"));

    private async Task Transfer(IStorage from, IStorage to, StreamRange range)
    {
        var stream = new MemoryStream();
        await from.Send(range, stream, Ct);
        stream.Position = 0;
        await to.Receive(range, LabelsOf(range.Filesystem), stream, Ct);
    }

    private string Masked(string text) => CommitViewsKeepWriteBits ? text : TreeText.WithoutWriteBits(text);
}
