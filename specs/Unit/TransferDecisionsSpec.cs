using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What a transfer does and refuses, with the contract's texts (6.2, 6.3).</summary>
public sealed class TransferDecisionsSpec
{
    private static readonly FilesystemId A = new("61f356f0-39a4-4e0e-6286-e04d25744344");
    private static readonly FilesystemId B = new("05652ba4-acb8-4349-4711-956bd0c88c8c");
    private static readonly TransferSegment Segment = new(2, 2, B, "b", new CommitOrigin(A, new CommitId("at")), null);
    private static readonly CommitProperties Common = new(new CommitId("c"), new CommitMetadata([new("message", "both have it")]));

    [Theory]
    [InlineData("push", false, false, "Both local and remote filesystems don't exist.")]
    [InlineData("pull", false, false, "Both local and remote filesystems don't exist.")]
    [InlineData("push", false, true, "Can't push when local doesn't exist")]
    [InlineData("pull", true, false, "Can't pull when remote doesn't exist")]
    [InlineData("push", true, false, "RegisterThere")]
    [InlineData("pull", false, true, "RegisterHere")]
    [InlineData("push", true, true, "Update")]
    [InlineData("pull", true, true, "Update")]
    public void What_is_here_and_there_decides_how_a_transfer_begins(string direction, bool here, bool there, string answer)
    {
        var request = Request(TransferDirections.Parse(direction).Value);
        var opening = TransferDecisions.Open(request, here ? A : null, there ? A : null);
        Assert.Equal(answer, opening.Refusal?.Message ?? $"{opening.Value}");
    }

    [Fact]
    public void Two_dots_of_different_ids_are_not_reconciled_and_the_key_is_not_shown() =>
        Assert.Equal(
            $"Cannot reconcile filesystems with different ids, remote={B}, local={A}, args="
            + "{Peer:10.192.0.2 User:admin Port:0 ApiKey:<redacted> Direction:pull LocalNamespace:admin LocalName:apples LocalBranchName: "
            + "RemoteNamespace:bob RemoteName:pears RemoteBranchName: TargetCommit: StashDivergence:true}",
            TransferDecisions.Open(Request(TransferDirection.Pull) with { StashDivergence = true }, A, B).Refusal!.Message);

    [Fact]
    public void A_direction_is_push_or_pull() =>
        Assert.StartsWith("Unexpected combination of factors: ", TransferDirections.Parse("Push").Refusal!.Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(1, "0.00")]
    [InlineData(19456, "0.02")]
    [InlineData(1048576, "1.00")]
    [InlineData(131072, "0.12")]
    [InlineData(393216, "0.38")]
    [InlineData(1099511627776, "1048576.00")]
    public void What_was_not_committed_stops_a_transfer_and_is_told_in_MiB(long dirtyBytes, string size) =>
        Assert.Equal(
            $"Aborting because there are {size} MiB of uncommitted changes on volume where data would be written. Use 'dm reset' to roll back.",
            TransferDecisions.Judge(dirtyBytes, ["/a"], stashDivergence: false).Refusal!.Message);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Running_containers_stop_a_transfer_and_are_named(bool stashDivergence) =>
        Assert.Equal(
            "Aborting because there are active containers running on volume where data would be written: /a, /b. Stop the containers.",
            TransferDecisions.Judge(stashDivergence ? 9 : 0, ["/a", "/b"], stashDivergence).Refusal!.Message);

    [Fact]
    public void With_stash_what_was_not_committed_is_committed_first()
    {
        Assert.Equal(WritingSide.CommitFirst, TransferDecisions.Judge(1, [], stashDivergence: true).Value);
        Assert.Equal(WritingSide.Clean, TransferDecisions.Judge(0, [], stashDivergence: true).Value);
        Assert.Equal(WritingSide.Clean, TransferDecisions.Judge(0, [], stashDivergence: false).Value);
    }

    [Fact]
    public void A_path_that_cannot_be_had_is_told_with_dot_and_branch() =>
        Assert.Equal(
            "Can't deduce path to top level filesystem for admin/apples,b: why",
            TransferDecisions.NoPath(new DotName("admin", "apples"), "b", "why").Message);

    [Fact]
    public void A_segment_is_tried_five_times_with_longer_pauses()
    {
        Assert.Equal([1, 2, 3, 4], Enumerable.Range(1, 4).Select(n => TransferDecisions.PauseAfter(n)!.Value.TotalSeconds));
        Assert.Null(TransferDecisions.PauseAfter(5));
        Assert.Equal(
            $"Attempting to push {B} got <Event error-pushing-posting: map[responseBody:no room statusCode:400]>",
            TransferDecisions.RetryMessage(TransferDirection.Push, B, TransferFailure.Posting(400, "no room")));
    }

