using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>The smaller parts of a transfer: packages, what of a path is missing, its state, its pace, and the end of a body.</summary>
public sealed class TransferPiecesSpec
{
    private static readonly FilesystemId Master = new("aaaaaaaa-0000-4000-8000-000000000001");
    private static readonly FilesystemId Side = new("aaaaaaaa-0000-4000-8000-000000000002");
    private static readonly DateTimeOffset At = new(2026, 11, 26, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(true, 520, new[] { "0-255", "256-511", "512-519" })]
    [InlineData(true, 1, new[] { "0-0" })]
    [InlineData(false, 520, new[] { "0-519" })]
    public void From_the_beginning_ours_get_packages_and_originals_all_at_once(bool ours, int commits, string[] expected)
    {
        var packages = Packages.Of(new StreamRange(Master, null, Id(commits - 1)), Commits(commits), ours ? new PackageSize() : null).ToList();

        Assert.Equal(expected, packages.Select(package => $"{package.Commits[0].Id}-{package.Range.To}"));
        Assert.Null(packages[0].Range.From);
        Assert.Equal(
            packages.SkipLast(1).Select(package => new CommitOrigin(Master, package.Range.To)), packages.Skip(1).Select(package => package.Range.From));
    }

    [Fact]
    public void Commits_with_much_metadata_are_few_in_a_package_and_one_at_least()
    {
        var large = new CommitMetadata([new("text", new string('x', (Packages.MostMetadata / 2) - 100))]);
        var larger = new CommitMetadata([new("text", new string('x', 2 * Packages.MostMetadata))]);
        ImmutableArray<CommitProperties> commits = [.. Commits(5).Select((commit, n) => commit with { Metadata = n == 3 ? larger : large })];

        var packages = Packages.Of(new StreamRange(Master, null, Id(4)), commits, new PackageSize());

        Assert.Equal(["0-1", "2-2", "3-3", "4-4"], packages.Select(package => $"{package.Commits[0].Id}-{package.Range.To}"));
    }

    [Fact]
    public void After_a_break_packages_are_small_and_grow_as_they_pass()
    {
        var size = new PackageSize();
        size.Broke(Packages.Most);
        var lengths = new List<int>();
        foreach (var package in Packages.Of(new StreamRange(Master, null, Id(799)), Commits(800), size))
        {
            lengths.Add(package.Commits.Length);
            size.Passed();
        }

        Assert.Equal([32, 64, 128, 256, 256, 64], lengths);
    }

    [Fact]
    public void Breaks_in_a_row_end_at_packages_of_one_commit()
    {
        var size = new PackageSize();
        foreach (var expected in new[] { 32, 4, 1, 1 })
        {
            size.Broke(size.Most);
            Assert.Equal(expected, size.Most);
        }
    }

    [Fact]
    public void After_a_commit_that_both_have_only_what_follows_it_goes_over()
    {
        var package = Assert.Single(Packages.Of(new StreamRange(Master, new CommitOrigin(Master, Id(1)), Id(3)), Commits(5), size: null));

        Assert.Equal([Id(2), Id(3)], package.Commits.Select(commit => commit.Id));
        Assert.Equal(new CommitOrigin(Master, Id(1)), package.Range.From);
    }

    [Fact]
    public void A_branch_that_is_new_there_begins_at_its_origin_with_its_first_own_commit()
    {
        var origin = new CommitOrigin(Master, Id(7));
        var package = Assert.Single(Packages.Of(new StreamRange(Side, origin, Id(1)), Commits(2), new PackageSize()));

        Assert.Equal(origin, package.Range.From);
        Assert.Equal([Id(0), Id(1)], package.Commits.Select(commit => commit.Id));
    }

    [Fact]
    public async Task Of_a_path_only_what_is_not_here_is_missing_and_an_id_or_a_name_of_something_else_is_refused()
    {
        var directory = new MemoryDirectory();
        var path = TransferPath.Check(new UncheckedPath(
            Master.Value, "admin", "d", [new UncheckedStep("b", Master.Value, Side.Value, "b", Master.Value, "c1")])).Value;
        Assert.Equal([Master, Side], Missing(path, directory).Value.Select(one => one.Filesystem));

        await Put(directory, Row(Master, "d"));
        Assert.Equal([Side], Missing(path, directory).Value.Select(one => one.Filesystem));
        await Put(directory, Row(Master, "d", new BranchRow("b", Side, new CommitOrigin(Master, new CommitId("c1")))));
        Assert.Empty(Missing(path, directory).Value);

        await Put(directory, Row(Master, "d", new BranchRow("b", new FilesystemId("other"), new CommitOrigin(Master, new CommitId("c1")))));
        Assert.Equal(RefusalCode.AlreadyExists, Missing(path, directory).Refusal!.Code);
        Assert.Equal(
            $"Filesystem ID {Master} already exists", Missing(path.CalledThere(new DotName("admin", "e")), directory).Refusal!.Message);

        var taken = new MemoryDirectory();
        await Put(taken, Row(new FilesystemId("another"), "d"));
        Assert.Equal("A volume called admin/d already exists with id another", Missing(path, taken).Refusal!.Message);
    }

