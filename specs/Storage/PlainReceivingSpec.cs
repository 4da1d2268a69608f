using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Zfs;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Streams made with the <c>zfs</c> program exactly as original servers make them (contract 5.4), taken by our driver.</summary>
public class PlainReceivingSpec : PlainStreamPools
{
    [SkippableTheory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task A_full_stream_brings_the_commits_with_the_metadata_of_their_properties(int commits)
    {
        var (id, made) = await Made(commits);
        var found = await ReceiveByHand(new(id, null, made[^1]), "-p", "-R", Name(HerePool, id, made[^1]));
        AssertSameCommits(await Found(Here, id), found);
        Assert.Equal(($"{commits}", true), (await Read(There, id), found.Mounted));
        Assert.Equal(0, (await There.Usage([id], Ct))[id].DirtyBytes);
    }

    [SkippableFact]
    public async Task A_stream_without_any_option_is_taken_as_well()
    {
        var (id, made) = await Made(1);
        var found = await ReceiveByHand(new(id, null, made[0]), Name(HerePool, id, made[0]));
        Assert.Equal((made[0], CommitMetadata.Empty), (Assert.Single(found.Commits).Id, found.Commits[0].Metadata));
    }

    [SkippableFact]
    public async Task An_incremental_stream_brings_the_commits_that_are_missing()
    {
        var (id, made) = await Made(4);
        await ReceiveByHand(new(id, null, made[0]), "-p", "-R", Name(HerePool, id, made[0]));
        await ReceiveByHand(From(id, made[0], made[1]), "-p", "-I", $"{made[0]}", Name(HerePool, id, made[1]));
        var found = await ReceiveByHand(From(id, made[1], made[3]), "-p", "-I", $"{made[1]}", Name(HerePool, id, made[3]));
        AssertSameCommits(await Found(Here, id), found);
        Assert.Equal("4", await Read(There, id));
    }

    [SkippableFact]
    public async Task A_branch_comes_on_its_origin()
    {
        var (id, made) = await Made(2);
        var branch = NewFilesystemId();
        await Here.Branch(id, made[0], branch, LabelsOf(id, "branch"), Ct);
        var ofBranch = await Continued(branch, 7, 2);
        await ReceiveByHand(new(id, null, made[1]), "-p", "-R", Name(HerePool, id, made[1]));
        var found = await ReceiveByHand(
            new(branch, new(id, made[0]), ofBranch[1]), "-p", "-I", Name(HerePool, id, made[0]), Name(HerePool, branch, ofBranch[1]));
        AssertSameCommits(await Found(Here, branch), found);
        Assert.Equal((new CommitOrigin(id, made[0]), "8"), (found.Origin, await Read(There, branch)));
    }

    [SkippableFact]
    public async Task Labels_are_those_of_the_receiver_and_no_property_of_the_sender_stays()
    {
        var (id, made) = await Made(2);
        var foreign = Path.Combine(TherePool.Folder, "foreign");
        string[] hostile =
        [
            $"mountpoint={foreign}", "canmount=on", "setuid=on", "readonly=on", "quota=100M", "atime=on", "com.example:evil=1",
            "io.dotmesh:owner=bWFsbG9yeQ==", "io.dotmesh:epoch=99", "io.dotmesh:replica=1", "io.dotmesh:receiving=x", "io.dotmesh:stashing=x",
        ];
        await Here.Unmount(id, Ct);
        foreach (var property in hostile)
        {
            await HerePool.Run("zfs", "set", property, Name(HerePool, id));
        }

        await HerePool.Run("zfs", "set", "com.example:evil=1", Name(HerePool, id, made[0]));
        await HerePool.Run("zfs", "set", "io.dotmesh:receiving=x", Name(HerePool, id, made[0]));
        var found = await ReceiveByHand(new(id, null, made[0]), "-p", "-R", Name(HerePool, id, made[0]));
        await ReceiveByHand(From(id, made[0], made[1]), "-p", "-I", $"{made[0]}", Name(HerePool, id, made[1]));
        Assert.Equal((LabelsOf(id).OwnerId, 1, false), (found.Labels!.OwnerId, found.Labels.Epoch, found.Labels.Replica));
        var left = await SetOn(TherePool, Name(TherePool, id));
        Assert.DoesNotContain(left, p => hostile.Any(p.EndsWith) || p.Contains("evil", StringComparison.Ordinal));
        Assert.DoesNotContain(left, p => p.Contains("receiving", StringComparison.Ordinal) || p.Contains("unread", StringComparison.Ordinal));
        // the sender's own may be mounted there: a kernel mounts what gets a mountpoint
        Assert.All(
            SystemMounts.Read().Where(m => m.Value.StartsWith($"{TherePool.Name}/", StringComparison.Ordinal)),
            m => Assert.StartsWith($"{TherePool.Mounts}/", m.Key));
        Assert.Equal("2", await Read(There, id));
        Assert.Empty(await RestartThere());
    }

    [SkippableFact]
    public async Task Metadata_in_a_file_counts_before_that_of_the_stream_and_that_before_what_is_told_beside_it()
    {
        var (id, made) = await Made(1);
        // kept by properties in the stream, by what is told, by a file as later originals do, and nowhere
        var (told, filed, bare) = (NewCommitId(), NewCommitId(), NewCommitId());
        await Write(Here, id, "2");
        await HerePool.Run("zfs", "snapshot", Name(HerePool, id, told));
        await WriteAsOriginal(id, filed, """{"message":"ZmlsZWQ=","author":".","Odd key":"b2Rk"}""");
        await HerePool.Run("zfs", "snapshot", Name(HerePool, id, filed));
        await HerePool.Run("zfs", "snapshot", Name(HerePool, id, bare));
        var beside = new Dictionary<CommitId, CommitMetadata>
        {
            [made[0]] = Message("not this one").With("extra", "told"),
            [told] = Message("told"),
            [filed] = new([KeyValuePair.Create("message", "not this one")]),
            [NewCommitId()] = Message("of no commit"),
        };
        await Receive(new(id, null, bare), await HerePool.Send("-p", "-R", Name(HerePool, id, bare)), beside);
        async Task Check()
        {
            var commits = (await Found(There, id)).Commits;
            Assert.Equal(Message("1").With("extra", "told"), commits[0].Metadata);
            Assert.Equal(Message("told"), commits[1].Metadata);
            Assert.Equal(
                new([KeyValuePair.Create("message", "filed"), KeyValuePair.Create("author", ""), KeyValuePair.Create("Odd key", "odd")]),
                commits[2].Metadata);
            Assert.Equal(CommitMetadata.Empty, commits[3].Metadata);
        }

        await Check();
        // neither a missing mount nor a missing file takes it away
        await There.Unmount(id, Ct);
        await Check();
        System.IO.Directory.Delete(Path.Combine(await There.Mount(id, Ct), "dotmesh.metadata"), recursive: true);
        await Check();
    }

    [SkippableFact]
    public async Task Files_of_commits_that_come_later_are_read_too()
    {
        var (id, made) = await Made(1);
        var filed = NewCommitId();
        await WriteAsOriginal(id, filed, """{"message":"ZmlsZWQ="}""");
        await HerePool.Run("zfs", "snapshot", Name(HerePool, id, filed));
        await ReceiveByHand(new(id, null, made[0]), "-p", "-R", Name(HerePool, id, made[0]));
        await ReceiveByHand(From(id, made[0], filed), "-p", "-I", $"{made[0]}", Name(HerePool, id, filed));
        await There.Unmount(id, Ct);
        Assert.Equal("filed", (await Found(There, id)).Commits[1].Metadata["message"]);
    }

    [SkippableFact]
    public async Task A_replica_is_not_left_mounted()
    {
        var (id, made) = await Made(2);
        var stream = await HerePool.Send("-p", "-R", Name(HerePool, id, made[1]));
        await There.ReceivePlain(new(id, null, made[1]), LabelsOf(id) with { Replica = true }, null, new MemoryStream(stream), Ct);
        Assert.False((await Found(There, id)).Mounted);
    }

    [SkippableFact]
    public async Task A_crash_at_any_point_leaves_all_or_nothing()
    {
        var (id, made) = await Made(3);
        var filed = NewCommitId();
        await WriteAsOriginal(id, filed, """{"message":"ZmlsZWQ="}""");
        await HerePool.Run("zfs", "snapshot", Name(HerePool, id, filed));
        var stream = await HerePool.Send("-p", "-R", Name(HerePool, id, filed));
        foreach (var point in new[] { "after-segment", "after-stream", "before-rename", "after-rename", "before-files" })
        {
            await CrashAt($"zfs.receive.{point}", () => Receive(new(id, null, filed), stream));
            if (await There.Find(id, Ct) is null)
            {
                await Receive(new(id, null, filed), stream);
            }

            AssertSameCommits(await Found(Here, id), await Found(There, id));
            Assert.Equal("3", await Read(There, id));
            Assert.DoesNotContain(await SetOn(TherePool, Name(TherePool, id)), p => p.Contains("unread", StringComparison.Ordinal));
            await There.Destroy(id, Ct);
        }
    }

    [SkippableFact]
    public async Task A_crash_on_a_base_at_any_point_leaves_all_or_nothing()
    {
        var (id, made) = await Made(3);
        var filed = NewCommitId();
        await WriteAsOriginal(id, filed, """{"message":"ZmlsZWQ="}""");
        await HerePool.Run("zfs", "snapshot", Name(HerePool, id, filed));
        var full = await HerePool.Send("-p", "-R", Name(HerePool, id, made[0]));
        var rest = await HerePool.Send("-p", "-I", $"{made[0]}", Name(HerePool, id, filed));
        foreach (var point in new[] { "after-segment", "after-stream", "before-files" })
        {
            await Receive(new(id, null, made[0]), full);
            await CrashAt($"zfs.receive.{point}", () => Receive(From(id, made[0], filed), rest));
            if ((await Found(There, id)).Commits.Length == 1)
            {
                Assert.Equal("1", await Read(There, id));
                await Receive(From(id, made[0], filed), rest);
            }

            AssertSameCommits(await Found(Here, id), await Found(There, id));
            Assert.Equal("3", await Read(There, id));
            await There.Destroy(id, Ct);
        }
    }

    private async Task CrashAt(string point, Func<Task> call)
    {
        Faults.Arm(point, FaultAction.Error);
        try
        {
            Assert.Equal(point, (await Assert.ThrowsAsync<InjectedFaultException>(call)).Point);
        }
        finally
        {
            Faults.Arm(point, null);
        }

        await RestartThere();
    }

    private async Task WriteAsOriginal(FilesystemId id, CommitId commit, string json)
    {
        var folder = System.IO.Directory.CreateDirectory(Path.Combine(await Here.Mount(id, Ct), "dotmesh.metadata"));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, $"{commit}.json"), json);
    }
}
