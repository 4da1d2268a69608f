using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Replication;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>How copies follow their dot, and who takes over (design D8, D9): decisions, without storage.</summary>
public sealed class ReplicaPlanSpec
{
    private static readonly FilesystemId Dot = new("dot");
    private static readonly FilesystemId Side = new("side");
    private static readonly FilesystemLabels Labels =
        new(Dot, new DotName("admin", "d"), "", "0", "admin", ImmutableSortedDictionary<string, string>.Empty);

    [Fact]
    public void A_copy_that_is_behind_fetches_only_what_it_lacks_in_packages()
    {
        var step = (ReplicaStep.Receive)ReplicaPlan.Next(There(Master(1, 2, 3, 4)), Here(Copy(Dot, null, 1)), package: 2)!;
        Assert.Equal(new StreamRange(Dot, new CommitOrigin(Dot, Id(1)), Id(3)), step.Range);
        Assert.Equal([Id(2), Id(3)], step.Commits.Select(commit => commit.Id));
    }

    [Fact]
    public void What_the_owner_rolled_back_goes_before_anything_is_fetched() =>
        Assert.Equal(
            new ReplicaStep.Rollback(Dot, Id(2)), ReplicaPlan.Next(There(Master(1, 2, 5)), Here(Copy(Dot, null, 1, 2, 3, 4)), 9));

    [Fact]
    public void Another_commit_under_the_same_id_is_another_commit()
    {
        var other = Copy(Dot, null, 1) with { Commits = [Commit(1) with { Guid = 99 }] };
        Assert.Equal(new ReplicaStep.Destroy(Dot), ReplicaPlan.Next(There(Master(1, 2)), Here(other), 9));
    }

    [Fact]
    public void A_filesystem_that_is_gone_goes_after_what_stands_on_it()
    {
        var top = Copy(new FilesystemId("top"), new CommitOrigin(Side, Id(2)), 3);
        var here = Here(Copy(Dot, null, 1), Copy(Side, new CommitOrigin(Dot, Id(1)), 2), top);
        Assert.Equal(new ReplicaStep.Destroy(top.Id), ReplicaPlan.Next(There(Master(1)), here, 9));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Whatever_happened_to_a_dot_its_copy_gets_there(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            var owner = new Model(random, random.Next(1, 12));
            var copy = owner.Clone();
            owner.Change(random.Next(0, 12));
            if (random.Next(3) == 0)
            {
                copy.Change(random.Next(0, 3));
            }

            var there = There([.. owner.Filesystems.Values.Select(filesystem => Holding(filesystem, copy, random.Next(2) == 0))]);
            var steps = 0;
            while (ReplicaPlan.Next(there, copy.Filesystems, random.Next(1, 4)) is { } step)
            {
                Assert.True(++steps < 200, "the copy does not get there");
                if (step is ReplicaStep.AskAgain)
                {
                    there = There([.. owner.Filesystems.Values.Select(filesystem => Holding(filesystem, copy, true))]);
                }
                else
                {
                    copy.Take(step);
                }
            }

            Assert.Equal(owner.ToString(), copy.ToString());
            Assert.All(copy.Filesystems.Values, filesystem => Assert.True(filesystem.Labels!.Replica));
        }
    }

    [Fact]
    public void The_newest_copy_takes_over_which_need_not_be_the_longest()
    {
        var row = new DotRow(
            Dot, new DotName("admin", "d"), "0", "admin", new StorageNodeId("dead"), 3, DotStatus.Active,
            ImmutableSortedDictionary<string, string>.Empty, ImmutableSortedDictionary<string, BranchRow>.Empty);
        var held = new Dictionary<StorageNodeId, ImmutableArray<HeldFilesystem>>
        {
            [new("long")] = [new HeldFilesystem(Dot, 9, Id(9), 3, 0)],
            [new("rolled-back")] = [new HeldFilesystem(Dot, 4, Id(4), 3, 1)],
            [new("old")] = [new HeldFilesystem(Dot, 20, Id(20), 2, 7)],
            [new("empty")] = [new HeldFilesystem(Dot, 0, null, 9, 9)],
        };
        Assert.Equal([new StorageNodeId("rolled-back")], TakeoverPlan.Choose([row], held).Keys);
        Assert.Empty(TakeoverPlan.Choose([row with { Id = Side }], held));
    }

    [Fact]
    public void Each_node_finds_the_same_holders_and_a_new_node_changes_few()
    {
        var nodes = Enumerable.Range(0, 6).Select(n => new StorageNodeId($"n{n}")).ToList();
        var dots = Enumerable.Range(0, 500).Select(n => new FilesystemId($"d{n}")).ToList();
        List<StorageNodeId> Holders(FilesystemId dot, int count) =>
            [.. nodes.Where(node => ReplicaPlacement.IsHolder(node, dot, nodes[0], 3, nodes[..count]))];

        Assert.All(dots, dot => Assert.Equal(2, Holders(dot, 5).Count));
        var moved = dots.Sum(dot => Holders(dot, 6).Except(Holders(dot, 5)).Count());
        Assert.InRange(moved, 100, 300);
        Assert.All(dots, dot => Assert.True(ReplicaPlacement.IsHolder(nodes[1], dot, nodes[0], ReplicaPlacement.All, nodes)));
    }

    private static CommitId Id(int number) => new($"c{number}");

    private static StoredCommit Commit(int number) => new(Id(number), (ulong)number, DateTimeOffset.UnixEpoch, CommitMetadata.Empty);

    private static FilesystemHolding Master(params int[] commits) => new(Dot, Labels, null, 0, [.. commits.Select(Commit)]);

    private static DotHoldings There(params FilesystemHolding[] filesystems) => new(Dot, 3, 0, [.. filesystems]);

