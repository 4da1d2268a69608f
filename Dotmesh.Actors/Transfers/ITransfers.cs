using System.Collections.Immutable;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Transfers;

/// <summary>A transfer as lists show it.</summary>
/// <param name="AskedBy">User name.</param>
/// <param name="Node">Who runs it; null for a push that another cluster announced here.</param>
public sealed record TransferView(TransferRecord Record, string AskedBy, DateTimeOffset AskedAt, StorageNodeId? Node);

/// <summary>What happened to a transfer, newest first.</summary>
/// <param name="Dot">This cluster's.</param>
public sealed record TransferLog(DotName Dot, ImmutableArray<JournalEntry<TransferEvents.Event>> Entries);

/// <summary>Which transfers to list; what is null or false does not matter.</summary>
/// <param name="Running">Only those that are not over.</param>
/// <param name="Most">At most so many, the newest.</param>
public sealed record TransferFilter(DotName? Local, TransferDirection? Direction, bool Running, int Most);

/// <summary>Whether and how a stream that another cluster sent was taken.</summary>
/// <param name="StatusCode">HTTP status of contract 6.4.</param>
/// <param name="Text">Its body.</param>
public sealed record StreamAnswer(int StatusCode, string Text);

/// <summary>
/// Transfers between clusters as the outside sees them (contract 2.6, 6; design D11). Any node answers; who runs a transfer is the node that
/// controls its dot. Rights are those of <see cref="Gateway.IDots"/>: whoever may use a dot may move it.
/// </summary>
public interface ITransfers
{
    /// <summary>
    /// Looks at both sides, writes the transfer down and has it run; answers its id. Refused with the texts of contract 6.2 when it cannot
    /// begin, and then nothing was changed.
    /// </summary>
    Task<Outcome<string>> Begin(Caller caller, TransferRequest request, CancellationToken ct);

    /// <summary><c>No such intercluster transfer X</c>.</summary>
    Task<Outcome<TransferRecord>> Get(string id, CancellationToken ct);

    /// <summary>
    /// What happened to a transfer, from its journal, the newest first; empty for a push that another cluster announced here: that one keeps
    /// its journal there. Whoever sees it in <see cref="List"/>.
    /// </summary>
    /// <param name="before">Only what has a smaller sequence; 0: from the newest on.</param>
    Task<Outcome<TransferLog>> Log(Caller caller, string id, long before, int most, CancellationToken ct);

    /// <summary>Newest first: an admin sees all, others what they asked for and what concerns dots that they may use.</summary>
    Task<ImmutableArray<TransferView>> List(Caller caller, TransferFilter filter, CancellationToken ct);

    /// <summary>Ends it; done when nothing of it runs any more. Whoever asked for it, or admin.</summary>
    Task<Outcome<Done>> Cancel(Caller caller, string id, CancellationToken ct);

    /// <summary>Runs a transfer that was given up once more, under its id. Whoever asked for it, or admin.</summary>
    Task<Outcome<Done>> Retry(Caller caller, string id, CancellationToken ct);

    /// <summary>Another cluster will push the tip of this path, and what is missing before it.</summary>
    Task<Outcome<Done>> RegisterFilesystem(Caller caller, TransferPath path, CancellationToken ct);

    /// <summary>Answers when the stream may come.</summary>
    /// <param name="announced">As the other cluster told it (<see cref="TransferRecord.Announce"/>); what it calls remote is here.</param>
    Task<Outcome<Done>> RegisterTransfer(Caller caller, TransferRecord announced, CancellationToken ct);

    /// <summary>Whether a filesystem is not here but the caller may push it.</summary>
    Task<bool> IsRegistered(Caller caller, FilesystemId filesystem, CancellationToken ct);

    /// <summary>The formats of streams that this cluster takes and gives.</summary>
    ImmutableArray<string> Formats { get; }

    /// <summary>
    /// Writes a range as a body (<see cref="WireBody"/>). Refused before <paramref name="output"/> is asked for; what fails after that is thrown.
    /// </summary>
    /// <param name="resume">See <see cref="IStorage.ResumePoint"/>; null: all of it.</param>
    Task<Outcome<Done>> Send(
        Caller caller, StreamRange range, string format, string? resume, Func<Stream> output, CancellationToken ct);

    /// <summary>Where a push of this range that broke off here goes on (<see cref="IStorage.ResumePoint"/>). Who may push it may ask.</summary>
    Task<Outcome<string?>> ResumePoint(Caller caller, StreamRange range, CancellationToken ct);

    /// <summary>Takes a body that another cluster announced. What it says of it is HTTP's (contract 6.4).</summary>
    /// <param name="transfer">Id of the announced transfer; empty: the newest one that fits.</param>
    Task<StreamAnswer> Receive(
        Caller caller, StreamRange range, string transfer, string format, Stream body, CancellationToken ct);
}
