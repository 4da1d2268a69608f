using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Streams that broke off. What came of a new filesystem stays under its temporary name: the commits that came whole and, with a kernel
/// module, what came of the next one. Of a stream that extends a filesystem only a kernel module keeps anything, and only of a single commit:
/// several would be seen before all of them are there. It is known in memory only, so a start takes all of it away.
/// </summary>
public sealed partial class ZfsStorage
{
    // each of them takes space that nobody sees
    private const int MostKept = 64;

    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(1);
    private static readonly TimeSpan EndsWithin = TimeSpan.FromSeconds(20);

    // without those that are being gone on with
    private readonly ConcurrentDictionary<FilesystemId, Kept> _kept = new();
    private readonly ConcurrentDictionary<FilesystemId, TaskCompletionSource> _receiving = new();

    // who takes something up that was kept, and who takes it away
    private readonly SemaphoreSlim _keptTurn = new(1, 1);

    public async Task<string?> ResumePoint(StreamRange range, CancellationToken ct)
    {
        if (_receiving.TryGetValue(range.Filesystem, out var running))
        {
            try
            {
                // its connection broke, and what came is being put in order
                await running.Task.WaitAsync(EndsWithin, _time, ct);
            }
            catch (TimeoutException)
            {
                return null;
            }
        }

        return _kept.TryGetValue(range.Filesystem, out var kept) && kept.Range == range ? (await Place(range, ct))?.ToString() : null;
    }

    /// <summary>Null: nothing came, or a filesystem that was to be extended has other commits by now.</summary>
    private async Task<ResumePlace?> Place(StreamRange range, CancellationToken ct)
    {
        var incremental = IsIncremental(range);
        var target = incremental ? _names.Dataset(range.Filesystem) : _names.ReceiveOf(range.Filesystem);
        if (await Outline(target, ct) is not { } dataset || (incremental && dataset.Snapshots[^1].Name != range.From!.Commit.Value))
        {
            return null;
        }

        if (_features.Kernel)
        {
            var told = (await _tool.Zfs(["get", "-Hp", "-o", "value", "receive_resume_token", target], ct)).Trim();
            if (told is not ("-" or ""))
            {
                return ResumeToken.TryRead(told) is { } token ? new ResumePlace(token.Guid, token.At) : null;
            }
        }

        return incremental || dataset.Snapshots.Count == 0 ? null : new ResumePlace(dataset.Snapshots[^1].Guid, null);
    }

    /// <summary>A stream that goes on must go on where the one before it broke off; what that left is of no use to any other.</summary>
    /// <returns>Properties of the dataset that are to go when it has come whole.</returns>
    private async Task<string[]> Follow(StreamRange range, string owner, string? resume, CancellationToken ct)
    {
        await _keptTurn.WaitAsync(ct);
        try
        {
            var fits = resume is not null && _kept.TryGetValue(range.Filesystem, out var kept) && kept.Range == range && kept.Owner == owner
                && resume == (await Place(range, ct))?.ToString();
            if (fits && _kept.TryRemove(range.Filesystem, out _))
            {
                return IsIncremental(range) ? [ZfsProperties.Kept] : [];
            }

            await DropKept((other, _) => other == range.Filesystem, ct);
            await DropOld(ct);
        }
        finally
        {
            _keptTurn.Release();
        }

        if (resume is not null)
        {
            throw new StorageException(StorageFailure.BadStream, "The stream goes on after another one than what broke off here.");
        }

        if (!IsIncremental(range))
        {
            // of a receive that could not even be undone
            await RemoveReceived(range.Filesystem, ct);
        }

        return [];
    }

    /// <summary>After a receive whose stream broke off. False: nothing of it can be kept.</summary>
    private async Task<bool> TryKeep(StreamRange range, string owner)
    {
        try
        {
            return _kept.Count < MostKept && await Keep(range, owner, CancellationToken.None);
        }
        catch (StorageException failure)
        {
            LogNotKept(_log, range.Filesystem.Value, failure.Message);
            return false;
        }
    }

    private async Task<bool> Keep(StreamRange range, string owner, CancellationToken ct)
    {
        if (await Place(range, ct) is null)
        {
            return false;
        }

        if (IsIncremental(range))
        {
            // the second note first: without either of them a crash would leave what nobody looks for
            var target = _names.Dataset(range.Filesystem);
            await Note(target, ZfsProperties.Kept, $"{range.To}", ct);
            await Forget(target, ZfsProperties.Receiving, true, ct);
        }

        _kept[range.Filesystem] = new Kept(range, owner, _time.GetUtcNow());
        return true;
    }

    /// <summary>For whatever changes the commits of a filesystem: what was kept stands on them, of itself and of what was branched from it.</summary>
    private async Task DropKept(FilesystemId id, CancellationToken ct)
    {
        await _keptTurn.WaitAsync(ct);
        try
        {
            await DropKept((other, kept) => other == id || kept.Range.From?.Filesystem == id, ct);
        }
        finally
        {
            _keptTurn.Release();
        }
    }

    private async Task DropKept(Func<FilesystemId, Kept, bool> which, CancellationToken ct)
    {
        foreach (var (id, kept) in _kept.Where(entry => which(entry.Key, entry.Value)))
        {
            await Discard(kept.Range, ct);
            _kept.TryRemove(id, out _);
        }
    }

    /// <summary>Of others: what cannot be taken away now is tried again with the next stream.</summary>
    private async Task DropOld(CancellationToken ct)
    {
        try
        {
            var now = _time.GetUtcNow();
            await DropKept((_, kept) => now - kept.At > KeptFor, ct);
        }
        catch (StorageException failure)
        {
            LogNotDropped(_log, failure.Message);
        }
    }

    private async Task Discard(StreamRange range, CancellationToken ct)
    {
        if (!IsIncremental(range))
        {
            await RemoveReceived(range.Filesystem, ct);
        }
        else if (await Dataset(_names.Dataset(range.Filesystem), ct) is { } dataset)
        {
            await DiscardNoted(dataset, ct);
        }
    }

    /// <summary>What the dataset itself says of it.</summary>
    private async Task DiscardNoted(ZfsDataset dataset, CancellationToken ct)
    {
        if (dataset.Local.ContainsKey(ZfsProperties.Kept))
        {
            await Abort(dataset.Name, ct);
            await Forget(dataset.Name, ZfsProperties.Kept, true, ct);
        }
    }

    private async Task RemoveReceived(FilesystemId id, CancellationToken ct)
    {
        // asked first: there is hardly ever one, and who destroys nothing has to find out why it is not there
        if (await Outline(_names.ReceiveOf(id), ct) is { } left && await TryDestroy(left.Name, ct) is var (failure, _))
        {
            throw failure;
        }
    }

    /// <summary>Takes away what a kernel module keeps of a stream that broke off.</summary>
    private async Task Abort(string dataset, CancellationToken ct)
    {
        string[] abort = ["receive", "-A", dataset];
        var result = await _tool.TryUnmountedZfs(abort, ct);
        if (result.ExitCode != 0 && !result.Stderr.Contains("does not have any resumable", StringComparison.Ordinal))
        {
            throw await _tool.Failure(abort, result, ct);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "What came of the stream for {Filesystem} is not kept: {Reason}")]
    private static partial void LogNotKept(ILogger log, string filesystem, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What was kept of an old stream cannot be taken away now: {Reason}")]
    private static partial void LogNotDropped(ILogger log, string reason);

    /// <param name="Owner">Of the dot: nobody else goes on with it, should the dot be somebody else's by then.</param>
    private sealed record Kept(StreamRange Range, string Owner, DateTimeOffset At);
}
