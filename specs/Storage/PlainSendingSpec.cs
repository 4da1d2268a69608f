using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Plain streams of ours, taken by <c>zfs receive</c> as an original server calls it, and by our driver.</summary>
public class PlainSendingSpec : PlainStreamPools
{
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public async Task A_full_stream_is_taken_by_a_bare_receive_and_brings_no_properties(int commits)
    {
        var (id, made) = await Made(commits);
        await TherePool.Receive(await Sent(new(id, null, made[^1])), Name(TherePool, id));
        Assert.Equal(made.Select(c => $"{Name(TherePool, id)}@{c}"), await SnapshotsThere(id));
        Assert.Empty(await SetOn(TherePool, Name(TherePool, id)));
        Assert.Equal($"{commits}", await Read(There, id));
    }

    [SkippableFact]
    public async Task A_full_stream_may_end_before_the_newest_commit()
    {
        var (id, made) = await Made(3);
        await TherePool.Receive(await Sent(new(id, null, made[1])), Name(TherePool, id));
        Assert.Equal(2, (await SnapshotsThere(id)).Length);
        Assert.Equal("2", await Read(There, id));
    }

    [SkippableFact]
    public async Task An_incremental_stream_is_taken_by_a_bare_receive()
    {
        var (id, made) = await Made(4);
        await TherePool.Receive(await Sent(new(id, null, made[0])), Name(TherePool, id));
        await TherePool.Receive(await Sent(From(id, made[0], made[1])), Name(TherePool, id));
        await TherePool.Receive(await Sent(From(id, made[1], made[3])), Name(TherePool, id));
        Assert.Equal(made.Select(c => $"{Name(TherePool, id)}@{c}"), await SnapshotsThere(id));
        Assert.Empty(await SetOn(TherePool, Name(TherePool, id)));
        Assert.Equal("4", await Read(There, id));
    }

    [SkippableFact]
    public async Task A_branch_is_taken_by_a_bare_receive_on_its_origin()
    {
        var (id, made) = await Made(2);
        var branch = NewFilesystemId();
        await Here.Branch(id, made[0], branch, LabelsOf(id, "branch"), Ct);
        var ofBranch = await Continued(branch, 7, 2);
        await TherePool.Receive(await Sent(new(id, null, made[1])), Name(TherePool, id));
        await TherePool.Receive(await Sent(new(branch, new(id, made[0]), ofBranch[1])), Name(TherePool, branch));
        Assert.Equal(ofBranch.Select(c => $"{Name(TherePool, branch)}@{c}"), await SnapshotsThere(branch));
        Assert.Equal(new CommitOrigin(id, made[0]), (await Found(There, branch)).Origin);
        Assert.Empty(await SetOn(TherePool, Name(TherePool, branch)));
        Assert.Equal("8", await Read(There, branch));
    }

    [SkippableFact]
    public async Task A_dot_with_a_branch_travels_between_drivers_with_what_is_told_beside_the_streams()
    {
        var (id, made) = await Made(3);
        var odd = (await Here.Commit(id, NewCommitId(), Message("odd").With("Upper case", "ü").With("long", new string('x', 3000)), Ct)).Id;
        var branch = NewFilesystemId();
        await Here.Branch(id, made[1], branch, LabelsOf(id, "branch"), Ct);
        var ofBranch = await Continued(branch, 7, 2);
        StreamRange[] ranges =
        [
            new(id, null, made[1]), From(id, made[1], made[2]), From(id, made[2], odd), new(branch, new(id, made[1]), ofBranch[0]),
            From(branch, ofBranch[0], ofBranch[1]),
        ];
        foreach (var range in ranges)
        {
            var told = (await Found(Here, range.Filesystem)).Commits.ToDictionary(c => c.Id, c => c.Metadata);
            await Receive(range, await Sent(range), told);
        }

        AssertSameCommits(await Found(Here, id), await Found(There, id));
        AssertSameCommits(await Found(Here, branch), await Found(There, branch));
        Assert.Equal(("3", "8"), (await Read(There, id), await Read(There, branch)));
        Assert.Equal(0, (await There.Usage([id], Ct))[id].DirtyBytes);
    }

    [SkippableFact]
    public async Task A_size_is_predicted()
    {
        // a kernel module does not count the heads of records, which are a part of streams as small as these
        const int Heads = 16 << 10;
        var (id, made) = await Made(3);
        foreach (var range in new[] { new StreamRange(id, null, made[0]), new(id, null, made[2]), From(id, made[0], made[2]) })
        {
            var sent = await Sent(range);
            Assert.InRange(await Here.PredictPlain(range, Ct), (sent.Length * 0.8) - Heads, sent.Length * 1.2);
        }
    }

    [SkippableFact]
    public async Task Sending_what_is_not_there_is_not_found()
    {
        var (id, made) = await Made(1);
        await Refused(StorageFailure.NotFound, () => Sent(new(id, null, NewCommitId())));
        await Refused(StorageFailure.NotFound, () => Sent(From(id, NewCommitId(), made[0])));
        await Refused(StorageFailure.NotFound, () => Sent(new(id, new(NewFilesystemId(), made[0]), made[0])));
        await Refused(StorageFailure.NotFound, () => Here.PredictPlain(new(NewFilesystemId(), null, made[0]), Ct));
    }

    [SkippableFact]
    public void The_driver_says_that_it_can() => Assert.True(Here.Capabilities.PlainStreams);

    private async Task<string[]> SnapshotsThere(FilesystemId id) =>
    [
        .. (await TherePool.Run("zfs", "list", "-H", "-o", "name", "-r", "-t", "snapshot", "-s", "creation", Name(TherePool, id)))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries),
    ];
}
