using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Plain streams that are damaged, do not fit, or mean harm; and targets that cannot take them.</summary>
public class PlainStreamDangersSpec : PlainStreamPools
{
    // of the structure before every payload
    private const int Record = 312;

    [SkippableFact]
    public async Task A_full_stream_that_was_cut_anywhere_leaves_nothing()
    {
        var (id, made) = await Made(3);
        var stream = await HerePool.Send("-p", "-R", Name(HerePool, id, made[2]));
        double[] parts = [0, 0.0001, 0.001, 0.1, 0.3, 0.34, 0.5, 0.67, 0.9, 0.999];
        foreach (var length in parts.Select(p => (int)(stream.Length * p))
            .Concat([Record, (2 * Record) - 1, stream.Length - 1, stream.Length - Record, stream.Length - Record - 1]))
        {
            await RefusesWhole(new(id, null, made[2]), stream[..length]);
        }

        await Receive(new(id, null, made[2]), stream);
        Assert.Equal("3", await Read(There, id));
    }

    [SkippableFact]
    public async Task An_incremental_stream_that_was_cut_anywhere_leaves_no_commit_of_it()
    {
        var (id, made) = await Made(4);
        await ReceiveByHand(new(id, null, made[0]), "-p", "-R", Name(HerePool, id, made[0]));
        var before = await Found(There, id);
        var range = From(id, made[0], made[3]);
        var stream = await HerePool.Send("-p", "-I", $"{made[0]}", Name(HerePool, id, made[3]));
        double[] parts = [0, 0.001, 0.1, 0.35, 0.6, 0.9, 0.999];
        foreach (var length in parts.Select(p => (int)(stream.Length * p)).Append(stream.Length - Record))
        {
            await Refused(StorageFailure.BadStream, () => Receive(range, stream[..length]));
            AssertSameCommits(before, await Found(There, id));
            Assert.Equal("1", await Read(There, id));
            Assert.Equal(0, (await There.Usage([id], Ct))[id].DirtyBytes);
        }

        await Receive(range, stream);
        AssertSameCommits(await Found(Here, id), await Found(There, id));
    }

    [SkippableFact]
    public async Task A_stream_with_a_flipped_bit_leaves_nothing()
    {
        var (id, made) = await Made(2);
        var stream = await HerePool.Send("-p", "-R", Name(HerePool, id, made[1]));
        var head = 2 * Record + BitConverter.ToInt32(stream, 4);
        // the head and its properties, the first BEGIN with its name and GUID, data, and the last END with a checksum
        int[] places =
        [
            0, 4, 9, 16, 60, Record + 5, Record + 200, head - 300, head, head + 16, head + 32, head + 45, head + 60, head + Record + 1,
            stream.Length / 3, stream.Length / 2, stream.Length * 3 / 4, stream.Length - (2 * Record) + 9, stream.Length - Record,
        ];
        foreach (var place in places)
        {
            var damaged = stream.ToArray();
            damaged[place] ^= 0x10;
            await RefusesWhole(new(id, null, made[1]), damaged);
        }
    }

    [SkippableFact]
    public async Task A_stream_that_is_none_is_refused()
    {
        var range = new StreamRange(NewFilesystemId(), null, NewCommitId());
        await RefusesWhole(range, [.. Enumerable.Range(0, 100_000).Select(n => (byte)(n * 7))], "zfs send");
        await RefusesWhole(range, new byte[10_000], "zfs send");
    }

    [SkippableFact]
    public async Task What_follows_the_end_is_refused_with_all_before_it()
    {
        var (id, made) = await Made(2);
        foreach (var stream in new[]
                 {
                     await HerePool.Send("-p", "-R", Name(HerePool, id, made[0])), await HerePool.Send(Name(HerePool, id, made[0])),
                 })
        {
            await RefusesWhole(new(id, null, made[0]), [.. stream, 0], "after its end");
            await RefusesWhole(new(id, null, made[0]), [.. stream, .. stream], "after its end");
        }
    }

    [SkippableFact]
    public async Task A_stream_of_other_commits_is_refused()
    {
        var (id, made) = await Made(4);
        async Task<byte[]> Full(CommitId to) => await HerePool.Send("-p", "-R", Name(HerePool, id, to));
        await RefusesWhole(new(id, null, made[1]), await Full(made[2]), "goes on after");
        await RefusesWhole(new(id, null, made[2]), await Full(made[1]), "does not end at");
        await RefusesWhole(new(id, null, made[2]), await HerePool.Send("-p", "-I", $"{made[0]}", Name(HerePool, id, made[2])), "lead");
        await RefusesWhole(new(id, new(NewFilesystemId(), made[0]), made[2]), await Full(made[2]), "lead");
        await Receive(new(id, null, made[0]), await Full(made[0]));
        var before = await Found(There, id);
        await Refused(StorageFailure.BadStream, async () => await Receive(From(id, made[0], made[2]), await Full(made[2])), "lead");
        await Refused(StorageFailure.BadStream, async () => await Receive(
            From(id, made[0], made[2]), await HerePool.Send("-p", "-I", $"{made[1]}", Name(HerePool, id, made[2]))));
        await Refused(StorageFailure.BadStream, async () => await Receive(
            From(id, made[0], made[2]), await HerePool.Send("-p", "-I", $"{made[0]}", Name(HerePool, id, made[3]))), "goes on after");
        AssertSameCommits(before, await Found(There, id));
        Assert.Equal("1", await Read(There, id));
    }

