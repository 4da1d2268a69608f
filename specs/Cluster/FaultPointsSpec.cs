using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Cluster;

/// <summary>
/// An operation breaks off at each of its fault points and the node goes down; the next start on the same pool and journal
/// leaves acknowledged work there, unacknowledged work there whole or not at all, and the operation can be repeated.
/// </summary>
public abstract class FaultPointsSpec : IAsyncLifetime
{
    private readonly OneNode _node = OneNode.New();

    internal OneNode Node => _node;

    public Task InitializeAsync() => _node.Start();

    public async Task DisposeAsync() => await _node.DisposeAsync();

    /// <summary>Runs <paramref name="operation"/> into the fault point, crashes, starts again, checks that all agree.</summary>
    internal async Task Break<T>(string point, Func<Task<Outcome<T>>> operation)
    {
        _node.Faults.Arm(point, FaultAction.Error);
        var outcome = await operation();
        Assert.True(RefusalCode.Injected == outcome.Refusal?.Code, $"{point}: {outcome}");
        _node.Faults.Arm(point, null);
        await _node.Restart();
        await AllAgree(point);
    }

    private async Task AllAgree(string point)
    {
        var pool = (await _node.Memory.List(default)).ToDictionary(filesystem => filesystem.Id);
        var known = _node.Directory.Dots.SelectMany(row => row.Filesystems).ToList();
        Assert.True(pool.Keys.ToHashSet().SetEquals(known), $"{point}: pool {pool.Count}, directory {known.Count} filesystems");
        foreach (var row in _node.Directory.Dots)
        {
            Assert.True(row.Status == DotStatus.Active, $"{point}: {row.Name} is {row.Status}");
            foreach (var id in row.Filesystems)
            {
                var commits = await _node.Dots.Commits(_node.Directory.FindFilesystem(id)!, default);
                Assert.Equal(pool[id].Commits.Select(commit => commit.Id), commits.Value.Select(commit => commit.Id));
                foreach (var commit in commits.Value)
                {
                    // the journal knows it too
                    var path = await _node.Dots.MountCommit(
                        OneNode.Admin, _node.Directory.FindFilesystem(id)!, commit.Id, default);
                    Assert.True(path.Refusal is null, $"{point}: {path}");
                }
            }
        }
    }
}

public sealed class CreateFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task A_creation_that_breaks_off_is_there_whole_or_not_at_all()
    {
        foreach (var point in FaultPoints.Create.Append(FaultPoints.PartialFailCreateFilesystem))
        {
            var name = OneNode.Name(point.Replace('.', '-'));
            await Break(point, () => Node.Dots.Create(OneNode.Admin, name, default));

            var again = await Node.Dots.Create(OneNode.Admin, name, default);
            Assert.True(again.Refusal is null or { Code: RefusalCode.AlreadyExists }, $"{point}: {again}");
            Assert.Equal(["Initial commit"], await Node.Commits(Node.Find(name.ToString())));
        }
    }

    [Fact]
    public async Task A_creation_that_broke_off_is_resumed_with_the_same_id_without_a_restart()
    {
        var name = OneNode.Name("resumed");
        Node.Faults.Arm(FaultPoints.PartialFailCreateFilesystem, FaultAction.Error);
        var failed = await Node.Dots.Create(OneNode.Admin, name, default);
        Assert.Equal("Injected fault for debugging/testing purposes", failed.Refusal?.Message);
        var reserved = Node.Directory.Find(name)!.Id;
        Node.Faults.Arm(FaultPoints.PartialFailCreateFilesystem, null);

        Assert.Equal(reserved, (await Node.Dots.Create(OneNode.Admin, name, default)).Value);
    }
}

public sealed class CommitFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task A_commit_that_breaks_off_is_there_whole_or_not_at_all()
    {
        var dot = await Node.Dot("commit");
        foreach (var point in FaultPoints.Commit)
        {
            await Node.Commit(dot, $"before {point}");
            await Break(point, () => Node.TryCommit(dot, point));
            await Node.Commit(dot, $"after {point}");

            var commits = (await Node.Commits(dot)).ToList();
            Assert.Contains($"before {point}", commits);
            Assert.Equal($"after {point}", commits[^1]);
        }
    }
}

public sealed class BranchFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task A_branch_that_breaks_off_is_there_whole_or_not_at_all()
    {
        var dot = await Node.Dot("branch");
        var commit = await Node.Commit(dot);
        foreach (var point in FaultPoints.Branch)
        {
            var name = point.Replace('.', '-');
            await Break(point, () => Node.Dots.Branch(OneNode.Admin, dot, name, commit, default));

            var again = await Node.Dots.Branch(OneNode.Admin, Node.Find("branch"), name, commit, default);
            Assert.True(again.Refusal is null or { Code: RefusalCode.AlreadyExists }, $"{point}: {again}");
            await Node.Commit(Node.Find("branch", name));
        }
    }
}

