using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>What to do in a segment when its commits were compared.</summary>
internal abstract record SegmentStep
{
    /// <summary>Nothing: the segment is complete (the original's <c>peer-up-to-date</c>).</summary>
    /// <param name="Message">For the record.</param>
    public sealed record Complete(string Message) : SegmentStep;

    public sealed record Send(StreamRange Range) : SegmentStep;

    /// <summary>
    /// The side that is written to stashes what it has after this commit (contract 5.7); then the commits are compared again. At the peer
    /// (<c>StashAfter</c>) this takes one of the segment's tries.
    /// </summary>
    public sealed record Stash(FilesystemId Filesystem, CommitId After) : SegmentStep;

    /// <summary>The segment cannot be moved, and trying again changes nothing.</summary>
    public sealed record GiveUp(TransferFailure Failure) : SegmentStep;
}

/// <summary>How the comparison of a segment's commits goes on (contract 6.3). Pure.</summary>
internal static class SegmentDecisions
{
    /// <param name="comparison">Of the commits of the side that sends, cut at the segment's end, with those of the side that is written to.</param>
    public static SegmentStep Next(
        TransferDirection direction, TransferSegment segment, CommitComparison comparison, bool stashDivergence) =>
        comparison switch
        {
            CommitComparison.UpToDate => new SegmentStep.Complete("remote already up-to-date, nothing to do"),
            CommitComparison.Ahead when stashDivergence => new SegmentStep.Complete(
                direction == TransferDirection.Push
                    ? "The remote is ahead of the cluster you are pushing from - nothing to do"
                    : "This remote is ahead of the cluster you are pulling from - nothing to do"),
            CommitComparison.Diverged diverged when stashDivergence =>
                new SegmentStep.Stash(segment.Filesystem, diverged.LatestCommon.Id),
            CommitComparison.NoSource => new SegmentStep.GiveUp(new TransferFailure(
                direction == TransferDirection.Push ? "no-snapshots-of-that-filesystem" : "no-snapshots-of-remote-filesystem",
                $"filesystem {segment.Filesystem} has no commits: make one before it is moved")),
            _ when segment.Range(comparison) is { } range => new SegmentStep.Send(range),
            _ => new SegmentStep.GiveUp(new TransferFailure(
                direction == TransferDirection.Push ? "error-in-canapply-when-pushing" : "error-in-canapply-when-pulling",
                comparison.Text)),
        };
}
