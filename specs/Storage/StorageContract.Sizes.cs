using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// Sizes of commits. A pool may count what it needs itself for files besides their contents; nothing that it could compress is written.
/// </summary>
public abstract partial class StorageContract
{
    private const int SmallBytes = 256 << 10, LargeBytes = 1 << 20, OverheadBytes = 192 << 10;

    [SkippableFact]
    public async Task A_commit_has_the_size_that_its_filesystem_had_however_it_changes_later()
    {
        var id = await Created();
        var empty = await Sized(id);
        await Fill(id, "a", SmallBytes);
        var small = await Sized(id);
        await Fill(id, "b", LargeBytes);
        var grown = await Sized(id);
        await Fill(id, "b", SmallBytes);
        var shrunk = await Sized(id);
        await Fill(id, "c", LargeBytes);

        var sizes = await Storage.CommitSizes(id, Ct);

        Assert.Equal(new[] { empty, small, grown, shrunk }.ToDictionary(commit => commit.Id, commit => commit.Bytes), sizes.ToDictionary());
        AssertAbout(0, empty.Bytes);
        AssertAbout(SmallBytes, small.Bytes);
        AssertAbout(SmallBytes + LargeBytes, grown.Bytes);
        AssertAbout(SmallBytes + SmallBytes, shrunk.Bytes);
        await Restart();
        Assert.Equal(sizes.ToDictionary(), (await Storage.CommitSizes(id, Ct)).ToDictionary());
    }

    [SkippableFact]
    public async Task A_commit_without_a_change_has_the_size_of_the_one_before_it()
    {
        var id = await Created();
        await Fill(id, "a", SmallBytes);
        var (first, second) = (await Sized(id), await Sized(id));
        AssertAbout(SmallBytes, first.Bytes);
        AssertAbout(SmallBytes, second.Bytes);
        Assert.Equal(2, (await Storage.CommitSizes(id, Ct)).Count);
    }

    [SkippableFact]
    public async Task Sizes_are_told_of_own_commits_and_count_what_a_branch_has_from_its_origin()
    {
        var id = await Created();
        await Fill(id, "a", LargeBytes);
        var origin = await Sized(id);
        var branch = await Branched(id, origin.Id);
        Assert.Empty(await Storage.CommitSizes(branch, Ct));
        await Fill(branch, "b", SmallBytes);
        var own = await Sized(branch);

        Assert.Equal([own.Id], (await Storage.CommitSizes(branch, Ct)).Keys);
        AssertAbout(LargeBytes + SmallBytes, own.Bytes);
        Assert.Equal([origin.Id], (await Storage.CommitSizes(id, Ct)).Keys);
    }

    [SkippableFact]
    public async Task After_a_rollback_sizes_are_told_of_the_commits_that_stayed_and_by_a_branch_of_those_it_took_over()
    {
        var id = await Created();
        await Fill(id, "a", SmallBytes);
        var first = await Sized(id);
        await Fill(id, "b", LargeBytes);
        var second = await Sized(id);
        var branch = await Branched(id, second.Id);

        await Storage.Rollback(id, first.Id, Ct);

        var stayed = Assert.Single(await Storage.CommitSizes(id, Ct));
        Assert.Equal(first.Id, stayed.Key);
        AssertAbout(SmallBytes, stayed.Value);
        var taken = Assert.Single(await Storage.CommitSizes(branch, Ct));
        Assert.Equal(second.Id, taken.Key);
        AssertAbout(SmallBytes + LargeBytes, taken.Value);
        await Fill(id, "c", LargeBytes);
        var next = await Sized(id);
        Assert.Equal(2, (await Storage.CommitSizes(id, Ct)).Count);
        AssertAbout(SmallBytes + LargeBytes, next.Bytes);
    }

    [SkippableFact]
    public async Task Commits_that_came_by_a_stream_have_their_sizes()
    {
        var id = await Created();
        await Fill(id, "a", SmallBytes);
        var first = await Sized(id);
        await Fill(id, "b", LargeBytes);
        var second = await Sized(id);
        await using var other = await OpenAnother();

        await Copy(other, new StreamRange(id, null, first.Id), LabelsOf(id));
        await Copy(other, new StreamRange(id, new CommitOrigin(id, first.Id), second.Id), LabelsOf(id));

        var sizes = await other.CommitSizes(id, Ct);
        Assert.Equal(2, sizes.Count);
        AssertAbout(SmallBytes, sizes[first.Id]);
        AssertAbout(SmallBytes + LargeBytes, sizes[second.Id]);
    }

    [SkippableFact]
    public async Task A_filesystem_without_commits_and_one_that_is_not_there_have_no_sizes()
    {
        Assert.Empty(await Storage.CommitSizes(await Created(), Ct));
        Assert.Empty(await Storage.CommitSizes(NewFilesystemId(), Ct));
    }

    /// <summary>Commits, and says what the filesystem holds at that moment.</summary>
    private async Task<(CommitId Id, long Bytes)> Sized(FilesystemId id)
    {
        var commit = await Committed(id);
        return (commit, (await Storage.Usage([id], Ct))[id].SizeBytes);
    }

    private async Task Fill(FilesystemId id, string file, int bytes)
    {
        var noise = new byte[bytes];
        new Random(bytes).NextBytes(noise);
        await File.WriteAllBytesAsync(Path.Combine(await Storage.Mount(id, Ct), "__default__", file), noise, Ct);
    }

    private static void AssertAbout(long files, long bytes) => Assert.InRange(bytes, files, files + OverheadBytes);
}
