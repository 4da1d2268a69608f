using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>One filesystem of a transfer (contract 6.3).</summary>
/// <param name="Index">From 1 (contract 3.4).</param>
/// <param name="Total">How many there are.</param>
/// <param name="Branch"><c>""</c> for the master branch.</param>
/// <param name="Origin">Where the branch starts, which the segment before this one has brought; null for the master branch.</param>
/// <param name="UpTo">The last commit that is moved: where the next filesystem starts; null: the newest one.</param>
public sealed record TransferSegment(
    int Index, int Total, FilesystemId Filesystem, string Branch, CommitOrigin? Origin, CommitId? UpTo)
{
    /// <summary>What to send for a comparison of this segment's commits; null when nothing can be or has to be sent.</summary>
    public StreamRange? Range(CommitComparison comparison) => comparison switch
    {
        CommitComparison.SendAll all => new StreamRange(Filesystem, Origin, all.To),
        CommitComparison.FastForward forward => new StreamRange(Filesystem, new CommitOrigin(Filesystem, forward.From), forward.To),
        _ => null,
    };
}

/// <summary>
/// The segments of a push or pull, root to tip: each filesystem up to the commit at which the next one starts, the last one up to its
/// newest commit. Pure. In this order the origin of a branch is always there before the branch (contract 6.5).
/// </summary>
public static class TransferPlan
{
    public static ImmutableArray<TransferSegment> Of(TransferPath path)
    {
        var total = path.Branches.Length + 1;
        CommitId? UpTo(int index) => index < total ? path.Branches[index - 1].Origin.Commit : null;
        return
        [
            new TransferSegment(1, total, path.Master, "", null, UpTo(1)),
            .. path.Branches.Select((branch, n) => new TransferSegment(n + 2, total, branch.Id, branch.Name, branch.Origin, UpTo(n + 2))),
        ];
    }
}
