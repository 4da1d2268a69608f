using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// An armed fault point stands for a crash: the driver cleans nothing up after it. The next start mends what was left;
/// what was asked for is then there whole or not at all, and can be asked for again.
/// </summary>
public abstract partial class StorageContract
{
    [SkippableFact]
    public Task A_crash_while_creating_leaves_all_or_nothing() => AtEachFaultPoint("create", async crash =>
    {
        var id = NewFilesystemId();
        await crash(() => Storage.Create(id, LabelsOf(id), Ct));
        if (await Storage.Find(id, Ct) is null)
        {
            await Storage.Create(id, LabelsOf(id), Ct);
        }

        await Write(id, "file", "usable");
        Assert.True(System.IO.Directory.Exists(Path.Combine(await Storage.Mount(id, Ct), "__default__")));
        AssertLabels(LabelsOf(id), (await Found(id)).Labels);
    });

    [SkippableFact]
    public Task A_crash_while_committing_leaves_all_or_nothing() => AtEachFaultPoint("commit", async crash =>
    {
        var id = await Created();
        await Write(id, "file", "one");
        var (commit, metadata) = (NewCommitId(), Message("m").With("Upper", new string('x', 5000)));
        await crash(() => Storage.Commit(id, commit, metadata, Ct));
        if ((await Found(id)).Commits.Length == 0)
        {
            await Storage.Commit(id, commit, metadata, Ct);
        }

        Assert.Equal((commit, metadata), ((await Found(id)).Commits.Single().Id, (await Found(id)).Commits.Single().Metadata));
        Assert.Equal("one", await ReadAt(id, commit, "file"));
    });

    [SkippableFact]
    public Task A_crash_while_branching_leaves_all_or_nothing() => AtEachFaultPoint("branch", async crash =>
    {
        var id = await Created();
        var commit = await Committed(id, "file", "one");
        var branch = NewFilesystemId();
        await crash(() => Storage.Branch(id, commit, branch, LabelsOf(id, "b"), Ct));
        if (await Storage.Find(branch, Ct) is null)
        {
            await Storage.Branch(id, commit, branch, LabelsOf(id, "b"), Ct);
        }

        Assert.Equal("one", await Read(branch, "file"));
        AssertLabels(LabelsOf(id, "b"), (await Found(branch)).Labels);
    });