    [Theory]
    [InlineData("push", false, "Complete: remote already up-to-date, nothing to do")]
    [InlineData("pull", true, "Complete: remote already up-to-date, nothing to do")]
    public void Sides_that_are_the_same_need_nothing(string direction, bool stash, string step) =>
        Assert.Equal(step, Next(direction, new CommitComparison.UpToDate(Common.Id), stash));

    [Theory]
    [InlineData("push", true, "Complete: The remote is ahead of the cluster you are pushing from - nothing to do")]
    [InlineData("pull", true, "Complete: This remote is ahead of the cluster you are pulling from - nothing to do")]
    [InlineData("push", false, "GiveUp: <Event error-in-canapply-when-pushing: toSnaps is ahead>")]
    [InlineData("pull", false, "GiveUp: <Event error-in-canapply-when-pulling: toSnaps is ahead>")]
    public void A_side_that_is_ahead_is_an_error_unless_stashing_was_asked_for(string direction, bool stash, string step) =>
        Assert.Equal(step, Next(direction, new CommitComparison.Ahead(Common), stash));

    [Theory]
    [InlineData("push", true, "Stash: c")]
    [InlineData("pull", true, "Stash: c")]
    [InlineData("push", false, "GiveUp: <Event error-in-canapply-when-pushing: toSnaps diverged (latest common snapshot={Id:c Metadata:map[message:both have it]})>")]
    [InlineData("pull", false, "GiveUp: <Event error-in-canapply-when-pulling: toSnaps diverged (latest common snapshot={Id:c Metadata:map[message:both have it]})>")]
    public void A_side_that_diverged_is_stashed_when_that_was_asked_for(string direction, bool stash, string step) =>
        Assert.Equal(step, Next(direction, new CommitComparison.Diverged(Common), stash));

    [Fact]
    public void Sides_without_a_common_commit_are_not_stashed() =>
        Assert.Equal(
            "GiveUp: <Event error-in-canapply-when-pulling: no common snapshots from [a] to [b]>",
            Next("pull", new CommitComparison.NoCommon("a", "b"), stash: true));

    [Theory]
    [InlineData("push", "no-snapshots-of-that-filesystem")]
    [InlineData("pull", "no-snapshots-of-remote-filesystem")]
    public void A_filesystem_without_commits_cannot_be_moved(string direction, string name) =>
        Assert.StartsWith($"GiveUp: <Event {name}: ", Next(direction, new CommitComparison.NoSource(), stash: true), StringComparison.Ordinal);

    [Fact]
    public void What_is_missing_is_sent()
    {
        Assert.Equal($"Send: {A}@at..z", Next("push", new CommitComparison.SendAll(new CommitId("z")), stash: false));
        Assert.Equal("Send: y..z", Next("pull", new CommitComparison.FastForward(new CommitId("y"), new CommitId("z")), stash: false));
    }

    [Fact]
    public void A_failed_segment_is_told_as_the_failure_of_the_transfer()
    {
        var last = TransferFailure.Posting(400, new string('x', 5000));
        Assert.InRange(last.Detail.Length, 4096, 4200);
        Assert.Equal(
            "Transfer failed with: <Event error-in-attempting-apply-path: Response event != finished-{push,pull} or peer-up-to-date: "
            + $"<Event maximum-retry-attempts-exceeded: {last}>>",
            TransferFailure.TriedTooOften(last).OfPath().Message);
    }

    private static string Next(string direction, CommitComparison comparison, bool stash) =>
        SegmentDecisions.Next(TransferDirections.Parse(direction).Value, Segment, comparison, stash) switch
        {
            SegmentStep.Complete complete => $"Complete: {complete.Message}",
            SegmentStep.Send send => $"Send: {StreamStart.Of(send.Range)}..{send.Range.To}",
            SegmentStep.Stash stashing when stashing.Filesystem == B => $"Stash: {stashing.After}",
            SegmentStep.GiveUp giveUp => $"GiveUp: {giveUp.Failure}",
            var other => $"{other}",
        };

    private static TransferRequest Request(TransferDirection direction) => new()
    {
        Peer = "10.192.0.2",
        User = "admin",
        ApiKey = "MYRJNBIKDMT7OCAZYEHM2YITDS4TK3EY",
        Direction = direction,
        Local = new DotName("admin", "apples"),
        RemoteNamespace = "bob",
        RemoteName = "pears",
    };
}
