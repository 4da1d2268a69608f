namespace Dotmesh.Actors.Transfers;

/// <summary>What is missing before commits can be moved.</summary>
internal enum TransferOpening
{
    /// <summary>Both sides have the dot and the branch.</summary>
    Update,

    /// <summary>A push to where it is not yet: the peer is asked to register it (<c>RegisterFilesystem</c>).</summary>
    RegisterThere,

    /// <summary>A pull of what is not here yet: the same registration, here.</summary>
    RegisterHere,
}

/// <summary>Whether data can be written where a transfer leads to.</summary>
internal enum WritingSide
{
    /// <summary>It holds what its newest commit holds.</summary>
    Clean,

    /// <summary>
    /// What was not committed there is to be committed there, with <see cref="TransferDecisions.StashingMessage"/>. The original
    /// committed here, also when the writing side was the peer (contract appendix B).
    /// </summary>
    CommitFirst,
}

/// <summary>How a transfer failed, with the names that the original's events had (contract 6.2, 6.3).</summary>
/// <param name="Detail">For people; bounded where a peer sent it.</param>
internal sealed record TransferFailure(string Event, string Detail)
{
    private const int LongestBody = 4096;

    /// <summary>The peer did not take the stream; its body holds what its pool said.</summary>
    public static TransferFailure Posting(int statusCode, string responseBody) => new(
        "error-pushing-posting",
        $"map[responseBody:{(responseBody.Length > LongestBody ? $"{responseBody[..LongestBody]} ..." : responseBody)} statusCode:{statusCode}]");

    /// <summary>No try of a segment succeeded; the last one failed for the reason given.</summary>
    public static TransferFailure TriedTooOften(TransferFailure last) => new("maximum-retry-attempts-exceeded", $"{last}");

    /// <summary>A segment failed, and with it all of the path.</summary>
    public TransferFailure OfPath() => new(
        "error-in-attempting-apply-path", $"Response event != finished-{{push,pull}} or peer-up-to-date: {this}");

    /// <summary>The message of the transfer's record.</summary>
    public string Message => $"Transfer failed with: {this}";

    public override string ToString() => $"<Event {Event}: {Detail}>";
}

/// <summary>What a transfer does before anything is moved (contract 6.2), and how often it tries (6.3). Pure.</summary>
internal static class TransferDecisions
{
    /// <summary>Of the commit that keeps what was not committed before a stash.</summary>
    public const string StashingMessage = "committing dirty data ready for stashing";

    private const decimal MiB = 1024 * 1024;

    /// <summary>Steps 3 and 6.</summary>
    /// <param name="here">The filesystem of the local branch; null when there is none.</param>
    /// <param name="there">What the peer's <c>Exists</c> told.</param>
    public static Outcome<TransferOpening> Open(TransferRequest request, FilesystemId? here, FilesystemId? there) =>
        (here, there, request.Direction) switch
        {
            (null, null, _) => new Refusal(RefusalCode.NotFound, "Both local and remote filesystems don't exist."),
            (null, _, TransferDirection.Push) => new Refusal(RefusalCode.NotFound, "Can't push when local doesn't exist"),
            (_, null, TransferDirection.Pull) => new Refusal(RefusalCode.NotFound, "Can't pull when remote doesn't exist"),
            (_, null, _) => TransferOpening.RegisterThere,
            (null, _, _) => TransferOpening.RegisterHere,
            _ when here == there => TransferOpening.Update,
            _ => new Refusal(
                RefusalCode.Conflict,
                $"Cannot reconcile filesystems with different ids, remote={there}, local={here}, args={request}"),
        };

    /// <summary>Step 4: the path could not be had.</summary>
    /// <param name="code">Who is not let in is not told that nothing is there.</param>
    public static Refusal NoPath(DotName dot, string branch, string why, RefusalCode code = RefusalCode.NotFound) => new(
        code == RefusalCode.Denied ? code : RefusalCode.NotFound, $"Can't deduce path to top level filesystem for {dot},{branch}: {why}");

    /// <summary>
    /// Step 7. With StashDivergence containers are looked for before anything is committed: a transfer that is refused changes nothing.
    /// </summary>
    /// <param name="dirtyBytes">Uncommitted bytes where data would be written.</param>
    /// <param name="containers">Names of containers that use it, with the slash that Docker puts before them.</param>
    public static Outcome<WritingSide> Judge(long dirtyBytes, IReadOnlyCollection<string> containers, bool stashDivergence)
    {
        if (dirtyBytes > 0 && !stashDivergence)
        {
            // two decimals, halves to the even one, as the original rounded
            var size = decimal.Round(dirtyBytes / MiB, 2, MidpointRounding.ToEven);
            return new Refusal(
                RefusalCode.Conflict,
                $"Aborting because there are {size:F2} MiB of uncommitted changes on volume where data would be written. "
                + "Use 'dm reset' to roll back.");
        }

        if (containers.Count > 0)
        {
            return Refusals.InUseToWrite(string.Join(", ", containers));
        }

        return dirtyBytes > 0 ? WritingSide.CommitFirst : WritingSide.Clean;
    }

    /// <summary>How long to wait after a failed try of a segment, counted from 1; null: that was the last one.</summary>
    public static TimeSpan? PauseAfter(int failedTry) =>
        failedTry < TransferRecord.MostTries ? TimeSpan.FromSeconds(failedTry) : null;

    /// <summary>The message beside <c>retry N</c>.</summary>
    public static string RetryMessage(TransferDirection direction, FilesystemId filesystem, TransferFailure failure) =>
        $"Attempting to {direction.Text()} {filesystem} got {failure}";
}
