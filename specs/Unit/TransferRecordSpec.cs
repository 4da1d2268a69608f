using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What is told of a transfer (contract 3.4, 6.7).</summary>
public sealed class TransferRecordSpec
{
    private const string Secret = "MYRJNBIKDMT7OCAZYEHM2YITDS4TK3EY";

    private static readonly FilesystemId Master = new("61f356f0-39a4-4e0e-6286-e04d25744344");
    private static readonly FilesystemId Branch = new("05652ba4-acb8-4349-4711-956bd0c88c8c");
    private static readonly CommitId Target = new("target");
    private static readonly TransferSegment First = new(1, 2, Master, "", null, Target);
    private static readonly TransferSegment Second = new(2, 2, Branch, "b", new CommitOrigin(Master, Target), null);

    [Theory]
    [InlineData(TransferDirection.Push, "pushing")]
    [InlineData(TransferDirection.Pull, "pulling")]
    public void A_transfer_of_two_segments_goes_through_these_statuses(TransferDirection direction, string moving)
    {
        var told = new List<string>();
        var record = Began(direction);
        void Then(TransferRecord next) => told.Add($"{next.Status} {next.Index}/{next.Total}{((record = next).IsDone ? " done" : "")}");

        Then(record);
        Then(record.SyncMetadata(At(1)));
        Then(record.Enter(First, At(2)));
        Then(record.CalculateSize(StreamStart.Start, Target, At(3)));
        Then(record.Stream(1000, At(4)));
        Then(record.FinishSegment("", At(5)));
        Then(record.Enter(Second, At(6)));
        Then(record.FinishSegment("remote already up-to-date, nothing to do", At(7)));
        Assert.Equal(
            [
                "starting 0/0", "syncing metadata 0/0", "syncing metadata 1/2", "calculating size 1/2", $"{moving} 1/2", "finished 1/2",
                "syncing metadata 2/2", "finished 2/2 done",
            ],
            told);
        Assert.Equal("remote already up-to-date, nothing to do", record.Message);
        Assert.Equal((Branch, 0, 0, TimeSpan.FromSeconds(1)), (record.Filesystem, record.SizeBytes, record.SentBytes, record.Elapsed));
    }

    [Fact]
    public void Progress_is_told_once_a_second_and_never_more_than_the_size()
    {
        var record = Streaming(1000);
        Assert.Same(record, record.Progress(100, At(10.9)));
        var told = record.Progress(200, At(11));
        Assert.Equal((200, TimeSpan.FromSeconds(9)), (told.SentBytes, told.Elapsed));
        Assert.Same(told, told.Progress(300, At(11.5)));
        Assert.Equal(300, told.Progress(300, At(11.5), last: true).SentBytes);
        Assert.Equal(1000, told.Progress(44939, At(13)).SentBytes);
        Assert.Equal(200, told.Progress(150, At(13)).SentBytes);
    }

    [Fact]
    public void Progress_that_comes_after_the_end_changes_nothing()
    {
        var failed = Streaming(1000).Fail("cut", At(11));
        Assert.Same(failed, failed.Progress(500, At(20)));
    }

    [Fact]
    public void A_clock_that_is_set_back_neither_shortens_a_segment_nor_stops_its_progress()
    {
        var record = Streaming(1000).Progress(100, At(20)).Progress(200, At(-3600));
        Assert.Equal((200, TimeSpan.FromSeconds(18)), (record.SentBytes, record.Elapsed));
        Assert.Equal(300, record.Progress(300, At(-3599)).SentBytes);
    }

    [Fact]
    public void A_failed_try_says_why_and_the_next_one_counts_from_nothing()
    {
        var record = Streaming(1000).Progress(500, At(12)).Retry(2, "Attempting to push f got <Event x: y>", At(13));
        Assert.Equal(("retry 2", "Attempting to push f got <Event x: y>", 500), (record.Status, record.Message, record.SentBytes));
        record = record.SyncMetadata(At(15)).CalculateSize(StreamStart.Start, Target, At(16)).Stream(2000, At(17));
        Assert.Equal(("pushing", "", 0, 2000, TimeSpan.FromSeconds(15)),
            (record.Status, record.Message, record.SentBytes, record.SizeBytes, record.Elapsed));
    }

