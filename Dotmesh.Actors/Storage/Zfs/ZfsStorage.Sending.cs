using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// What is sent. Old pools lose the properties of snapshots on the way, and a stream that keeps them (<c>-p</c>, <c>-R</c>) brings all other
/// local properties with it, mountpoints above all. So both formats are made of streams without properties: our own puts them into a
/// frame with the metadata (<see cref="ZfsFrame"/>), the plain one leaves metadata to whoever sends it.
/// </summary>
public sealed partial class ZfsStorage
{
    public async Task<long> PredictSize(StreamRange range, CancellationToken ct)
    {
        var plan = await Plan(range, ct);
        return _features.Kernel
            ? await Counted(async output => await ZfsFrame.WriteHeader(plan.Header, output, ct)) + await Predict(plan.Segments, ct)
            : await GrownBy(range, ct) ?? await Counted(output => Send(plan, output, ct));
    }

    public async Task<long> PredictPlain(StreamRange range, CancellationToken ct)
    {
        var segments = (await Plan(range, ct)).Segments;
        return _features.Kernel
            ? await Predict(segments, ct)
            : await GrownBy(range, ct) ?? await Counted(output => SendPlain(range, segments, output, ct));
    }

    public async Task Send(StreamRange range, string? resume, Stream output, CancellationToken ct)
    {
        var plan = await Plan(range, ct);
        await Send(resume is null ? plan : await Rest(range, resume, plan, ct), output, ct);
    }

    public async Task SendPlain(StreamRange range, Stream output, CancellationToken ct) =>
        await SendPlain(range, (await Plan(range, ct)).Segments, output, ct);

    private async Task Send(StreamPlan plan, Stream output, CancellationToken ct)
    {
        await ZfsFrame.WriteHeader(plan.Header, output, ct);
        foreach (var segment in plan.Segments)
        {
            await SendRaw(segment, (piece, token) => ZfsFrame.WriteChunk(piece, output, token), ct);
            await ZfsFrame.WriteChunk(default, output, ct);
        }
    }

    private async Task SendPlain(StreamRange range, List<string[]> segments, Stream output, CancellationToken ct)
    {
        if (segments is [var first, var rest])
        {
            // what -R writes, without its properties: a package of the first commit and, out of their own package, the others
            var last = _names.Snapshot(range.Filesystem, range.To);
            await using var package = new PackageWriter(output, last);
            await SendRaw(first, package.WriteAsync, ct);
            package.OpenNext();
            await SendRaw(rest, package.WriteAsync, ct);
        }
        else
        {
            await SendRaw(segments[0], output.WriteAsync, ct);
        }
    }

    private static async Task<long> Counted(Func<Stream, Task> send)
    {
        var counted = new CountingStream(Stream.Null);
        await send(counted);
        return counted.Bytes;
    }

    /// <summary>
    /// An old pool predicts nothing, so the stream is made once and counted. That takes as long as to send it: where the filesystem has grown by
    /// much, its growth has to do, which is less than the stream by what was changed in place and by the stream's own heads.
    /// </summary>
    /// <returns>Null when it has grown by little, or not at all.</returns>
    private async Task<long?> GrownBy(StreamRange range, CancellationToken ct)
    {
        const long CountedUpTo = 64L << 20;
        const int HeadsShare = 64;
        string[] from = range.From is { } origin ? [_names.Snapshot(origin.Filesystem, origin.Commit)] : [];
        var sizes = (await _tool.Zfs(["get", "-Hp", "-o", "value", "referenced", .. from, _names.Snapshot(range.Filesystem, range.To)], ct))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(size => long.Parse(size, System.Globalization.CultureInfo.InvariantCulture)).ToList();
        var grown = sizes[^1] - (sizes.Count > 1 ? sizes[0] : 0);
        return grown > CountedUpTo ? grown + (grown / HeadsShare) : null;
    }

