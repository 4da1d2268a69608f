using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>Where another cluster is, and as whom it is asked.</summary>
/// <param name="Host">Without a scheme; an IPv6 address without brackets.</param>
/// <param name="Port">0: the known ports are tried (contract 1.7).</param>
/// <param name="ApiKey">API key or password.</param>
public sealed record PeerAddress(string Host, int Port, string User, string ApiKey)
{
    // not the generated one, which would print the key into a log
    public override string ToString() => $"{User}@{Host}:{Port}";
}

/// <summary>Finds other clusters.</summary>
public interface IPeers
{
    /// <summary>
    /// Tries the addresses of contract 1.7 with <c>Ping</c> and takes the first that answers. Refused
    /// (<see cref="RefusalCode.Unavailable"/>) with <c>Unable to connect to any of the addresses attempted: [..], errs: [..]</c>.
    /// </summary>
    Task<Outcome<IPeer>> Reach(PeerAddress address, CancellationToken ct);
}

/// <summary>
/// Another cluster, an original or one of ours, asked with the methods that both have (contract 6.2, 6.3). What it refuses is
/// refused here with its own words; what did not reach it, or was not answered in time, is <see cref="RefusalCode.Unavailable"/>, and worth
/// another try. Nothing that a peer answers is trusted: what is malformed is <see cref="RefusalCode.Invalid"/>. Every call ends
/// by its token or a limit of its own; those that move data end when no byte moves for a while.
/// </summary>
public interface IPeer
{
    /// <summary>For texts: <c>http://host:port</c>.</summary>
    string Url { get; }

    /// <summary>
    /// The formats of streams that it takes and gives (<see cref="StorageCapabilities.StreamFormat"/> and the like); a server that does not know
    /// the method is an original, and has <see cref="StreamFormats.ZfsSend"/> alone.
    /// </summary>
    Task<Outcome<ImmutableArray<string>>> Formats(CancellationToken ct);

    /// <summary><c>Exists</c>: the filesystem of a branch, <c>""</c> for the master branch; null when there is none.</summary>
    Task<Outcome<FilesystemId?>> Exists(string @namespace, string name, string branch, CancellationToken ct);

    /// <summary><c>DeducePathToTopLevelFilesystem</c>.</summary>
    Task<Outcome<UncheckedPath>> Path(string @namespace, string name, string branch, CancellationToken ct);

    /// <summary><c>RegisterFilesystem</c> of the tip of a path, with <c>BecomeMasterIfNotExists</c>. The path is already called as it is there.</summary>
    Task<Outcome<Done>> Register(TransferPath path, CancellationToken ct);

    /// <summary><c>CommitsById</c>, oldest first; empty for a filesystem that is only registered.</summary>
    Task<Outcome<ImmutableArray<CommitProperties>>> Commits(FilesystemId filesystem, CancellationToken ct);

    /// <summary><c>Get</c>: bytes that are not committed.</summary>
    Task<Outcome<long>> DirtyBytes(FilesystemId filesystem, CancellationToken ct);

    /// <summary><c>ContainersById</c>: names as the peer tells them.</summary>
    Task<Outcome<ImmutableArray<string>>> Containers(FilesystemId filesystem, CancellationToken ct);

    /// <summary><c>Commit</c> of a branch there.</summary>
    Task<Outcome<Done>> Commit(string @namespace, string name, string branch, string message, CancellationToken ct);

    /// <summary><c>StashAfter</c>.</summary>
    Task<Outcome<Done>> StashAfter(FilesystemId filesystem, CommitId after, CancellationToken ct);

    /// <summary><c>RegisterTransfer</c>: announces the push that the record describes. The peer may take long to be ready.</summary>
    Task<Outcome<Done>> RegisterTransfer(TransferRecord record, CancellationToken ct);

    /// <summary><c>PredictSize</c>: bytes.</summary>
    Task<Outcome<long>> PredictSize(StreamRange range, CancellationToken ct);

    /// <summary>
    /// <c>GET /filesystems/..</c>. <paramref name="read"/> gets the body as it comes (gzip, see <see cref="WireBody"/>) and the format that the
    /// peer said its stream has. A body that breaks off is an <see cref="IOException"/> to whoever reads it, as is a silence of half a minute.
    /// </summary>
    /// <param name="format">The format that is wanted.</param>
    /// <param name="resume">Where the stream is to begin (<see cref="IStorage.ResumePoint"/>); null: at its beginning.</param>
    Task<Outcome<Done>> Pull(
        StreamRange range, string format, string? resume, Func<Stream, string, CancellationToken, Task> read, CancellationToken ct);

    /// <summary>
    /// <c>ResumePoint</c>: where a push of this range that broke off goes on, for the own pool; null: at its beginning, as for every peer that
    /// does not know the method.
    /// </summary>
    Task<Outcome<string?>> ResumePoint(StreamRange range, CancellationToken ct);

    /// <summary>
    /// <c>POST /filesystems/..</c>. <paramref name="write"/> writes the body. A status other than 200 is answered as it is: the text says
    /// why the peer did not take it. When writing fails, the connection is broken off, and the failure is thrown.
    /// </summary>
    /// <param name="transfer">Id of the registered transfer.</param>
    Task<Outcome<PushAnswer>> Push(
        string transfer, StreamRange range, string format, Func<Stream, CancellationToken, Task> write, CancellationToken ct);
}

/// <summary>What a peer answered to a stream.</summary>
/// <param name="Body">At most 4 KiB of it.</param>
public sealed record PushAnswer(int StatusCode, string Body);

/// <summary>Names of stream formats that are not one driver's own.</summary>
public static class StreamFormats
{
    /// <summary>What <c>zfs send</c> writes; the only one that original servers know.</summary>
    public const string ZfsSend = "zfs-send";

    /// <summary>HTTP header of both stream endpoints that names the format; without it: <see cref="ZfsSend"/>.</summary>
    public const string Header = "Dotmesh-Stream";

    /// <summary>HTTP header of a pull: where the stream is to begin (<see cref="IStorage.ResumePoint"/>); without it: at its beginning.</summary>
    public const string ResumeHeader = "Dotmesh-Resume";

    private const int LongestResume = 4096;

    /// <summary>HTTP header of a push that names the registered transfer; original servers do not send it.</summary>
    public const string TransferHeader = "Dotmesh-Transfer";

    /// <summary>The method that answers the formats as a list of texts.</summary>
    public const string Method = "DotmeshRPC.StreamFormats";

    /// <summary>Whether a text may be a place in a stream (<see cref="IStorage.ResumePoint"/>): ASCII letters, digits and hyphens.</summary>
    public static bool IsPlace(string text) =>
        text.Length is > 0 and <= LongestResume && text.All(letter => char.IsAsciiLetterOrDigit(letter) || letter == '-');
}

/// <summary>Calls in their usual form.</summary>
public static class PeerCalls
{
    /// <summary>From its beginning.</summary>
    public static Task<Outcome<Done>> Pull(
        this IPeer peer, StreamRange range, string format, Func<Stream, string, CancellationToken, Task> read, CancellationToken ct) =>
        peer.Pull(range, format, null, read, ct);
}