    [Fact]
    public void An_error_keeps_everything_that_was_known()
    {
        var before = Streaming(1000).Progress(500, At(12));
        var record = before.Fail("Transfer failed with: <Event x: y>", At(13));
        Assert.Equal(("error", true, false, "Transfer failed with: <Event x: y>"), (record.Status, record.HasFailed, record.IsDone, record.Message));
        Assert.Equal(
            (before.Index, before.Total, before.Filesystem, before.StartingCommit, before.TargetCommit, before.SentBytes),
            (record.Index, record.Total, record.Filesystem, record.StartingCommit, record.TargetCommit, record.SentBytes));
    }

    [Fact]
    public void A_message_of_any_length_is_kept_short() =>
        Assert.Equal(TransferRecord.LongestMessage, Streaming(1).Fail(new string('x', 1 << 20), At(13)).Message.Length);

    [Fact]
    public void There_is_no_way_back_from_an_end()
    {
        Assert.Throws<InvalidOperationException>(() => Began().Fail("x", At(1)).SyncMetadata(At(2)));
        Assert.Throws<InvalidOperationException>(() => Began().Fail("x", At(1)).Fail("y", At(2)));
        var done = Began().SyncMetadata(At(1)).Enter(First with { Total = 1 }, At(2)).FinishSegment("", At(3));
        Assert.True(done.IsDone);
        Assert.Throws<InvalidOperationException>(() => done.Enter(Second, At(4)));
        Assert.Throws<InvalidOperationException>(() => done.Fail("late", At(4)));
    }

    [Fact]
    public void No_segment_is_left_out_and_no_phase_of_it()
    {
        var ready = Began().SyncMetadata(At(1));
        Assert.Throws<InvalidOperationException>(() => ready.Enter(Second, At(2)));
        Assert.Throws<InvalidOperationException>(() => ready.CalculateSize(StreamStart.Start, Target, At(2)));
        Assert.Throws<InvalidOperationException>(() => ready.FinishSegment("", At(2)));
        Assert.Throws<InvalidOperationException>(() => ready.Enter(First, At(2)).Stream(1, At(3)));
        Assert.Throws<InvalidOperationException>(() => ready.Enter(First, At(2)).Enter(Second, At(3)));
        Assert.Throws<InvalidOperationException>(() => ready.Enter(First, At(2)).Retry(6, "x", At(3)));
        Assert.Throws<InvalidOperationException>(() => ready.Enter(First, At(2)).Retry(0, "x", At(3)));
    }

    [Fact]
    public void The_secret_of_the_peer_is_in_nothing_that_is_shown()
    {
        var request = Request();
        Assert.DoesNotContain(Secret, $"{request}", StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, $"{Began()}", StringComparison.Ordinal);
        Assert.DoesNotContain(typeof(TransferRecord).GetProperties(), member => Equals(member.GetValue(Began()), Secret));
    }

    private static TransferRecord Streaming(long size) =>
        Began().SyncMetadata(At(1)).Enter(First, At(2)).CalculateSize(StreamStart.Start, Target, At(3)).Stream(size, At(10));

    private static TransferRecord Began(TransferDirection direction = TransferDirection.Push) =>
        TransferRecord.Begin("b655e1f4-ae90-422b-78ac-b1090c7391bb", Request() with { Direction = direction }, new StorageNodeId("cc35"), At(0));

    private static TransferRequest Request() => new()
    {
        Peer = "10.192.0.2",
        User = "admin",
        ApiKey = Secret,
        Direction = TransferDirection.Push,
        Local = new DotName("admin", "volume_1"),
        RemoteNamespace = "admin",
        RemoteName = "volume_1",
    };

    private static DateTimeOffset At(double seconds) => DateTimeOffset.UnixEpoch.AddDays(1).AddSeconds(seconds);
}
