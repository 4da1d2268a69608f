using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Users;

namespace Dotmesh.Rpc.Wire;

/// <summary>Something that happened to a dot or to a transfer.</summary>
/// <param name="Sequence">Its place among the others, from 1; <c>Before</c> of the next call.</param>
/// <param name="Dot"><c>NAMESPACE/NAME</c>; of one that is gone and not known by name any more its id.</param>
/// <param name="By">Name of the user who asked for it, <c>system</c> for what a node did by itself; empty where nobody is told.</param>
/// <param name="Event">What kind it is of: one word or two, the same for all of a kind.</param>
/// <param name="Branch">Branch that it is about; empty: none, or all.</param>
/// <param name="Commit">Commit that it is about; empty: none, or several.</param>
/// <param name="Text">What happened, as a sentence; of a commit its message, where the node that answers has it.</param>
public sealed record LogEntry(long Sequence, DateTimeOffset At, string Dot, string By, string Event, string Branch, string Commit, string Text)
{
    public static LogEntry From(DotHappening happened, IUsers users)
    {
        var (entry, dot) = (happened.Entry, happened.Dot);
        var (filesystem, commit, text) = DotLog.Say(entry.Event);
        return new LogEntry(
            entry.Sequence, entry.Event.At, happened.Name?.ToString() ?? happened.Id.Value, users.FindById(entry.Event.By)?.Name ?? entry.Event.By,
            DotLog.KindOf(entry.Event), filesystem is { } id ? BranchName(dot, id) : "", commit?.Value ?? "", happened.Message ?? text);
    }

    public static LogEntry From(JournalEntry<TransferEvents.Event> entry, DotName dot, IUsers users)
    {
        var (kind, text) = TransferWords.Say(entry.Event);
        var by = entry.Event is TransferEvents.Asked asked ? users.FindById(asked.By)?.Name ?? asked.By : "";
        return new LogEntry(entry.Sequence, entry.Event.At, dot.ToString(), by, kind, "", "", text);
    }

    private static string BranchName(DotRow? dot, FilesystemId id) => dot is null ? id.Value
        : id == dot.Id ? "master"
        : dot.Branches.Values.FirstOrDefault(branch => branch.Id == id)?.Name ?? id.Value;
}