    private static StoredFilesystem Copy(FilesystemId id, CommitOrigin? origin, params int[] commits) =>
        new(id, origin, Labels with { Replica = true, Epoch = 3 }, false, [.. commits.Select(Commit)]);

    private static Dictionary<FilesystemId, StoredFilesystem> Here(params StoredFilesystem[] filesystems) =>
        filesystems.ToDictionary(filesystem => filesystem.Id);

    /// <summary>As the owner tells it: all commits, or only those after what the copy told.</summary>
    private static FilesystemHolding Holding(StoredFilesystem owner, Model copy, bool brief)
    {
        var known = copy.Filesystems.GetValueOrDefault(owner.Id)?.Commits ?? [];
        var common = brief && known.Length > 0 && known.Length <= owner.Commits.Length && owner.Commits[known.Length - 1] == known[^1]
            ? known.Length
            : 0;
        return new FilesystemHolding(owner.Id, owner.Labels!, owner.Origin, common, owner.Commits[common..]);
    }

    /// <summary>A dot as a pool keeps it, with the rules of the pool.</summary>
    private sealed class Model
    {
        private readonly Random _random;
        private int _next = 1;

        public Model(Random random, int changes)
        {
            _random = random;
            Filesystems[Dot] = new StoredFilesystem(Dot, null, Labels, true, [Commit(_next++)]);
            Change(changes);
        }

        private Model(Model other)
        {
            (_random, _next) = (other._random, other._next + 1000);
            Filesystems = new(other.Filesystems);
        }

        public Dictionary<FilesystemId, StoredFilesystem> Filesystems { get; } = [];

        public Model Clone() => new(this);

        public void Change(int times)
        {
            for (; times > 0; times--)
            {
                var some = Filesystems.Values.ElementAt(_random.Next(Filesystems.Count));
                switch (_random.Next(4))
                {
                    case 0 when some.Commits.Length > 0:
                        var id = new FilesystemId($"f{_next++}");
                        Filesystems[id] = new StoredFilesystem(
                            id, new CommitOrigin(some.Id, some.Commits[_random.Next(some.Commits.Length)].Id), Labels, true, []);
                        break;
                    case 1 when some.Commits.Length > 1:
                        Cut(some, _random.Next(some.Commits.Length - 1));
                        break;
                    default:
                        Filesystems[some.Id] = some with { Commits = some.Commits.Add(Commit(_next++)) };
                        break;
                }
            }
        }

        public void Take(ReplicaStep step)
        {
            switch (step)
            {
                case ReplicaStep.Rollback rollback:
                    var from = Filesystems[rollback.Filesystem];
                    Cut(from, from.Commits.Select(commit => commit.Id).ToList().IndexOf(rollback.To));
                    break;
                case ReplicaStep.Destroy destroy:
                    Assert.DoesNotContain(Filesystems.Values, other => other.Origin?.Filesystem == destroy.Filesystem);
                    Assert.True(Filesystems.Remove(destroy.Filesystem));
                    break;
                case ReplicaStep.Branch branch:
                    Assert.Contains(Filesystems[branch.Origin.Filesystem].Commits, commit => commit.Id == branch.Origin.Commit);
                    Filesystems.Add(branch.Filesystem, new StoredFilesystem(branch.Filesystem, branch.Origin, branch.Labels, false, []));
                    break;
                case ReplicaStep.Receive receive:
                    Receive(receive);
                    break;
                case ReplicaStep.Relabel relabel:
                    Filesystems[relabel.Filesystem] = Filesystems[relabel.Filesystem] with { Labels = relabel.Labels };
                    break;
            }
        }

        public override string ToString() => string.Join('\n', Filesystems.Values
            .OrderBy(filesystem => filesystem.Id.Value, StringComparer.Ordinal)
            .Select(filesystem => $"{filesystem.Id} {filesystem.Origin} {string.Join(',', filesystem.Commits.Select(commit => commit.Guid))}"));

        private void Receive(ReplicaStep.Receive receive)
        {
            var (id, from) = (receive.Range.Filesystem, receive.Range.From);
            if (from?.Filesystem == id)
            {
                Assert.Equal(Filesystems[id].Commits[^1].Id, from.Commit);
                Filesystems[id] = Filesystems[id] with { Commits = Filesystems[id].Commits.AddRange(receive.Commits) };
                return;
            }

            if (from is not null)
            {
                Assert.Contains(Filesystems[from.Filesystem].Commits, commit => commit.Id == from.Commit);
            }

            Filesystems.Add(id, new StoredFilesystem(id, from, receive.Labels, false, receive.Commits));
        }

        /// <summary>Later commits go, but those that a branch starts at: like the drivers, it then keeps them and is promoted.</summary>
        private void Cut(StoredFilesystem filesystem, int last)
        {
            var later = filesystem.Commits[(last + 1)..].Select(commit => commit.Id).ToHashSet();
            foreach (var dependent in Filesystems.Values.Where(other =>
                other.Origin is { } origin && origin.Filesystem == filesystem.Id && later.Contains(origin.Commit)).ToList())
            {
                // the branch takes the commits up to its start with it and starts at the last one that stays
                var at = filesystem.Commits.Select(commit => commit.Id).ToList().IndexOf(dependent.Origin!.Commit);
                Filesystems[dependent.Id] = dependent with
                {
                    Origin = new CommitOrigin(filesystem.Id, filesystem.Commits[last].Id),
                    Commits = [.. filesystem.Commits[(last + 1)..(at + 1)], .. dependent.Commits],
                };
            }

            Filesystems[filesystem.Id] = Filesystems[filesystem.Id] with { Commits = filesystem.Commits[..(last + 1)] };
        }
    }
}
