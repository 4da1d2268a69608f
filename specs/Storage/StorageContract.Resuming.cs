using System.Security.Cryptography;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Streams that broke off: what came is not sent again where a driver can keep it, and is in nobody's way.</summary>
public abstract partial class StorageContract
{
    private const int LargeFile = 1_500_000;

    // two streams of the same differ in a few bytes of their heads
    private const int Slack = 4096;

    /// <summary>Whether this pool keeps a part of a commit (a file, a block) and not only commits that came whole.</summary>
    protected virtual bool KeepsPartsOfCommits => true;

    private int Half(byte[] whole) => KeepsPartsOfCommits ? whole.Length / 2 : whole.Length + Slack;

    [SkippableFact]
    public async Task Of_several_commits_those_that_came_whole_are_not_sent_again()
    {
        var (id, commits) = await Large(3);
        var range = new StreamRange(id, null, commits[^1]);
        await using var other = await OpenAnother();
        var whole = await Storage.Sent(range);

        await BreaksOff(other, range, whole, 0.9);
        var rest = await Storage.Sent(range, await other.ResumePoint(range, Ct));

        Assert.InRange(rest.Length, 1, whole.Length / 2);
        await other.Receive(range, LabelsOf(id), new MemoryStream(rest), Ct);
        await AssertSame(other, id);
        Assert.Null(await other.ResumePoint(range, Ct));
    }

    [SkippableFact]
    public async Task It_may_break_off_again_and_again()
    {
        var (id, commits) = await Large(4);
        var range = new StreamRange(id, null, commits[^1]);
        await using var other = await OpenAnother();
        var lengths = new List<int>();
        foreach (var part in new[] { 0.6, 0.05, 0.7, 0.6 })
        {
            var stream = await Storage.Sent(range, await other.ResumePoint(range, Ct));
            lengths.Add(stream.Length);
            await BreaksOff(other, range, stream, part);
        }

        Assert.All(lengths.Zip(lengths.Skip(1)), pair => Assert.InRange(pair.Item2, 1, pair.Item1 + Slack));
        Assert.InRange(lengths[^1], 1, lengths[0] / 2);
        await other.Receive(range, LabelsOf(id), new MemoryStream(await Storage.Sent(range, await other.ResumePoint(range, Ct))), Ct);
        await AssertSame(other, id);
    }

    [SkippableFact]
    public async Task Within_a_commit_what_came_of_it_is_not_sent_again()
    {
        var (id, commits) = await Large(1, files: 8);
        var range = new StreamRange(id, null, commits[^1]);
        await using var other = await OpenAnother();
        var whole = await Storage.Sent(range);

        await BreaksOff(other, range, whole, 0.8);
        var rest = await Storage.Sent(range, await other.ResumePoint(range, Ct));

        Assert.InRange(rest.Length, 1, Half(whole));
        await other.Receive(range, LabelsOf(id), new MemoryStream(rest), Ct);
        await AssertSame(other, id);
    }

    [SkippableFact]
    public async Task A_commit_on_top_of_another_goes_on_too_and_nothing_of_it_is_seen_before()
    {
        var (other, range, whole) = await BrokenOnTop();
        await using var _ = other;
        Assert.Equal([range.From!.Commit], (await Found(other, range.Filesystem)).Commits.Select(commit => commit.Id));
        Assert.Equal(0, (await other.Usage([range.Filesystem], Ct))[range.Filesystem].DirtyBytes);

        var rest = await Storage.Sent(range, await other.ResumePoint(range, Ct));

        Assert.InRange(rest.Length, 1, Half(whole));
        await other.Receive(range, LabelsOf(range.Filesystem), new MemoryStream(rest), Ct);
        await AssertSame(other, range.Filesystem);
    }

    [SkippableFact]
    public async Task A_branch_goes_on_where_it_broke_off()
    {
        var (id, commits) = await Large(1, files: 1);
        await using var other = await OpenAnother();
        await Copy(other, new StreamRange(id, null, commits[0]), LabelsOf(id));
        var branch = await Branched(id, commits[0]);
        var first = await LargeCommit(branch, 0, files: 1);
        var last = await LargeCommit(branch, 1, files: 1);
        var range = new StreamRange(branch, new CommitOrigin(id, commits[0]), last);
        var whole = await Storage.Sent(range);

        await BreaksOff(other, range, whole, 0.8);
        var rest = await Storage.Sent(range, await other.ResumePoint(range, Ct));

        Assert.InRange(rest.Length, 1, whole.Length * 2 / 3);
        await other.Receive(range, LabelsOf(id, "branch"), new MemoryStream(rest), Ct);
        await AssertSame(other, branch);
        Assert.Equal([first, last], (await Found(other, branch)).Commits.Select(commit => commit.Id));
    }