    [Fact]
    public void The_events_of_a_transfer_add_up_to_its_record_and_a_second_run_begins_at_the_beginning()
    {
        var state = TransferState.Unknown
            .Apply(new TransferEvents.Asked(StoredRecord.Of(TransferRecord.Begin("t", Request(), new StorageNodeId("n"), At)), "u", At))
            .Apply(new TransferEvents.Begun(new StorageNodeId("n"), At))
            .Apply(new TransferEvents.SegmentEntered(1, 2, Master, At))
            .Apply(new TransferEvents.RangeChosen("START", Id(1), At))
            .Apply(new TransferEvents.StreamBegun(100, At))
            .Progress(40, At.AddSeconds(2));
        Assert.Equal((40, "pushing", 1, 2), (state.Record!.SentBytes, state.Record.Status, state.Record.Index, state.Record.Total));

        var again = state.Apply(new TransferEvents.Begun(new StorageNodeId("m"), At.AddSeconds(9)));
        Assert.Equal((0, "syncing metadata", 0, 2), (again.Record!.SentBytes, again.Record.Status, again.Record.Index, again.Runs));

        var over = again
            .Apply(new TransferEvents.TryFailed(1, "away", At))
            .Apply(new TransferEvents.Compared(At))
            .Apply(new TransferEvents.SegmentEntered(1, 1, Master, At))
            .Apply(new TransferEvents.SegmentFinished("nothing to do", 0, At));
        Assert.True(over.IsOver);
        Assert.True(again.Apply(new TransferEvents.Failed("no", At)).IsOver);
        Assert.Equal(over.Record, StoredRecord.Of(over.Record!).Read());
    }

    [Fact]
    public async Task A_pace_lets_so_many_bytes_pass_in_a_second_and_saves_none_up()
    {
        var clock = new WaitlessClock { Now = TimeSpan.FromHours(1) };
        var pace = new Pace(1000, clock);

        await pace.Pass(500, default);
        await pace.Pass(500, default);
        clock.Now += TimeSpan.FromMinutes(1);
        await pace.Pass(250, default);

        Assert.Equal([500, 1000, 250], clock.Waits.Select(wait => wait.TotalMilliseconds));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 * 1024)]
    [InlineData((64 * 1024) + 1)]
    [InlineData(200_000)]
    public async Task The_last_bytes_of_a_body_come_only_when_its_end_was_seen(int length)
    {
        var content = new byte[length];
        Random.Shared.NextBytes(content);
        using var read = new MemoryStream();
        await using var whole = new EndFirst(new MemoryStream(content));
        await whole.CopyToAsync(read);
        Assert.Equal(content, read.ToArray());

        using var part = new MemoryStream();
        await using var cut = new EndFirst(new BreaksOff(new MemoryStream(content)));
        await Assert.ThrowsAsync<IOException>(() => cut.CopyToAsync(part));
        Assert.True(part.Length < length || length == 0, $"{part.Length} of {length} bytes came although the end did not");
    }

    private static Outcome<ImmutableArray<Registration>> Missing(TransferPath path, MemoryDirectory directory) =>
        PathDecisions.Missing(path, directory, "u");

    private static async Task Put(MemoryDirectory directory, DotRow row)
    {
        await directory.Reserve(row, default);
        await directory.Project(row, default);
    }

    private static DotRow Row(FilesystemId id, string name, params BranchRow[] branches) => new(
        id, new DotName("admin", name), "0", "admin", new StorageNodeId("n"), 1, DotStatus.Active,
        ImmutableSortedDictionary<string, string>.Empty, branches.ToImmutableSortedDictionary(branch => branch.Name, branch => branch));

    private static TransferRequest Request() => new()
    {
        Peer = "peer",
        User = "admin",
        ApiKey = "secret",
        Direction = TransferDirection.Push,
        Local = new DotName("admin", "d"),
        RemoteNamespace = "admin",
        RemoteName = "d",
    };

    private static CommitId Id(int number) => new($"{number}");

    private static ImmutableArray<CommitProperties> Commits(int count) =>
        [.. Enumerable.Range(0, count).Select(number => new CommitProperties(Id(number), CommitMetadata.Empty))];

    /// <summary>In the place of the end comes an error.</summary>
    private sealed class BreaksOff(Stream inner) : ReadOnlyStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await inner.ReadAsync(buffer, cancellationToken);
            return count > 0 ? count : throw new IOException("the connection broke off");
        }
    }

    /// <summary>Time stands still, and whoever waits is let go at once: how long he was to wait is noted.</summary>
    private sealed class WaitlessClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public List<TimeSpan> Waits { get; } = [];

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Waits.Add(dueTime);
            return System.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
