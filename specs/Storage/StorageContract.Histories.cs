using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Directory;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Rollback, branches, stash, mounted commits, usage, destruction.</summary>
public abstract partial class StorageContract
{
    [SkippableFact]
    public async Task A_rollback_discards_later_commits_and_uncommitted_data()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Committed(id, "file", "two");
        await Write(id, "new", "not committed");
        await Storage.Rollback(id, first, Ct);
        Assert.Equal("one", await Read(id, "file"));
        Assert.Null(await Read(id, "new"));
        Assert.Equal([first], await CommitsOf(id));
    }

    [SkippableFact]
    public async Task A_rollback_to_the_newest_commit_discards_uncommitted_data_only_and_can_be_repeated()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        var second = await Committed(id, "file", "two");
        await Write(id, "file", "three");
        await Storage.Rollback(id, second, Ct);
        await Storage.Rollback(id, second, Ct);
        Assert.Equal("two", await Read(id, "file"));
        Assert.Equal([first, second], await CommitsOf(id));
    }

    [SkippableFact]
    public async Task A_rollback_to_a_commit_that_is_not_there_is_refused_and_changes_nothing()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Write(id, "file", "two");
        await Refused(StorageFailure.NotFound, () => Storage.Rollback(id, NewCommitId(), Ct));
        Assert.Equal("two", await Read(id, "file"));
        Assert.Equal([first], await CommitsOf(id));
    }

    [SkippableFact]
    public async Task After_a_rollback_commits_go_on()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Committed(id, "file", "two");
        await Storage.Rollback(id, first, Ct);
        var third = await Committed(id, "file", "three");
        Assert.Equal([first, third], await CommitsOf(id));
        Assert.Equal("three", await ReadAt(id, third, "file"));
    }

    [SkippableFact]
    public async Task A_branch_made_from_a_later_commit_survives_a_rollback()
    {
        var (id, first, branch) = await RolledBackUnderABranch();
        Assert.Equal([first], await CommitsOf(id));
        Assert.Equal("one", await Read(id, "file"));
        Assert.Equal("three, changed in the branch", await Read(branch, "file"));
        Assert.Equal(new CommitOrigin(id, first), (await Found(branch)).Origin);
        await Committed(branch, "file", "the branch goes on");
        await Committed(id, "file", "and so does the master");
    }

    [SkippableFact]
    public async Task A_rollback_under_branches_keeps_ids_guids_metadata_and_labels()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        var second = await Committed(id, "file", "two");
        await Branched(id, second);
        var before = await Found(id);
        await Storage.Rollback(id, first, Ct);
        var after = await Found(id);
        Assert.Equal(before.Commits[0] with { CreatedAt = default }, after.Commits.Single() with { CreatedAt = default });
        AssertLabels(before.Labels!, after.Labels);
        Assert.Null(after.Origin);
    }

    [SkippableFact]
    public async Task Two_branches_of_different_later_commits_both_survive_a_rollback()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        var early = await Branched(id, first, "early");
        var second = await Branched(id, await Committed(id, "file", "two"), "second");
        var third = await Branched(id, await Committed(id, "file", "three"), "third");
        await Committed(id, "file", "four");
        await Storage.Rollback(id, first, Ct);
        Assert.Equal("one", await Read(id, "file"));
        Assert.Equal("one", await Read(early, "file"));
        Assert.Equal("two", await Read(second, "file"));
        Assert.Equal("three", await Read(third, "file"));
        Assert.Equal(4, (await Storage.List(Ct)).Count);
        await Restart();
        Assert.Equal("three", await Read(third, "file"));
    }

    [SkippableFact]
    public async Task A_branch_starts_at_its_commit_and_goes_its_own_way()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Committed(id, "file", "two");
        var branch = await Branched(id, first);
        Assert.Equal("one", await Read(branch, "file"));
        await Committed(branch, "file", "branched");
        Assert.Equal("two", await Read(id, "file"));
        var found = await Found(branch);
        Assert.Equal(new CommitOrigin(id, first), found.Origin);
        Assert.Single(found.Commits);
        Assert.Equal("branch", found.Labels!.Branch);
        Assert.Equal(2, (await CommitsOf(id)).Length);
    }

    [SkippableFact]
    public async Task A_branch_of_a_branch_has_the_branch_as_its_origin()
    {
        var id = await Created();
        var branch = await Branched(id, await Committed(id, "file", "one"));
        var inBranch = await Committed(branch, "file", "two");
        var second = await Branched(branch, inBranch, "second");
        Assert.Equal(new CommitOrigin(branch, inBranch), (await Found(second)).Origin);
        Assert.Equal("two", await Read(second, "file"));
        Assert.Equal(3, (await Storage.List(Ct)).Count);
    }

    [SkippableFact]
    public async Task A_branch_of_a_missing_commit_or_under_a_taken_id_is_refused()
    {
        var id = await Created();
        var commit = await Committed(id, "file", "one");
        await Refused(StorageFailure.NotFound, () => Storage.Branch(id, NewCommitId(), NewFilesystemId(), LabelsOf(id, "b"), Ct));
        await Refused(StorageFailure.AlreadyExists, () => Storage.Branch(id, commit, id, LabelsOf(id, "b"), Ct));
        Assert.Single(await Storage.List(Ct));
    }

    [SkippableFact]
    public async Task A_stash_keeps_what_came_after_the_commit_and_takes_the_filesystem_back_to_it()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        var second = await Committed(id, "file", "two");
        await Write(id, "file", "not committed");
        var stash = NewFilesystemId();
        var guids = (await Found(id)).Commits.ToDictionary(c => c.Id, c => c.Guid);
        await Storage.Stash(id, first, stash, LabelsOf(id, "master-DIVERGED"), Ct);
        Assert.Equal("one", await Read(id, "file"));
        Assert.Equal("not committed", await Read(stash, "file"));
        Assert.Equal([first], await CommitsOf(id));
        var stashed = await Found(stash);
        Assert.Equal(new CommitOrigin(id, first), stashed.Origin);
        Assert.Equal(second, Assert.Single(stashed.Commits).Id);
        Assert.Equal(guids[second], stashed.Commits[0].Guid);
        Assert.Equal(guids[first], (await Found(id)).Commits[0].Guid);
        AssertLabels(LabelsOf(id, "master-DIVERGED"), stashed.Labels);
        AssertLabels(LabelsOf(id), (await Found(id)).Labels);
        await Storage.Stash(id, first, stash, LabelsOf(id, "master-DIVERGED"), Ct);
        Assert.Equal("not committed", await Read(stash, "file"));
    }

    [SkippableFact]
    public async Task A_stash_of_a_branch_leaves_its_origin_true()
    {
        var id = await Created();
        var origin = await Committed(id, "file", "one");
        var branch = await Branched(id, origin);
        var kept = await Committed(branch, "file", "two");
        await Committed(branch, "file", "three");
        var stash = NewFilesystemId();
        await Storage.Stash(branch, kept, stash, LabelsOf(id, "stash"), Ct);
        Assert.Equal(new CommitOrigin(id, origin), (await Found(branch)).Origin);
        Assert.Equal(new CommitOrigin(branch, kept), (await Found(stash)).Origin);
        Assert.Equal("two", await Read(branch, "file"));
        Assert.Equal("three", await Read(stash, "file"));
    }

    [SkippableFact]
    public async Task A_mounted_commit_is_read_only_and_mounting_it_again_gives_the_same_path()
    {
        var id = await Created();
        var commit = await Committed(id, "file", "one");
        var path = await Storage.MountCommit(id, commit, Ct);
        Assert.EndsWith($"/dmfs/{id}@{commit}", path, StringComparison.Ordinal);
        Assert.Equal(path, await Storage.MountCommit(id, commit, Ct));
        if (Storage.Capabilities.Features.GetValueOrDefault(DirectoryStorage.ReadOnlyViews, true))
        {
            await RefusesWrites(Path.Combine(path, "__default__", "new"));
        }

        Assert.Single(await Storage.List(Ct));
        await Refused(StorageFailure.NotFound, () => Storage.MountCommit(id, NewCommitId(), Ct));
    }

    [SkippableFact]
    public async Task Mounted_commits_do_not_stand_in_the_way_of_a_rollback_or_a_removal()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        var second = await Committed(id, "file", "two");
        await Storage.MountCommit(id, first, Ct);
        await Storage.MountCommit(id, second, Ct);
        await Storage.Rollback(id, first, Ct);
        Assert.Equal("one", await ReadAt(id, first, "file"));
        await Storage.Destroy(id, Ct);
        Assert.Empty(await Storage.List(Ct));
    }

    [SkippableFact]
    public async Task Unmounting_and_mounting_are_idempotent()
    {
        var id = await Created();
        await Write(id, "file", "one");
        await Storage.Unmount(id, Ct);
        await Storage.Unmount(id, Ct);
        Assert.False((await Found(id)).Mounted);
        await Storage.Mount(id, Ct);
        await Storage.Mount(id, Ct);
        Assert.Equal("one", await Read(id, "file"));
    }

    [SkippableFact]
    public async Task Nothing_is_dirty_after_a_commit_and_everything_written_is()
    {
        var id = await Created();
        Assert.True(await DirtyOf(id) > 0);
        await Committed(id, "file", "one");
        Assert.Equal(0, await DirtyOf(id));
        await Write(id, "file", "two");
        Assert.True(await DirtyOf(id) > 0);
        await Committed(id, "two");
        Assert.Equal(0, await DirtyOf(id));
        await Committed(id, "empty");
        Assert.Equal(0, await DirtyOf(id));
        await Write(id, "file", "owt");
        Assert.True(await DirtyOf(id) > 0);
    }

    [SkippableFact]
    public async Task A_removed_file_is_dirt_and_a_rollback_removes_the_dirt()
    {
        var id = await Created();
        await Write(id, "other", new string('x', 100_000));
        var commit = await Committed(id, "file", "one");
        File.Delete(Path.Combine(await Storage.Mount(id, Ct), "__default__", "other"));
        Assert.True(await DirtyOf(id) > 0);
        await Storage.Rollback(id, commit, Ct);
        Assert.Equal(0, await DirtyOf(id));
        Assert.Equal(100_000, (await Read(id, "other"))!.Length);
    }

    [SkippableFact]
    public async Task Sizes_are_told_for_all_filesystems_asked_for()
    {
        var (small, big) = (await Created(), await Created());
        // nothing that a pool could compress: OpenZFS does from 2.2 on
        var noise = new byte[2_250_000];
        new Random(1).NextBytes(noise);
        await Write(big, "file", Convert.ToBase64String(noise));
        await Committed(small);
        await Committed(big);
        var branch = await Branched(big, (await CommitsOf(big))[0]);
        var usage = await Storage.Usage([small, big, branch, NewFilesystemId()], Ct);
        Assert.Equal(3, usage.Count);
        Assert.InRange(usage[big].SizeBytes, 3_000_000, 6_000_000);
        Assert.True(usage[small].SizeBytes < 1_000_000);
        Assert.Equal(0, usage[branch].DirtyBytes);
    }

    [SkippableFact]
    public async Task A_destroyed_filesystem_is_gone_with_its_paths_and_destroying_it_again_is_done()
    {
        var id = await Created();
        var path = await Storage.Mount(id, Ct);
        await Committed(id, "file", "one");
        await Storage.Destroy(id, Ct);
        await Storage.Destroy(id, Ct);
        Assert.Null(await Storage.Find(id, Ct));
        Assert.False(System.IO.Directory.Exists(path));
    }

    [SkippableFact]
    public async Task A_filesystem_with_branches_is_not_destroyed_and_the_branches_are_named()
    {
        var id = await Created();
        var commit = await Committed(id, "file", "one");
        var branch = await Branched(id, commit);
        var refusal = await Refused(StorageFailure.HasDependents, () => Storage.Destroy(id, Ct));
        Assert.Contains(branch.Value, refusal.Message);
        Assert.Equal("one", await Read(id, "file"));
        Assert.Equal([commit], await CommitsOf(id));
        await Storage.Destroy(branch, Ct);
        await Storage.Destroy(id, Ct);
        Assert.Empty(await Storage.List(Ct));
    }

    [SkippableFact]
    public async Task Work_on_different_filesystems_goes_on_at_the_same_time()
    {
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(async n =>
        {
            var id = await Created();
            for (var c = 0; c < 3; c++)
            {
                await Committed(id, "file", $"{n}.{c}");
            }

            await Storage.Rollback(id, (await CommitsOf(id))[1], Ct);
            return (Id: id, Text: await Read(id, "file"));
        }));
        Assert.Equal(Enumerable.Range(0, 8).Select(n => $"{n}.1"), all.Select(a => a.Text));
        Assert.All(await Storage.List(Ct), f => Assert.Equal(2, f.Commits.Length));
    }

    /// <summary>one, two (rolled back to one), three; a branch with own changes stands on three.</summary>
    private async Task<(FilesystemId Id, CommitId First, FilesystemId Branch)> RolledBackUnderABranch()
    {
        var (id, first, branch) = await ReadyToRollBackUnderABranch();
        await Storage.Rollback(id, first, Ct);
        return (id, first, branch);
    }

    private async Task<(FilesystemId Id, CommitId First, FilesystemId Branch)> ReadyToRollBackUnderABranch()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Committed(id, "file", "two");
        var branch = await Branched(id, await Committed(id, "file", "three"));
        await Write(branch, "file", "three, changed in the branch");
        await Write(id, "file", "not committed");
        return (id, first, branch);
    }
}