    [SkippableFact]
    public async Task A_stream_of_another_filesystem_is_refused()
    {
        var (id, made) = await Made(1);
        var (other, otherMade) = await Made(1);
        await RefusesWhole(new(id, null, otherMade[0]), await HerePool.Send("-p", "-R", Name(HerePool, other, otherMade[0])), $"not {id}");
        // called alike, and yet another one
        await ReceiveByHand(new(id, null, made[0]), "-p", "-R", Name(HerePool, id, made[0]));
        await Here.Destroy(id, Ct);
        await Here.Create(id, LabelsOf(id), Ct);
        await Here.Commit(id, made[0], Message("1"), Ct);
        var later = await Continued(id, 2, 1);
        await Refused(StorageFailure.BadStream, async () => await Receive(
            From(id, made[0], later[0]), await HerePool.Send("-p", "-I", $"{made[0]}", Name(HerePool, id, later[0]))));
        Assert.Equal("1", await Read(There, id));
    }

    [SkippableFact]
    public async Task Child_datasets_are_refused()
    {
        var (id, made) = await Made(1);
        // a mounted one could be busy for a moment when it is destroyed
        await HerePool.Run("zfs", "create", "-o", "mountpoint=none", $"{Name(HerePool, id)}/child");
        var commit = NewCommitId();
        await HerePool.Run("zfs", "snapshot", "-r", Name(HerePool, id, commit));
        await RefusesWhole(new(id, null, commit), await HerePool.Send("-p", "-R", Name(HerePool, id, commit)));
        await HerePool.Run("zfs", "destroy", "-r", $"{Name(HerePool, id)}/child");
        await Receive(new(id, null, made[0]), await HerePool.Send("-p", "-R", Name(HerePool, id, made[0])));
        Assert.Equal("1", await Read(There, id));
    }

    [SkippableFact]
    public async Task A_snapshot_whose_name_is_no_commit_is_refused()
    {
        var (id, _) = await Made(1);
        await HerePool.Run("zfs", "snapshot", $"{Name(HerePool, id)}@a:b");
        var last = (await Continued(id, 2, 1))[0];
        await RefusesWhole(new(id, null, last), await HerePool.Send("-p", "-R", Name(HerePool, id, last)), "no commit");
    }

    [SkippableFact]
    public async Task A_volume_is_refused()
    {
        Skip.If(Lane == Lanes.Zfs, "zfs-fuse makes no volumes");
        var (id, commit) = (NewFilesystemId(), NewCommitId());
        await HerePool.Run("zfs", "create", "-V", "1M", Name(HerePool, id));
        await HerePool.Run("zfs", "snapshot", Name(HerePool, id, commit));
        var stream = await HerePool.Send(Name(HerePool, id, commit));
        await HerePool.Run("zfs", "destroy", "-r", Name(HerePool, id));
        await RefusesWhole(new(id, null, commit), stream, "no file system");
    }

    [SkippableFact]
    public async Task A_branch_whose_origin_is_missing_is_refused()
    {
        var (id, made) = await Made(1);
        var branch = NewFilesystemId();
        await Here.Branch(id, made[0], branch, LabelsOf(id, "branch"), Ct);
        var last = (await Continued(branch, 7, 1))[0];
        var stream = await HerePool.Send("-p", "-I", Name(HerePool, id, made[0]), Name(HerePool, branch, last));
        await RefusesWhole(new(branch, new(id, made[0]), last), stream);
        await RefusesWhole(new(branch, null, last), stream, "lead");
    }

    [SkippableFact]
    public async Task A_branch_of_another_origin_than_was_said_is_refused()
    {
        var (id, made) = await Made(2);
        var branch = NewFilesystemId();
        await Here.Branch(id, made[0], branch, LabelsOf(id, "branch"), Ct);
        var last = (await Continued(branch, 7, 1))[0];
        await ReceiveByHand(new(id, null, made[1]), "-p", "-R", Name(HerePool, id, made[1]));
        var stream = await HerePool.Send("-p", "-I", Name(HerePool, id, made[0]), Name(HerePool, branch, last));
        await Refused(StorageFailure.BadStream, () => Receive(new(branch, new(id, made[1]), last), stream), "builds on");
        Assert.Null(await There.Find(branch, Ct));
        Assert.Equal(2, (await Datasets(TherePool)).Length);
    }

    [SkippableFact]
    public async Task A_target_that_was_written_to_is_told_and_stays_as_it_is()
    {
        var (id, made) = await Made(2);
        await ReceiveByHand(new(id, null, made[0]), "-p", "-R", Name(HerePool, id, made[0]));
        await Write(There, id, "modified");
        var stream = await HerePool.Send("-p", "-I", $"{made[0]}", Name(HerePool, id, made[1]));
        await Refused(StorageFailure.Modified, () => Receive(From(id, made[0], made[1]), stream), "has been modified");
        Assert.Equal("modified", await Read(There, id));
    }

    [SkippableFact]
    public async Task A_target_that_is_ahead_or_there_already_is_refused()
    {
        var (id, made) = await Made(2);
        await ReceiveByHand(new(id, null, made[1]), "-p", "-R", Name(HerePool, id, made[1]));
        var stream = await HerePool.Send("-p", "-I", $"{made[0]}", Name(HerePool, id, made[1]));
        await Refused(StorageFailure.BadStream, () => Receive(From(id, made[0], made[1]), stream), "newest commit");
        await Refused(
            StorageFailure.AlreadyExists,
            async () => await Receive(new(id, null, made[1]), await HerePool.Send("-p", "-R", Name(HerePool, id, made[1]))));
        await Refused(StorageFailure.NotFound, () => Receive(From(NewFilesystemId(), made[0], made[1]), stream));
        AssertSameCommits(await Found(Here, id), await Found(There, id));
    }
}
