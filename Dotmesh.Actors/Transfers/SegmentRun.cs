using System.Collections.Immutable;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Users;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Transfers;

/// <summary>One filesystem of a transfer: the commits of both sides are compared, what is missing goes over in packages (contract 6.3).</summary>
internal sealed class SegmentRun(
    TransferScope scope, TransferParts parts, Caller caller, TransferRequest request, OpenedTransfer opened, TransferSegment segment,
    TransferContainers containers)
{
    // a place is what the peer says; what it says without end leads to an end
    private const int MostPlaces = 100;

    private static readonly TimeSpan BetweenNews = TimeSpan.FromMilliseconds(250);

    private readonly PackageSize _size = new();
    private long _before;
    private bool _advanced;
    private CommitPackage? _moving;
    private long _told;
    private readonly HashSet<(StreamRange Range, string At)> _places = [];

    public TransferDirection Direction => request.Direction;

    public FilesystemId Filesystem => segment.Filesystem;

    private CancellationToken Ending => scope.Ending;

    private bool IsPush => request.Direction == TransferDirection.Push;

    /// <summary>One try. Of a package that breaks off nothing is seen on the side that is written to.</summary>
    public async Task<SegmentResult> Try()
    {
        _advanced = false;
        var result = await Tried();
        return result is SegmentResult.TryFailed failed ? failed with { Advanced = _advanced } : result;
    }

    private async Task<SegmentResult> Tried()
    {
        try
        {
            var lists = await Lists();
            return lists.Refused(out var refusal) ? Failed("error-asking-peer", refusal) : await Step(lists.Value);
        }
        catch (Exception broken) when (broken is IOException or HttpRequestException)
        {
            return new SegmentResult.TryFailed(new TransferFailure(IsPush ? "error-pushing" : "error-pulling", broken.Message));
        }
        catch (StorageException broken)
        {
            parts.Env.Log.LogWarning("transfer {Transfer}: {Message}", scope.Row.Id, broken.Message);
            return Failed(IsPush ? "error-sending" : "error-receiving", Refusals.From(broken));
        }
    }

    /// <summary>The commits of the side that sends, cut at the segment's end, and of the side that is written to.</summary>
    private async Task<Outcome<(ImmutableArray<CommitProperties> Source, ImmutableArray<CommitProperties> Target)>> Lists()
    {
        var dot = parts.Env.Directory.Find(opened.Path.Master);
        if (dot is not null ? dot.Node != parts.Env.Node : IsPush)
        {
            throw new ControlMovedException(dot?.Node);
        }

        var there = await opened.Peer.Commits(Filesystem, Ending);
        if (there.Refused(out var refusal))
        {
            return refusal;
        }

        ImmutableArray<CommitProperties> here = [.. parts.Env.Index.Commits(Filesystem).Select(CommitProperties.Of)];
        var (source, target) = IsPush ? (here, there.Value) : (there.Value, here);
        var cut = CommitComparison.Cut(Filesystem, source, segment.UpTo);
        return cut.Refused(out refusal) ? refusal : (cut.Value, target);
    }

    /// <summary>Null: the filesystem may be written to. Else the containers are stopped, and the try has to begin anew or failed.</summary>
    private async Task<SegmentResult?> Stopped()
    {
        if (!containers.AreStopped || parts.Env.Directory.FindFilesystem(Filesystem) is not { } target)
        {
            return null;
        }

        if (await containers.Stop(opened.Path.Master, Filesystem) is { } busy)
        {
            return Failed("error-stopping-containers", busy);
        }

        var cleared = await new TransferOpener(parts).Clear(caller, request, target, Ending);
        return cleared.Refused(out var dirty)
                ? dirty.Code == RefusalCode.Conflict ? new SegmentResult.GivenUp(new TransferFailure("error-pulling", dirty.Message)) : Failed("error-pulling", dirty)
            : cleared.Value ? new SegmentResult.TryFailed(new TransferFailure("committed", "what was not committed is a commit now"), AtOnce: true)
            : null;
    }

    private async Task<SegmentResult> Step((ImmutableArray<CommitProperties> Source, ImmutableArray<CommitProperties> Target) lists)
    {
        var comparison = CommitComparison.Of(lists.Source, lists.Target);
        switch (SegmentDecisions.Next(request.Direction, segment, comparison, request.StashDivergence))
        {
            case SegmentStep.Complete complete:
                return new SegmentResult.Complete(complete.Message, _before);
            case SegmentStep.Stash stash:
                return await Stopped() ?? await Stash(stash);
            case SegmentStep.GiveUp given:
                return new SegmentResult.GivenUp(given.Failure);
            case SegmentStep.Send send:
                return await Send(send.Range, lists.Source);
            case var unknown:
                throw new InvalidOperationException($"no way to take the step {unknown}");
        }
    }

    private async Task<SegmentResult> Stash(SegmentStep.Stash stash)
    {
        var stashed = default(Outcome<Done>);
        if (IsPush)
        {
            stashed = await opened.Peer.StashAfter(stash.Filesystem, stash.After, Ending);
        }
        else if (parts.Env.Directory.FindFilesystem(stash.Filesystem) is { } target)
        {
            stashed = (await parts.Dots.Stash(caller, target, stash.After, Ending)).Then<Done>(_ => default(Done));
        }

        return stashed.Refused(out var refusal)
            ? Failed("error-stashing", refusal)
            : new SegmentResult.TryFailed(new TransferFailure("stashed", $"what came after {stash.After} is a branch of its own now"), AtOnce: true);
    }

    private async Task<SegmentResult> Send(StreamRange range, ImmutableArray<CommitProperties> source)
    {
        using var turn = await parts.Limits.RunTurn(Ending);
        await scope.Write(new TransferEvents.RangeChosen($"{StreamStart.Of(range)}", range.To, parts.Now));
        var size = await Size(range);
        if (size.Refused(out var refusal))
        {
            return Failed("error-predicting", refusal);
        }

        // as late as can be: nobody is stopped while others have their turns
        if (await Stopped() is { } busy)
        {
            return busy;
        }

        await scope.Write(new TransferEvents.StreamBegun(size.Value, parts.Now));
        _before = 0;
        await AfterBreak(range);
        foreach (var package in Packages.Of(range, source, opened.IsOurs ? _size : null))
        {
            if (await Move(package) is { } failed)
            {
                return failed;
            }

            _moving = null;
            _advanced = true;
            _size.Passed();
        }

        return new SegmentResult.Complete("", _before);
    }

    /// <summary>What did not get over and was not kept goes in smaller parts.</summary>
    private async Task AfterBreak(StreamRange range)
    {
        if (_moving is not { } broken)
        {
            return;
        }

        _moving = null;
        if (range.From != broken.Range.From)
        {
            // only the answer was lost
            _advanced = true;
        }
        else if (await ResumePoint(broken) is { Refusal: null, Value: null })
        {
            _size.Broke(broken.Commits.Length);
        }
    }

    private async Task<Outcome<long>> Size(StreamRange range) => IsPush
        ? await parts.Env.Storage.PredictSize(opened.Format, range, Ending)
        : await opened.Peer.PredictSize(range, Ending);

    private Task<SegmentResult?> Move(CommitPackage package) => IsPush ? Push(package) : Pull(package);

    private async Task<SegmentResult?> Push(CommitPackage package)
    {
        var announced = await opened.Peer.RegisterTransfer(
            scope.Record with { StartingCommit = StreamStart.Of(package.Range), TargetCommit = package.Range.To }, Ending);
        if (announced.Refused(out var refusal))
        {
            return Failed("error-registering-transfer", refusal);
        }

        var prelude = new WirePrelude(package.Commits).Encode();
        if (prelude.Refused(out refusal))
        {
            return new SegmentResult.GivenUp(new TransferFailure("error-making-prelude", refusal.Message));
        }

        var resume = await Resume(package);
        var began = _before;
        _moving = package;
        var answer = await opened.Peer.Push(
            scope.Row.Id,
            package.Range,
            opened.Format,
            (output, ct) => WireBody.Write(
                Paced(output), prelude.Value, (content, token) => parts.Env.Storage.Send(opened.Format, package.Range, resume, content, token),
                sent => News(began + sent), ct),
            Ending);
        if (answer.Refused(out refusal))
        {
            return Failed("error-pushing", refusal);
        }

        if (answer.Value.StatusCode == 200)
        {
            return null;
        }

        var failure = TransferFailure.Posting(answer.Value.StatusCode, answer.Value.Body);
        return answer.Value.Body.Contains("has been modified", StringComparison.Ordinal)
            ? new SegmentResult.GivenUp(failure)
            : new SegmentResult.TryFailed(failure);
    }

    private async Task<SegmentResult?> Pull(CommitPackage package)
    {
        var resume = await Resume(package);
        var began = _before;
        _moving = package;
        var taken = default(Outcome<Done>);
        var pulled = await opened.Peer.Pull(
            package.Range,
            opened.Format,
            resume,
            async (body, format, ct) => taken = await TakeIn(package, body, format, began, ct),
            Ending);
        if (pulled.Refused(out var refusal))
        {
            return Failed("error-pulling", refusal);
        }

        return taken.Refused(out refusal) ? Failed("error-receiving", refusal) : null;
    }

    /// <summary>
    /// Where the stream goes on that an earlier try broke off; null: it begins at its beginning. A place that brought nothing is not tried
    /// twice: what is kept there does not fit, and a stream from the beginning takes its place.
    /// </summary>
    private async Task<string?> Resume(CommitPackage package)
    {
        var asked = await ResumePoint(package);
        if (asked.Refused(out var refusal))
        {
            parts.Env.Log.LogInformation("transfer {Transfer} begins the stream at its beginning: {Message}", scope.Row.Id, refusal.Message);
            return null;
        }

        if (asked.Value is not { } at || _places.Count == MostPlaces || !_places.Add((package.Range, at)))
        {
            return null;
        }

        _advanced = true;
        return at;
    }

    private async Task<Outcome<string?>> ResumePoint(CommitPackage package) =>
        !opened.IsOurs ? default(Outcome<string?>)
        : IsPush ? await opened.Peer.ResumePoint(package.Range, Ending)
        : await ResumeHere(package.Range);

    private async Task<Outcome<string?>> ResumeHere(StreamRange range)
    {
        try
        {
            return await parts.Env.Storage.ResumePoint(opened.Format, range, Ending);
        }
        catch (StorageException failure)
        {
            return Refusals.From(failure);
        }
    }

    private async Task<Outcome<Done>> TakeIn(CommitPackage package, Stream body, string format, long began, CancellationToken ct)
    {
        var opening = await WireBody.Open(Paced(body), ct);
        if (opening.Refused(out var refusal))
        {
            return refusal;
        }

        await using var content = opening.Value;
        content.Moved = bytes => News(began + bytes);
        return await parts.Receiver.Receive(
            new IncomingStream(
                opened.Path.Master, opened.Path.Dot, package.Range, segment.Branch, format, content.Commits, content, caller.User.Id),
            ct);
    }

    private Stream Paced(Stream body) => parts.Limits.Pacing(request.BytesPerSecond) is not { } pass ? body
        : body.CanWrite ? new PacedWriter(body, pass) : new PacedReader(body, pass);

    /// <summary>Of each write or read; told a few times a second.</summary>
    private void News(long bytes)
    {
        _before = bytes;
        if (_told == 0 || parts.Env.Time.GetElapsedTime(_told) >= BetweenNews)
        {
            _told = parts.Env.Time.GetTimestamp();
            scope.Progress(bytes);
        }
    }

    /// <summary>What would be refused again in the same way is given up at once; the rest is tried again.</summary>
    private static SegmentResult Failed(string what, Refusal refusal)
    {
        var failure = new TransferFailure(what, refusal.Message);
        return refusal.Code is RefusalCode.Denied or RefusalCode.AlreadyExists or RefusalCode.Invalid
            ? new SegmentResult.GivenUp(failure)
            : new SegmentResult.TryFailed(failure);
    }
}
