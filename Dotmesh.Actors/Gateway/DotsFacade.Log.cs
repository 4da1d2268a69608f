using System.Collections.Immutable;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Serialization;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Gateway;

/// <summary>What happened to dots, from their journals.</summary>
internal sealed partial class DotsFacade
{
    private readonly JournalReader _journal = new(settings.Journal);

    public async Task<ImmutableArray<DotHappening>> History(DotTarget target, long before, int most, CancellationToken ct)
    {
        var dot = target.Dot;
        var entries = await _journal.Read<DotEvents.Event>(DotActor.PersistenceIdOf(dot.Id), before, most, ct);
        var messages = Messages(entries.Select(entry => entry.Event));
        return [.. entries.Select(entry => new DotHappening(dot.Id, dot, dot.Name, entry, MessageOf(entry.Event, messages)))];
    }

    public async Task<ImmutableArray<DotHappening>> Happened(Caller caller, Type? kind, long before, int most, CancellationToken ct)
    {
        const int scanned = 5000;
        var manifest = kind is null ? "" : Manifests.Of(kind);
        var rows = await _journal.ReadAll<DotEvents.Event>(
            DotActor.KindOfPersistenceId, manifest, before, most, scanned,
            id => env.Directory.FindFilesystem(new FilesystemId(id))?.Dot is { } dot ? Check(caller, dot, Right.Use) is null : caller.IsAdmin, ct);
        var happened = rows
            .Select(row => (Id: new FilesystemId(row.Id), Dot: env.Directory.FindFilesystem(new FilesystemId(row.Id))?.Dot, row.Entry)).ToList();
        var gone = await NamesOf(happened.Where(row => row.Dot is null).Select(row => row.Id), ct);
        var messages = Messages(happened.Select(row => row.Entry.Event));
        return
        [
            .. happened.Select(row => new DotHappening(
                row.Id, row.Dot, row.Dot?.Name ?? gone.GetValueOrDefault(row.Id), row.Entry, MessageOf(row.Entry.Event, messages))),
        ];
    }

    /// <summary>The names that dots were made with; of the first few of them.</summary>
    private async Task<Dictionary<FilesystemId, DotName?>> NamesOf(IEnumerable<FilesystemId> dots, CancellationToken ct)
    {
        const int few = 20;
        var names = new Dictionary<FilesystemId, DotName?>();
        foreach (var dot in dots.Distinct().Take(few))
        {
            names[dot] = await _journal.Read<DotEvents.Event>(DotActor.PersistenceIdOf(dot), before: 2, most: 1, ct) is not [var first] ? null
                : first.Event is DotEvents.Created made ? made.Name
                : (first.Event as DotEvents.Adopted)?.Name;
        }

        return names;
    }

    /// <summary>Messages of commits, which are not in the journal; those that this node has.</summary>
    private Dictionary<CommitId, string?> Messages(IEnumerable<DotEvents.Event> events)
    {
        var asked = events.OfType<DotEvents.Committed>().ToLookup(made => made.Filesystem, made => made.Commit);
        var messages = new Dictionary<CommitId, string?>();
        foreach (var filesystem in asked)
        {
            var wanted = filesystem.ToHashSet();
            // the newest are at the end
            foreach (var commit in env.Index.Commits(filesystem.Key).Reverse().TakeWhile(_ => wanted.Count > 0).Where(commit => wanted.Remove(commit.Id)))
            {
                messages[commit.Id] = commit.Metadata["message"];
            }
        }

        return messages;
    }

    private static string? MessageOf(DotEvents.Event happened, Dictionary<CommitId, string?> messages) =>
        happened is DotEvents.Committed made ? messages.GetValueOrDefault(made.Commit) : null;
}