    [SkippableFact]
    public Task A_crash_while_rolling_back_leaves_all_or_nothing() => AtEachFaultPoint("rollback", async crash =>
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Committed(id, "file", "two");
        var last = await Committed(id, "file", "three");
        await crash(() => Storage.Rollback(id, first, Ct));
        var (text, commits) = (await Read(id, "file"), await CommitsOf(id));
        Assert.True(
            (text == "one" && commits.SequenceEqual([first])) || (text == "three" && commits.Length == 3 && commits[^1] == last),
            $"Half rolled back: {text}, {commits.Length} commits");
        await Storage.Rollback(id, first, Ct);
        Assert.Equal("one", await Read(id, "file"));
        Assert.Equal([first], await CommitsOf(id));
    });

    [SkippableFact]
    public Task A_crash_while_rolling_back_under_a_branch_loses_nothing() => AtEachFaultPoint("rollback-with-branch", async crash =>
    {
        var (id, first, branch) = await ReadyToRollBackUnderABranch();
        await crash(() => Storage.Rollback(id, first, Ct));
        await Storage.Rollback(id, first, Ct);
        Assert.Equal("one", await Read(id, "file"));
        Assert.Equal([first], await CommitsOf(id));
        Assert.Equal("three, changed in the branch", await Read(branch, "file"));
        AssertLabels(LabelsOf(id), (await Found(id)).Labels);
        AssertLabels(LabelsOf(id, "branch"), (await Found(branch)).Labels);
        Assert.Contains(await Storage.List(Ct), f => f.Id == id);
    });

    [SkippableFact]
    public Task A_crash_while_stashing_loses_nothing() => AtEachFaultPoint("stash", async crash =>
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        var second = await Committed(id, "file", "two");
        await Write(id, "file", "not committed");
        var stash = NewFilesystemId();
        await crash(() => Storage.Stash(id, first, stash, LabelsOf(id, "s"), Ct));
        await Storage.Stash(id, first, stash, LabelsOf(id, "s"), Ct);
        Assert.Equal("one", await Read(id, "file"));
        Assert.Equal("not committed", await Read(stash, "file"));
        Assert.Equal([first], await CommitsOf(id));
        Assert.Equal([second], await CommitsOf(stash));
        AssertLabels(LabelsOf(id), (await Found(id)).Labels);
        AssertLabels(LabelsOf(id, "s"), (await Found(stash)).Labels);
    });

    [SkippableFact]
    public Task A_crash_while_destroying_leaves_all_or_nothing() => AtEachFaultPoint("destroy", async crash =>
    {
        var id = await Created();
        var commit = await Committed(id, "file", "one");
        await crash(() => Storage.Destroy(id, Ct));
        if (await Storage.Find(id, Ct) is not null)
        {
            Assert.Equal([commit], await CommitsOf(id));
            Assert.Equal("one", await Read(id, "file"));
            await Storage.Destroy(id, Ct);
        }

        Assert.Null(await Storage.Find(id, Ct));
    });

    [SkippableFact]
    public async Task A_crash_while_receiving_leaves_all_or_nothing()
    {
        var (id, last, bytes) = await Sent();
        await Storage.Destroy(id, Ct);
        var range = new StreamRange(id, null, last);
        await AtEachFaultPoint("receive", async crash =>
        {
            await crash(() => Storage.Receive(range, LabelsOf(id), new MemoryStream(bytes), Ct));
            if (await Storage.Find(id, Ct) is null)
            {
                await Storage.Receive(range, LabelsOf(id), new MemoryStream(bytes), Ct);
            }

            Assert.Equal("two", await Read(id, "file"));
            Assert.Equal(2, (await CommitsOf(id)).Length);
            AssertLabels(LabelsOf(id), (await Found(id)).Labels);
            await Storage.Destroy(id, Ct);
        });
    }

    [SkippableFact]
    public async Task A_crash_while_receiving_on_a_base_leaves_all_or_nothing()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Committed(id, "file", "two");
        var last = await Committed(id, "file", "three");
        var (full, rest) = (new MemoryStream(), new MemoryStream());
        var range = new StreamRange(id, new CommitOrigin(id, first), last);
        await Storage.Send(new StreamRange(id, null, first), full, Ct);
        await Storage.Send(range, rest, Ct);
        var metadata = (await Found(id)).Commits.Select(c => (c.Id, c.Metadata)).ToArray();
        await Storage.Destroy(id, Ct);
        await AtEachFaultPoint("receive-on-base", async crash =>
        {
            full.Position = rest.Position = 0;
            await Storage.Receive(new StreamRange(id, null, first), LabelsOf(id), full, Ct);
            await crash(() => Storage.Receive(range, LabelsOf(id), rest, Ct));
            if ((await CommitsOf(id)).SequenceEqual([first]))
            {
                Assert.Equal("one", await Read(id, "file"));
                rest.Position = 0;
                await Storage.Receive(range, LabelsOf(id), rest, Ct);
            }

            Assert.Equal("three", await Read(id, "file"));
            Assert.Equal(metadata, (await Found(id)).Commits.Select(c => (c.Id, c.Metadata)));
            await Storage.Destroy(id, Ct);
        });
    }

    [SkippableFact]
    public async Task A_full_pool_is_said_so_and_stays_usable()
    {
        var small = await OpenSmall(64 << 20);
        Skip.If(small is null, "this driver's lane has no pool of a fixed size");
        await using var _ = small;
        var id = NewFilesystemId();
        await small.Create(id, LabelsOf(id), Ct);
        var first = NewCommitId();
        await small.Commit(id, first, Message("one"), Ct);
        await FillUp(Path.Combine(await small.Mount(id, Ct), "__default__", "filler"));
        var metadata = Message(new string('x', 1_000_000));
        var refusal = await Record.ExceptionAsync(() => small.Commit(id, NewCommitId(), metadata, Ct));
        Assert.True(refusal is null or StorageException { Failure: StorageFailure.PoolFull }, $"{refusal}");
        // zfs-fuse keeps no room back for a rollback: it may say so, and then a file has to go first
        var rollback = await Record.ExceptionAsync(() => small.Rollback(id, first, Ct));
        if (rollback is not null)
        {
            Assert.True(rollback is StorageException { Failure: StorageFailure.PoolFull }, $"{rollback}");
            File.Delete(Path.Combine(await small.Mount(id, Ct), "__default__", "filler"));
            await small.Rollback(id, first, Ct);
        }

        await Write(small, id, "file", "there is space again");
        await small.Commit(id, NewCommitId(), Message("two"), Ct);
        Assert.Equal(2, (await Found(small, id)).Commits.Length);
    }

    private static async Task FillUp(string path)
    {
        var block = new byte[1 << 20];
        Random.Shared.NextBytes(block);
        var full = await Record.ExceptionAsync(async () =>
        {
            await using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, 0);
            for (var n = 0; n < 1000; n++)
            {
                await file.WriteAsync(block);
                await file.FlushAsync();
            }
        });
        Assert.IsAssignableFrom<IOException>(full);
    }

    /// <summary>
    /// Per point: arms it, runs the scenario, whose <c>crash</c> expects the fault, disarms, and restarts the node.
    /// </summary>
    private async Task AtEachFaultPoint(string operation, Func<Func<Func<Task>, Task>, Task> scenario)
    {
        var points = FaultPointsOf(operation);
        Skip.If(points.Count == 0, $"this driver does '{operation}' in no steps");
        foreach (var point in points)
        {
            await scenario(async call =>
            {
                Faults.Arm(point, FaultAction.Error);
                try
                {
                    var fault = await Assert.ThrowsAsync<InjectedFaultException>(call);
                    Assert.Equal(point, fault.Point);
                }
                finally
                {
                    Faults.Arm(point, null);
                }

                await Restart();
            });
        }
    }
}
