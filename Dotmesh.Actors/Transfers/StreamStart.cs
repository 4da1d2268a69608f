using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// Where a stream between clusters starts: the <c>from</c> of the stream endpoints and <c>StartingCommit</c> (contract 3.4, 6.4), as text
/// <c>START</c>, <c>COMMIT</c> or <c>FILESYSTEM@COMMIT</c>. Made from a range or from text, never by hand, because a commit may be called
/// <c>START</c> itself: its text names its filesystem then.
/// </summary>
public sealed record StreamStart
{
    private const string Whole = "START";

    private StreamStart(FilesystemId? filesystem, CommitId? commit) => (Filesystem, Commit) = (filesystem, commit);

    /// <summary>Everything up to the target commit.</summary>
    public static StreamStart Start { get; } = new(null, null);

    /// <summary>Null: the filesystem that the stream is of.</summary>
    public FilesystemId? Filesystem { get; }

    /// <summary>Null: from the beginning.</summary>
    public CommitId? Commit { get; }

    public static StreamStart Of(StreamRange range) => range.From is not { } from
        ? Start
        : new StreamStart(
            from.Filesystem == range.Filesystem && from.Commit.Value != Whole ? null : from.Filesystem, from.Commit);

    /// <summary>Refused with the texts of contract 4.1 when a part is no id.</summary>
    public static Outcome<StreamStart> Parse(string text)
    {
        if (text == Whole)
        {
            return Start;
        }

        var at = text.IndexOf('@', StringComparison.Ordinal);
        return at < 0
            ? Names.Commit(text).Then<StreamStart>(commit => new StreamStart(null, commit))
            : Names.Filesystem(text[..at]).Then(filesystem =>
                Names.Commit(text[(at + 1)..]).Then<StreamStart>(commit => new StreamStart(filesystem, commit)));
    }

    /// <summary>The range from here to a commit of the stream's filesystem.</summary>
    public StreamRange To(FilesystemId filesystem, CommitId to) =>
        new(filesystem, Commit is { } commit ? new CommitOrigin(Filesystem ?? filesystem, commit) : null, to);

    public override string ToString() => Commit is not { } commit ? Whole : Filesystem is { } other ? $"{other}@{commit}" : commit.Value;
}
