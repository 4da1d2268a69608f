using System.Collections.Immutable;
using System.Diagnostics;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class DirectorySpec : OneDatabase
{
    private SqlDirectory _directory = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _directory = await OpenDirectory();
    }

    [Fact]
    public async Task A_reserved_name_is_found_by_name_and_by_id_and_is_being_created()
    {
        var (row, reserved) = await _directory.Reserve(Dot("1", "apples"), default);

        Assert.True(reserved);
        Assert.Equal(DotStatus.Creating, row.Status);
        Assert.Same(row, _directory.Find(new DotName("admin", "apples")));
        Assert.Same(row, _directory.Find(new FilesystemId("1")));
        Assert.Null(_directory.Find(new DotName("admin", "Apples")));
    }

    [Fact]
    public async Task A_name_that_is_taken_answers_the_row_that_has_it()
    {
        await _directory.Reserve(Dot("1", "apples"), default);

        var (row, reserved) = await _directory.Reserve(Dot("2", "apples"), default);

        Assert.False(reserved);
        Assert.Equal(new FilesystemId("1"), row.Id);
        Assert.Null(_directory.Find(new FilesystemId("2")));
    }

    [Fact]
    public async Task Of_100_that_reserve_one_name_at_once_exactly_one_gets_it_and_the_others_learn_who()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(i =>
            Task.Run(() => _directory.Reserve(Dot($"{i}", "apples"), default))));

        var winner = Assert.Single(answers, answer => answer.Reserved).Row.Id;
        Assert.All(answers, answer => Assert.Equal(winner, answer.Row.Id));
        Assert.Single(_directory.Dots);
    }

    [Fact]
    public async Task A_projection_is_there_after_a_restart_with_branches_and_collaborators()
    {
        var row = Dot("1", "apples") with
        {
            Epoch = 3,
            Status = DotStatus.Changing,
            Collaborators = ImmutableSortedDictionary<string, string>.Empty.Add("u-bob", "bob").Add("u-eve", "eve"),
            Branches = Branches(("dev", "b1", "1", "c1"), ("fix", "b2", "b1", "c2")),
        };
        await _directory.Project(row, default);

        await Restart();

        var found = _directory.Find(row.Name)!;
        Assert.Equivalent(row, found, strict: true);
        Assert.Equal(new CommitOrigin(new FilesystemId("b1"), new CommitId("c2")), found.Branches["fix"].Origin);
    }

    [Fact]
    public async Task A_filesystem_is_found_by_the_id_of_master_or_of_a_branch_until_it_is_gone()
    {
        var row = Dot("1", "apples") with { Branches = Branches(("dev", "b1", "1", "c1")) };
        await _directory.Project(row, default);

        Assert.Equal("", _directory.FindFilesystem(new FilesystemId("1"))!.Branch);
        Assert.Null(_directory.FindFilesystem(new FilesystemId("1"))!.Origin);
        Assert.Equal("dev", _directory.FindFilesystem(new FilesystemId("b1"))!.Branch);
        Assert.Equal(new CommitId("c1"), _directory.FindFilesystem(new FilesystemId("b1"))!.Origin!.Commit);

        // as a stash does: the branch's name stays, its filesystem is another
        await _directory.Project(row with { Branches = Branches(("dev", "b2", "1", "c1")) }, default);

        Assert.Null(_directory.FindFilesystem(new FilesystemId("b1")));
        Assert.NotNull(_directory.FindFilesystem(new FilesystemId("b2")));
    }

    [Fact]
    public async Task A_removed_dot_frees_its_name_and_leaves_nothing_behind()
    {
        await _directory.Project(Dot("1", "apples") with { Branches = Branches(("dev", "b1", "1", "c1")) }, default);

        await _directory.Remove(new FilesystemId("1"), default);

        Assert.Empty(_directory.Dots);
        Assert.Null(_directory.FindFilesystem(new FilesystemId("b1")));
        Assert.True((await _directory.Reserve(Dot("2", "apples"), default)).Reserved);
        await Restart();
        Assert.Equal(new FilesystemId("2"), Assert.Single(_directory.Dots).Id);
    }

    [Fact]
    public async Task Control_moves_for_the_one_who_saw_the_newest_epoch_and_for_nobody_else()
    {
        await _directory.Project(Dot("1", "apples"), default);

        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => Task.Run(
            () => _directory.MoveControl(new FilesystemId("1"), 1, new StorageNodeId($"n{i}"), default))));

        Assert.Single(answers, moved => moved);
        var row = _directory.Find(new FilesystemId("1"))!;
        Assert.Equal(2, row.Epoch);
        Assert.NotEqual(new StorageNodeId("n"), row.Node);
        Assert.False(await _directory.MoveControl(new FilesystemId("unknown"), 1, new StorageNodeId("x"), default));
        await Restart();
        Assert.Equal(row.Node, _directory.Find(new FilesystemId("1"))!.Node);
    }

    [Fact]
    public async Task What_a_node_that_lost_control_has_to_say_is_not_taken()
    {
        await _directory.Project(Dot("1", "apples"), default);
        await _directory.MoveControl(new FilesystemId("1"), 1, new StorageNodeId("other"), default);

        await _directory.Project(
            Dot("1", "apples") with { Status = DotStatus.Deleting, Branches = Branches(("dev", "b1", "1", "c1")) }, default);

        var row = _directory.Find(new FilesystemId("1"))!;
        Assert.Equal((new StorageNodeId("other"), 2L, DotStatus.Active), (row.Node, row.Epoch, row.Status));
        Assert.Empty(row.Branches);
    }

    [Fact]
    public async Task A_projection_with_another_dots_name_is_a_conflict_that_names_both()
    {
        await _directory.Project(Dot("1", "apples"), default);

        var conflict = await Assert.ThrowsAsync<DirectoryConflictException>(
            () => _directory.Project(Dot("2", "apples"), default));

        Assert.Equal("The name admin/apples of dot 2 belongs to dot 1: rename or delete one of the two.", conflict.Message);
        Assert.Null(_directory.Find(new FilesystemId("2")));
    }

    [Fact]
    public async Task A_list_is_a_point_in_time_and_never_older_than_the_callers_own_writes()
    {
        await _directory.Project(Dot("1", "apples"), default);
        var before = _directory.Dots;

        await Task.WhenAll(Enumerable.Range(2, 50).Select(async i =>
        {
            await _directory.Project(Dot($"{i}", $"d{i}"), default);
            Assert.Contains(_directory.Dots, row => row.Id.Value == $"{i}");
        }));

        Assert.Single(before);
        Assert.Equal(51, _directory.Dots.Count);
    }

    [Fact]
    public async Task Writes_of_one_dot_end_with_the_last_in_memory_as_in_the_database()
    {
        await Task.WhenAll(Enumerable.Range(1, 200).Select(i =>
            Task.Run(() => _directory.Project(Dot("1", "apples") with { Epoch = i, OwnerName = $"o{i}" }, default))));

        var inMemory = _directory.Find(new FilesystemId("1"))!;
        Assert.Equal((200, "o200"), (inMemory.Epoch, inMemory.OwnerName));
        await Restart();
        Assert.Equivalent(inMemory, _directory.Find(new FilesystemId("1")), strict: true);
    }

    [Fact]
    public async Task Ten_thousand_dots_are_open_within_a_second()
    {
        await Task.WhenAll(Enumerable.Range(0, 10_000).Select(i => _directory.Project(
            Dot($"{i}", $"d{i}") with { Branches = Branches(("dev", $"b{i}", $"{i}", "c")) }, default)));
        // the best of some: other specs take the processor too
        var best = TimeSpan.MaxValue;
        for (var attempt = 0; attempt < 5 && best > TimeSpan.FromSeconds(1); attempt++)
        {
            await Database.DisposeAsync();
            Database = await Data.Open();
            var began = Stopwatch.GetTimestamp();
            _directory = await OpenDirectory();
            best = TimeSpan.FromTicks(Math.Min(best.Ticks, Stopwatch.GetElapsedTime(began).Ticks));
        }

        Assert.InRange(best, TimeSpan.Zero, TimeSpan.FromSeconds(1));
        Assert.Equal(10_000, _directory.Dots.Count);
        Assert.Equal("dev", _directory.FindFilesystem(new FilesystemId("b9999"))!.Branch);
    }

    private static DotRow Dot(string id, string name) => new(
        new FilesystemId(id),
        new DotName("admin", name),
        "u-admin",
        "admin",
        new StorageNodeId("n"),
        1,
        DotStatus.Active,
        ImmutableSortedDictionary<string, string>.Empty,
        ImmutableSortedDictionary<string, BranchRow>.Empty);

    private static ImmutableSortedDictionary<string, BranchRow> Branches(
        params (string Name, string Id, string Parent, string Commit)[] branches) => branches.ToImmutableSortedDictionary(
            b => b.Name,
            b => new BranchRow(
                b.Name, new FilesystemId(b.Id), new CommitOrigin(new FilesystemId(b.Parent), new CommitId(b.Commit))));

    private async Task Restart()
    {
        await Database.DisposeAsync();
        Database = await Data.Open();
        _directory = await OpenDirectory();
    }

    private Task<SqlDirectory> OpenDirectory() =>
        SqlDirectory.Open(Database, Data.Clock, NullLoggerFactory.Instance, CancellationToken.None);
}
