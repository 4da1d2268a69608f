using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>The storage's streams by the name of their format: its own, and what <c>zfs send</c> writes where it knows that.</summary>
internal static class FormattedStreams
{
    /// <summary>The preferred one first.</summary>
    public static ImmutableArray<string> Formats(this StorageCapabilities storage) =>
        storage.PlainStreams ? [storage.StreamFormat, StreamFormats.ZfsSend] : [storage.StreamFormat];

    public static Task<long> PredictSize(this IStorage storage, string format, StreamRange range, CancellationToken ct) =>
        IsPlain(storage, format) ? storage.PredictPlain(range, ct) : storage.PredictSize(range, ct);

    /// <param name="resume">See <see cref="IStorage.ResumePoint"/>; only the storage's own streams go on in their middle.</param>
    public static Task Send(
        this IStorage storage, string format, StreamRange range, string? resume, Stream output, CancellationToken ct) =>
        !IsPlain(storage, format) ? storage.Send(range, resume, output, ct)
        : resume is null ? storage.SendPlain(range, output, ct)
        : throw new StorageException(StorageFailure.BadStream, $"No stream of format {format} begins in its middle, at {resume}.");

    /// <summary>For the other side, when it sends what broke off before; null: all of it.</summary>
    public static Task<string?> ResumePoint(this IStorage storage, string format, StreamRange range, CancellationToken ct) =>
        IsPlain(storage, format) ? Task.FromResult<string?>(null) : storage.ResumePoint(range, ct);

    /// <param name="commits">Told beside the stream; taken where the stream itself has no metadata.</param>
    public static Task Receive(
        this IStorage storage, string format, StreamRange range, FilesystemLabels labels, ImmutableArray<CommitProperties>? commits,
        Stream input, CancellationToken ct) => IsPlain(storage, format)
            ? storage.ReceivePlain(range, labels, commits?.ToDictionary(commit => commit.Id, commit => commit.Metadata), input, ct)
            : storage.Receive(range, labels, input, ct);

    private static bool IsPlain(IStorage storage, string format) => storage.Capabilities.Formats().Contains(format)
        ? format != storage.Capabilities.StreamFormat
        : throw new ArgumentException($"this storage has no streams of format {format}", nameof(format));
}