public sealed class RollbackFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task A_rollback_that_breaks_off_is_finished_at_the_next_start()
    {
        foreach (var point in FaultPoints.Rollback)
        {
            var name = point.Replace('.', '-');
            var dot = await Node.Dot(name);
            Node.Memory.Write(dot.Filesystem, "f", "kept");
            var kept = await Node.Commit(dot, "kept");
            Node.Memory.Write(dot.Filesystem, "f", "later");
            var later = await Node.Commit(dot, "later");
            var branch = await Node.Branch(dot, "alive", later);

            await Break(point, () => Node.Dots.Rollback(OneNode.Admin, dot, kept, default));

            if (point == FaultPoints.RollbackAfterMark)
            {
                // not at all: nothing was promised yet
                Assert.Equal("later", Node.Memory.Read(dot.Filesystem, "f"));
                Assert.Null((await Node.Dots.Rollback(OneNode.Admin, Node.Find(name), kept, default)).Refusal);
            }

            Assert.Equal("kept", Node.Memory.Read(dot.Filesystem, "f"));
            Assert.Equal(["Initial commit", "kept"], await Node.Commits(dot));
            Assert.Equal("later", Node.Memory.Read(branch.Filesystem, "f"));
            Assert.Equal(kept, Node.Find(name, "alive").Origin?.Commit);
            Assert.Null((await Node.Dots.Rollback(OneNode.Admin, Node.Find(name), kept, default)).Refusal);
        }
    }
}

public sealed class StashFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task A_stash_that_breaks_off_is_finished_at_the_next_start()
    {
        foreach (var point in FaultPoints.Stash)
        {
            var name = point.Replace('.', '-');
            var dot = await Node.Dot(name);
            Node.Memory.Write(dot.Filesystem, "f", "kept");
            var kept = await Node.Commit(dot, "kept");
            Node.Memory.Write(dot.Filesystem, "f", "dirty");
            await Node.Commit(dot, "stashed away");

            await Break(point, () => Node.Dots.Stash(OneNode.Admin, dot, kept, default));

            if (point == FaultPoints.StashAfterMark)
            {
                Assert.Empty(Node.Find(name).Dot.Branches);
                Assert.Null((await Node.Dots.Stash(OneNode.Admin, Node.Find(name), kept, default)).Refusal);
            }

            var stash = Assert.Single(Node.Find(name).Dot.Branches.Values);
            Assert.Matches(@"^master-DIVERGED-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\z", stash.Name);
            Assert.Equal(["stashed away"], await Node.Commits(Node.Find(name, stash.Name)));
            Assert.Equal(["Initial commit", "kept"], await Node.Commits(dot));
            Assert.Equal("dirty", Node.Memory.Read(stash.Id, "f"));
            Assert.Equal("kept", Node.Memory.Read(dot.Filesystem, "f"));
        }
    }
}

public sealed class DeleteFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task A_deletion_that_breaks_off_is_finished_at_the_next_start()
    {
        foreach (var point in FaultPoints.Delete.Append(FaultPoints.PartialFailDelete))
        {
            var name = OneNode.Name(point.Replace('.', '-'));
            var dot = await Node.Dot(name.ToString());
            await Node.Branch(dot, "b", await Node.Commit(dot));

            await Break(point, () => Node.Dots.Delete(OneNode.Admin, name, default));

            if (point == FaultPoints.DeleteAfterMark)
            {
                Assert.Equal(2, (await Node.Commits(Node.Find(name.ToString()))).Count());
                Assert.Null((await Node.Dots.Delete(OneNode.Admin, name, default)).Refusal);
            }

            Assert.Null(Node.Directory.Find(name));
            Assert.Equal(["Initial commit"], await Node.Commits(await Node.Dot(name.ToString())));
        }
    }

    [Fact]
    public async Task A_deletion_that_broke_off_is_repeated_or_its_name_taken_without_a_restart()
    {
        foreach (var create in new[] { false, true })
        {
            var name = OneNode.Name($"again-{create}");
            var dot = await Node.Dot(name.ToString());
            Node.Faults.Arm(FaultPoints.PartialFailDelete, FaultAction.Error);
            Assert.Equal(RefusalCode.Injected, (await Node.Dots.Delete(OneNode.Admin, name, default)).Refusal?.Code);
            Node.Faults.Arm(FaultPoints.PartialFailDelete, null);
            Assert.Equal(
                RefusalCode.NotFound, Node.Dots.Resolve(OneNode.Admin, name, "", Right.Any).Refusal?.Code);

            if (create)
            {
                Assert.NotEqual(dot.Filesystem, (await Node.Dots.Create(OneNode.Admin, name, default)).Value);
            }
            else
            {
                Assert.Null((await Node.Dots.Delete(OneNode.Admin, name, default)).Refusal);
                Assert.Null(Node.Directory.Find(name));
            }
        }
    }
}

public sealed class ShareFaultsSpec : FaultPointsSpec
{
    [Fact]
    public async Task Sharing_that_breaks_off_is_there_whole_or_not_at_all()
    {
        foreach (var point in FaultPoints.Share)
        {
            var name = point.Replace('.', '-');
            var dot = await Node.Dot(name);

            await Break(point, () => Node.Dots.AddCollaborator(OneNode.Admin, dot, MemoryUsers.Bob, default));

            var shared = Node.Find(name).Dot.Collaborators.ContainsKey(MemoryUsers.Bob.Id);
            var labels = (await Node.Memory.Find(dot.Filesystem, default))!.Labels!;
            Assert.Equal(shared, labels.Collaborators.ContainsKey(MemoryUsers.Bob.Id));
            Assert.Null((await Node.Dots.AddCollaborator(OneNode.Admin, Node.Find(name), MemoryUsers.Bob, default)).Refusal);
            Assert.True(Node.Find(name).Dot.Collaborators.ContainsKey(MemoryUsers.Bob.Id));
        }
    }
}