    [SkippableFact]
    public async Task What_was_kept_stands_in_the_way_of_no_rollback_stash_commit_or_removal()
    {
        var (other, range, whole) = await BrokenOnTop();
        await using var _ = other;
        var id = range.Filesystem;
        var own = await other.Commit(id, NewCommitId(), Message("meanwhile"), Ct);
        await other.Rollback(id, range.From!.Commit, Ct);
        Assert.DoesNotContain(own.Id, (await Found(other, id)).Commits.Select(commit => commit.Id));

        await BreaksOff(other, range, whole, 0.8);
        var stash = NewFilesystemId();
        await other.Stash(id, range.From.Commit, stash, LabelsOf(id, "stash"), Ct);
        await other.Destroy(stash, Ct);

        await BreaksOff(other, range, whole, 0.8);
        var branch = NewFilesystemId();
        await other.Branch(id, range.From.Commit, branch, LabelsOf(id, "branch"), Ct);
        await BreaksOff(other, range, whole, 0.8);
        await other.Destroy(branch, Ct);
        await BreaksOff(other, range, whole, 0.8);
        await other.Destroy(id, Ct);
        Assert.Empty(await other.List(Ct));
    }

    [SkippableFact]
    public async Task A_stream_from_the_beginning_takes_the_place_of_what_was_kept()
    {
        var (other, range, whole) = await BrokenOnTop();
        await using var _ = other;
        await other.Receive(range, LabelsOf(range.Filesystem), new MemoryStream(whole), Ct);
        await AssertSame(other, range.Filesystem);
    }

    [SkippableFact]
    public async Task A_stream_that_goes_on_elsewhere_than_it_broke_off_is_refused_or_brings_all_that_was_sent()
    {
        var (id, commits) = await Large(3);
        var range = new StreamRange(id, null, commits[^1]);
        await using var other = await OpenAnother();
        var whole = await Storage.Sent(range);
        await BreaksOff(other, range, whole, 0.5);
        var early = await Storage.Sent(range, await other.ResumePoint(range, Ct));
        await BreaksOff(other, range, early, 0.7);

        try
        {
            // a folder has what came before that place too
            await other.Receive(range, LabelsOf(id), new MemoryStream(early), Ct);
        }
        catch (StorageException refused)
        {
            Assert.Equal(StorageFailure.BadStream, refused.Failure);
            Assert.Null(await other.ResumePoint(range, Ct));
            await other.Receive(range, LabelsOf(id), new MemoryStream(whole), Ct);
        }

        await AssertSame(other, id);
    }

    [SkippableFact]
    public async Task A_restart_forgets_what_was_kept()
    {
        var (id, commits) = await Large(2);
        var range = new StreamRange(id, null, commits[^1]);
        await using var source = await OpenAnother();
        await Copy(source, range, LabelsOf(id));
        await Storage.Destroy(id, Ct);
        var whole = await source.Sent(range);
        await BreaksOff(Storage, range, whole, 0.9);
        Assert.NotNull(await Storage.ResumePoint(range, Ct));

        await Restart();

        Assert.Null(await Storage.ResumePoint(range, Ct));
        Assert.Empty(await Storage.List(Ct));
        await Storage.Receive(range, LabelsOf(id), new MemoryStream(whole), Ct);
    }

    /// <summary>A pool with one commit, for which a stream of a second one broke off.</summary>
    private async Task<(IStorage Other, StreamRange Range, byte[] Whole)> BrokenOnTop()
    {
        var (id, commits) = await Large(1, files: 1);
        var other = await OpenAnother();
        await Copy(other, new StreamRange(id, null, commits[0]), LabelsOf(id));
        var range = new StreamRange(id, new CommitOrigin(id, commits[0]), await LargeCommit(id, 1, files: 8));
        var whole = await Storage.Sent(range);
        await BreaksOff(other, range, whole, 0.8);
        return (other, range, whole);
    }

    private async Task<(FilesystemId Id, List<CommitId> Commits)> Large(int commits, int files = 3)
    {
        var id = await Created();
        var made = new List<CommitId>();
        for (var n = 0; n < commits; n++)
        {
            made.Add(await LargeCommit(id, n, files));
        }

        return (id, made);
    }

    private async Task<CommitId> LargeCommit(FilesystemId id, int number, int files)
    {
        var folder = Path.Combine(await Storage.Mount(id, Ct), "__default__");
        for (var n = 0; n < files; n++)
        {
            await File.WriteAllBytesAsync(Path.Combine(folder, $"{number}-{n}"), RandomNumberGenerator.GetBytes(LargeFile), Ct);
        }

        return await Committed(id, $"large {number}");
    }

    private async Task BreaksOff(IStorage storage, StreamRange range, byte[] stream, double part) =>
        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => storage.Receive(range, LabelsOf(range.Filesystem), new Gone(stream[..(int)(stream.Length * part)]), Ct));

    private async Task AssertSame(IStorage other, FilesystemId id)
    {
        AssertSameCommits(await Found(id), await Found(other, id));
        Assert.Equal(await Hashes(Storage, id), await Hashes(other, id));
    }

    private async Task<List<string>> Hashes(IStorage storage, FilesystemId id)
    {
        var hashes = new List<string>();
        foreach (var file in System.IO.Directory.GetFiles(Path.Combine(await storage.Mount(id, Ct), "__default__")).Order(StringComparer.Ordinal))
        {
            await using var content = File.OpenRead(file);
            hashes.Add($"{Path.GetFileName(file)} {Convert.ToHexString(await SHA256.HashDataAsync(content, Ct))}");
        }

        return hashes;
    }
}