/// <summary>The events of a dot in words. Pure.</summary>
internal static class DotLog
{
    /// <summary>What each kind is called.</summary>
    public static FrozenDictionary<string, Type> Kinds { get; } = new Dictionary<string, Type>(StringComparer.Ordinal)
    {
        ["created"] = typeof(DotEvents.Created),
        ["adopted"] = typeof(DotEvents.Adopted),
        ["committed"] = typeof(DotEvents.Committed),
        ["branched"] = typeof(DotEvents.Branched),
        ["rollback begun"] = typeof(DotEvents.RollbackBegun),
        ["rolled back"] = typeof(DotEvents.RolledBack),
        ["stash begun"] = typeof(DotEvents.StashBegun),
        ["stashed"] = typeof(DotEvents.Stashed),
        ["abandoned"] = typeof(DotEvents.ChangeAbandoned),
        ["deletion begun"] = typeof(DotEvents.DeletionBegun),
        ["deleted"] = typeof(DotEvents.Deleted),
        ["shared"] = typeof(DotEvents.CollaboratorAdded),
        ["unshared"] = typeof(DotEvents.CollaboratorRemoved),
        ["branch adopted"] = typeof(DotEvents.BranchAdopted),
        ["commits adopted"] = typeof(DotEvents.CommitsAdopted),
        ["commits lost"] = typeof(DotEvents.CommitsLost),
        ["moved"] = typeof(DotEvents.ControlTaken),
        ["renamed"] = typeof(DotEvents.Renamed),
        ["replication set"] = typeof(DotEvents.ReplicationSet),
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static readonly FrozenDictionary<Type, string> ByType = Kinds.ToFrozenDictionary(kind => kind.Value, kind => kind.Key);

    public static string KindOf(DotEvents.Event happened) => ByType[happened.GetType()];

    public static (FilesystemId? Filesystem, CommitId? Commit, string Text) Say(DotEvents.Event happened) => happened switch
    {
        DotEvents.Created made => (null, null, $"Made as {made.Name} on node {made.Node}."),
        DotEvents.Adopted found => (null, null, $"Found in the pool of node {found.Node} and taken up as {found.Name}, with {Commits(found.Commits)}."),
        DotEvents.Committed made => (made.Filesystem, made.Commit, "Committed."),
        DotEvents.Branched made => (made.Filesystem, made.Origin.Commit, $"Branch {made.Branch} begun."),
        DotEvents.RollbackBegun begun => (begun.Filesystem, begun.To, "A rollback was begun."),
        DotEvents.RolledBack done => (done.Filesystem, done.To, $"Rolled back; later: {Commits(done.Changes.SelectMany(change => change.Removed))}."),
        DotEvents.StashBegun begun => (begun.Filesystem, begun.To, $"What came later is being put aside as branch {begun.Branch}."),
        DotEvents.Stashed done => (done.Filesystem, done.To, $"What came later is the branch {done.Branch} now, with {Commits(done.Commits)}."),
        DotEvents.ChangeAbandoned left => (null, null, $"What was begun could not be done: {left.Reason}"),
        DotEvents.DeletionBegun => (null, null, "Its deletion was begun."),
        DotEvents.Deleted => (null, null, "Deleted."),
        DotEvents.CollaboratorAdded shared => (null, null, $"Shared with {shared.UserName}."),
        DotEvents.CollaboratorRemoved gone => (null, null, $"Not shared with user {gone.UserId} any more."),
        DotEvents.BranchAdopted found => (found.Filesystem, null, $"Branch {found.Branch} was in the pool, with {Commits(found.Commits)}, and was taken up."),
        DotEvents.CommitsAdopted found => (found.Filesystem, Only(found.Commits), $"Taken up, after a transfer or from the pool: {Commits(found.Commits)}."),
        DotEvents.CommitsLost gone => (gone.Filesystem, Only(gone.Commits), $"Not in the pool any more: {Commits(gone.Commits)}."),
        DotEvents.ControlTaken taken => (null, null, $"Controlled by node {taken.Node} from here on."),
        DotEvents.Renamed named => (null, null, $"Named {named.Name}, owned by {named.OwnerName}."),
        DotEvents.ReplicationSet set => (null, null, set.Copies == 0 ? "Kept on as many nodes as the cluster's option says." : set.Copies == 1 ? "Kept on 1 node." : $"Kept on {set.Copies} nodes."),
        _ => throw new InvalidOperationException($"{happened.GetType()} has no words: add it here"),
    };

    private static CommitId? Only(ImmutableArray<CommitId> commits) => commits is [var one] ? one : null;

    private static string Commits(IEnumerable<CommitId> commits) => commits.Count() is var count && count == 1 ? "1 commit" : $"{count} commits";
}

/// <summary>The events of a transfer in words. Pure.</summary>
internal static class TransferWords
{
    public static (string Kind, string Text) Say(TransferEvents.Event happened) => happened switch
    {
        TransferEvents.Asked asked => ("asked", $"A {asked.Record.Direction} of {asked.Record.Local} was asked for, other side {asked.Record.Peer}."),
        TransferEvents.Begun begun => ("begun", $"Node {begun.Node} runs it from its beginning; what is complete already is passed over."),
        TransferEvents.SegmentEntered entered => ("step", $"Step {entered.Index} of {entered.Total}, filesystem {entered.Filesystem}."),
        TransferEvents.RangeChosen chosen => ("range", $"From {(chosen.From.Length == 0 ? "the beginning" : chosen.From)} to commit {chosen.To}."),
        TransferEvents.StreamBegun begun => ("stream", string.Create(CultureInfo.InvariantCulture, $"A stream of about {begun.SizeBytes} bytes was begun.")),
        TransferEvents.TryFailed failed => ("try failed", $"Try {failed.Try} failed: {failed.Why}"),
        TransferEvents.Compared => ("compared", "The commits of both sides are compared once more."),
        TransferEvents.SegmentFinished done => ("step finished", string.Create(CultureInfo.InvariantCulture, $"{done.SentBytes} bytes. {done.Message}").TrimEnd()),
        TransferEvents.Failed failed => ("failed", failed.Why),
        _ => throw new InvalidOperationException($"{happened.GetType()} has no words: add it here"),
    };
}