    private async Task<long> Predict(List<string[]> segments, CancellationToken ct)
    {
        var total = 0L;
        foreach (var segment in segments)
        {
            var lines = (await _tool.Zfs(["send", "-nP", .. segment], ct)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            total += long.TryParse(lines[^1].Split('\t')[^1], out var bytes)
                ? bytes
                : throw new StorageException(StorageFailure.Unexpected, $"zfs send -nP printed '{lines[^1]}'.");
        }

        return total;
    }

    private Task SendRaw(
        IReadOnlyList<string> range, Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> output, CancellationToken ct) =>
        _tool.Stream(["send", .. range], null, output, ct);

    /// <summary>Full: the first commit, then the rest on top of it; on a base: all on top of it.</summary>
    private async Task<StreamPlan> Plan(StreamRange range, CancellationToken ct)
    {
        var dataset = await Outline(_names.Dataset(range.Filesystem), ct) ?? throw NoFilesystem(range.Filesystem);
        var to = dataset.Snapshots.FindIndex(s => s.Name == range.To.Value);
        var own = range.From is null || range.From.Filesystem != range.Filesystem;
        var from = own ? -1 : dataset.Snapshots.FindIndex(s => s.Name == range.From!.Commit.Value);
        if (to < 0 || (!own && (from < 0 || from >= to)))
        {
            throw new StorageException(StorageFailure.NotFound,
                $"{range.Filesystem} has no commits from {range.From?.Commit.Value ?? "START"} to {range.To}.");
        }

        if (range.From is { } origin && own && dataset.Origin != _names.Snapshot(origin.Filesystem, origin.Commit))
        {
            throw new StorageException(StorageFailure.NotFound,
                $"{range.Filesystem} was not branched from {origin.Filesystem}@{origin.Commit}.");
        }

        var last = _names.Snapshot(range.Filesystem, range.To);
        var first = $"{dataset.Name}@{dataset.Snapshots[0].Name}";
        List<string[]> segments = range.From is { } start
            ? [["-I", _names.Snapshot(start.Filesystem, start.Commit), last]]
            : to == 0 ? [[first]] : [[first], ["-I", first, last]];
        var sent = dataset.Snapshots[(from + 1)..(to + 1)];
        await ReadProperties(dataset, sent, ct);
        var commits = sent.ToImmutableSortedDictionary(
            s => s.Name,
            s => s.Properties.ToImmutableSortedDictionary(StringComparer.Ordinal),
            StringComparer.Ordinal);
        var guids = sent.ToImmutableSortedDictionary(s => s.Name, s => s.Guid, StringComparer.Ordinal);
        var header = new ZfsStreamHeader(range.To.Value, range.From?.Filesystem.Value, range.From?.Commit.Value, segments.Count, commits)
        {
            Guids = guids,
        };
        return new StreamPlan(header, segments, dataset);
    }

    /// <summary>What is left to send of a planned stream.</summary>
    private async Task<StreamPlan> Rest(StreamRange range, string resume, StreamPlan plan, CancellationToken ct)
    {
        var (guids, snapshots) = (plan.Header.Guids!, plan.Dataset.Snapshots);
        var place = ResumePlace.TryParse(resume);
        var at = snapshots.FindIndex(snapshot => snapshot.Guid == place?.Guid && guids.ContainsKey(snapshot.Name));
        if (place?.Within is not null && !_features.Kernel)
        {
            // a kernel module received the one before, and only a kernel module can go on so
            return plan;
        }

        if (place is null || at < 0)
        {
            throw new StorageException(StorageFailure.BadStream, $"No stream of {range.Filesystem} to {range.To} goes on at {resume}.");
        }

        var commit = new CommitId(snapshots[at].Name);
        var segments = new List<string[]>();
        if (place.Within is { } within)
        {
            var from = at > 0 ? snapshots[at - 1].Guid : await GuidOfOrigin(range, ct);
            segments.Add(["-t", $"{new ResumeToken(_names.Snapshot(range.Filesystem, commit), place.Guid, from, within)}"]);
        }

        if (commit != range.To)
        {
            segments.Add(["-I", _names.Snapshot(range.Filesystem, commit), _names.Snapshot(range.Filesystem, range.To)]);
        }

        var came = snapshots.Take(at + (place.Within is null ? 1 : 0)).Select(snapshot => snapshot.Name);
        return plan with
        {
            Header = plan.Header with { Segments = segments.Count, Resume = $"{place}", Guids = guids.RemoveRange(came) },
            Segments = segments,
        };
    }

    private async Task<ulong?> GuidOfOrigin(StreamRange range, CancellationToken ct) => range.From is not { } origin ? null
        : (await Outline(_names.Dataset(origin.Filesystem), ct))?.Snapshots.Find(snapshot => snapshot.Name == origin.Commit.Value)?.Guid;

    /// <param name="Segments">Arguments of <c>zfs send</c>, one stream after the other.</param>
    /// <param name="Dataset">As it was when this was planned; of its commits those that are sent have their properties.</param>
    private sealed record StreamPlan(ZfsStreamHeader Header, List<string[]> Segments, ZfsDataset Dataset);
}
