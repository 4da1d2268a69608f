using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Receives the output of <c>zfs send</c>, which comes from servers that are not ours. It is taken apart (<see cref="SendReader"/>), so that
/// nothing of it gets into the pool but the snapshots of one filesystem and the metadata of its commits.
/// </summary>
public sealed partial class ZfsStorage
{
    // of a property's value, the final zero not counted
    private const int LongestInKernel = 8191, LongestElsewhere = 1023;

    public async Task ReceivePlain(
        StreamRange range, FilesystemLabels labels, IReadOnlyDictionary<CommitId, CommitMetadata>? metadata, Stream input, CancellationToken ct)
    {
        await RefuseMisfit(range, ct);
        var gone = await Follow(range, labels.OwnerId, null, ct);
        var reader = new SendReader(input);
        var sent = await reader.Open(ct);
        var heads = await TakesHeads(range, ct);
        var unread = IsIncremental(range) ? range.From!.Commit.Value : ZfsProperties.FromStart;
        await Land(range, labels, [$"{ZfsProperties.Unread}={unread}"], gone, async target =>
        {
            var properties = new Dictionary<string, ImmutableSortedDictionary<string, string>>(StringComparer.Ordinal);
            await ReceiveSnapshots(range, target, reader, async snapshot =>
            {
                var commit = snapshot.Name;
                properties[commit] = Properties(commit, sent.GetValueOrDefault(commit), metadata?.GetValueOrDefault(new CommitId(commit)));
                return await Labelled(snapshot, properties, heads ? new Dictionary<string, ulong> { [commit] = snapshot.ToGuid } : null, ct);
            }, ct);
            return properties;
        }, _ => false, ct);
        _faults.Hit("zfs.receive.before-files");
        await ReadFiles(range.Filesystem, ct);
    }

    private async Task ReceiveSnapshots(
        StreamRange range, string target, SendReader reader, Func<SentSnapshot, Task<Stream>> labelled, CancellationToken ct)
    {
        var received = new List<string>();
        var before = 0UL;
        while (await reader.Next(ct) is { } snapshot)
        {
            if (received.Count > 0 && received[^1] == range.To.Value)
            {
                throw ZfsFrame.Bad($"goes on after commit {range.To}");
            }

            if (snapshot.Dataset.Split('/')[^1] != range.Filesystem.Value)
            {
                throw ZfsFrame.Bad($"holds the filesystem {snapshot.Dataset}, which is not {range.Filesystem}");
            }

            if (Names.CheckCommit(snapshot.Name) is { } refusal)
            {
                throw ZfsFrame.Bad($"holds a snapshot that is no commit: {refusal.Message}");
            }

            var fits = received.Count > 0 ? snapshot.FromGuid == before : (snapshot.FromGuid == 0) == (range.From is null);
            if (!fits)
            {
                throw ZfsFrame.Bad($"does not lead from {range.From?.Commit.Value ?? "START"} to {range.To} without a gap");
            }

            await ReceiveSegment(["receive", "-u", target], await labelled(snapshot), ct);
            received.Add(snapshot.Name);
            before = snapshot.ToGuid;
        }
    }

    /// <summary>What the stream says of a commit, and of what was told beside it that which the stream does not say.</summary>
    private ImmutableSortedDictionary<string, string> Properties(
        string commit, IReadOnlyDictionary<string, string>? sent, CommitMetadata? told)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        result.AddRange(sent?.Where(p => ZfsProperties.IsMetadata(p.Key, p.Value)) ?? []);
        // what fits into no property the sender has put into the commit's file
        foreach (var (name, value) in ZfsProperties.Split(told ?? CommitMetadata.Empty).Properties)
        {
            result.TryAdd(name, value);
        }

        var longest = _features.Kernel ? LongestInKernel : LongestElsewhere;
        return result.FirstOrDefault(p => p.Value.Length > longest).Key is { } tooLong
            ? throw new StorageException(StorageFailure.Unrepresentable,
                $"The metadata '{tooLong[ZfsProperties.Meta.Length..]}' of commit {commit} is longer than this pool can keep ({longest} bytes).")
            : result.ToImmutable();
    }

    /// <summary>
    /// Original servers keep the metadata of commits in files: as properties it is there when nothing is mounted, and when somebody
    /// removes the files. Mounts the filesystem, and leaves it so unless it is a replica.
    /// </summary>
    private async Task ReadFiles(FilesystemId id, CancellationToken ct)
    {
        var root = await _mounts.Mount(id, ct);
        var dataset = await Require(id, ct);
        var files = MetadataFiles.Ids(root);
        var unread = dataset.Snapshots.FindIndex(s => s.Name == dataset.Local.GetValueOrDefault(ZfsProperties.Unread)) + 1;
        foreach (var snapshot in dataset.Snapshots.Skip(unread).Where(s => files.Contains(s.Name)))
        {
            if (MetadataFiles.Read(root, new CommitId(snapshot.Name)) is { } metadata)
            {
                var missing = ZfsProperties.Split(metadata).Properties
                    .Where(p => snapshot.Properties.GetValueOrDefault(p.Key) != p.Value).Select(p => $"{p.Key}={p.Value}").ToList();
                await Set($"{dataset.Name}@{snapshot.Name}", missing, ct);
            }
        }

        await Forget(dataset.Name, ZfsProperties.Unread, true, ct);
        if (ZfsProperties.Labels(dataset.Local)?.Replica == true)
        {
            await _mounts.Unmount(id, ct);
        }
    }
}
