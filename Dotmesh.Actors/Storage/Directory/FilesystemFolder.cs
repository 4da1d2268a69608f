using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>What a filesystem knows of itself besides its commits; the file <c>fs.json</c>.</summary>
/// <param name="Base">Manifest of what the filesystem started as: the fresh tree or its origin's commit.</param>
/// <param name="BaseNextObject">As <see cref="CommitRecord.NextObject"/>, for the base.</param>
internal sealed record FilesystemInfo(LabelsInfo? Labels, OriginInfo? Origin, string Base, ulong BaseNextObject)
{
    internal CommitOrigin? CommitOrigin =>
        Origin is null ? null : new CommitOrigin(new FilesystemId(Origin.Filesystem), new CommitId(Origin.Commit));
}

internal sealed record OriginInfo(string Filesystem, string Commit, ulong Guid);

internal sealed record LabelsInfo(
    string Dot,
    string Namespace,
    string Name,
    string Branch,
    string OwnerId,
    string OwnerName,
    ImmutableSortedDictionary<string, string> Collaborators,
    long Epoch = 1,
    bool Replica = false,
    long Generation = 0)
{
    internal static LabelsInfo? From(FilesystemLabels? labels) => labels is null ? null : new(
        labels.Dot.Value,
        labels.Name.Namespace,
        labels.Name.Name,
        labels.Branch,
        labels.OwnerId,
        labels.OwnerName,
        labels.Collaborators,
        labels.Epoch,
        labels.Replica,
        labels.Generation);

    internal FilesystemLabels ToLabels() => new(
        new FilesystemId(Dot), new DotName(Namespace, Name), Branch, OwnerId, OwnerName, Collaborators)
    {
        Epoch = Epoch == 0 ? 1 : Epoch,
        Replica = Replica,
        Generation = Generation,
    };
}

internal sealed record PoolDescription(int Format, string Guid);

[JsonSerializable(typeof(FilesystemInfo))]
[JsonSerializable(typeof(PoolDescription))]
[JsonSerializable(typeof(Intent))]
[JsonSerializable(typeof(KeptContents.Note))]
internal sealed partial class DirectoryJson : JsonSerializerContext;

/// <summary>The newest state of a filesystem: its commits, and the tree that its live tree is compared with.</summary>
/// <param name="Tree">Tree of the newest commit (or the base), its nodes knowing where they live.</param>
/// <param name="Full">What the newest manifest stands on; shares with the tree what has not changed since.</param>
/// <param name="Entries">Nodes in the tree, for the cache's budget.</param>
internal sealed record Head(
    FilesystemInfo Info,
    ImmutableArray<CommitRecord> Commits,
    long LogLength,
    TreeNode Tree,
    uint Checksum,
    FullManifest Full,
    int Entries)
{
    internal ulong NextObject => Commits.IsEmpty ? Info.BaseNextObject : Commits[^1].NextObject;

    internal long NextSequence => Commits.IsEmpty ? 1 : Commits[^1].Sequence + 1;

    internal string Manifest => Commits.IsEmpty ? Info.Base : Commits[^1].Manifest;

    internal CommitRecord? Find(CommitId id) => Commits.FirstOrDefault(c => c.Id == id.Value);
}

/// <summary>One filesystem on disk: <c>fs.json</c>, <c>commits</c>, <c>manifests/</c>, <c>objects/</c>, <c>index</c>, <c>live/</c>.</summary>
internal sealed class FilesystemFolder(string path)
{
    internal string Path { get; } = path;

    internal string Live => $"{Path}/live";

    internal string Objects => $"{Path}/objects";

    internal string Views => $"{Path}/views";

    internal string Scratch => $"{Path}/scratch";

    internal string Log => $"{Path}/commits";

    internal ManifestFiles Manifests => new($"{Path}/manifests");

    /// <summary>The empty folders; the live tree's root is an ordinary folder of the node's user.</summary>
    internal static FilesystemFolder Make(string path)
    {
        var folder = new FilesystemFolder(path);
        PoolFiles.MakeFolder(path);
        PoolFiles.MakeFolder(folder.Live);
        PoolFiles.MakeFolder(folder.Objects, 0x1C0);
        PoolFiles.MakeFolder($"{path}/manifests", 0x1C0);
        PoolFiles.MakeFolder(folder.Scratch, 0x1C0);
        return folder;
    }

    /// <summary>Null when there is no such filesystem.</summary>
    internal FilesystemInfo? TryReadInfo()
    {
        var bytes = PoolFiles.TryRead($"{Path}/fs.json");
        if (bytes is null)
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(bytes, DirectoryJson.Default.FilesystemInfo);
        }
        catch (JsonException broken)
        {
            throw new StorageException(
                StorageFailure.Unexpected, $"The pool is damaged: {Path}/fs.json cannot be read ({broken.Message})", broken);
        }
    }

    internal void WriteInfo(FilesystemInfo info) =>
        PoolFiles.Replace($"{Path}/fs.json", JsonSerializer.SerializeToUtf8Bytes(info, DirectoryJson.Default.FilesystemInfo));

    internal ImmutableArray<CommitRecord> ReadCommits() => CommitLog.Read(Log).Commits;

    internal Head? TryReadHead()
    {
        if (TryReadInfo() is not { } info)
        {
            return null;
        }

        var (commits, length) = CommitLog.Read(Log);
        var index = PoolFiles.TryRead($"{Path}/index") ?? [];
        var read = Manifests.Read(commits.IsEmpty ? info.Base : commits[^1].Manifest, index);
        return new Head(
            info, commits, length, read.Tree, read.Checksum, read.Full, Trees.PreOrder(read.Tree).Count());
    }

    /// <summary>Neither durable nor necessary: without it the next commit compares contents.</summary>
    internal void TryWriteIndex(TreeNode tree, uint checksum)
    {
        try
        {
            PoolFiles.Replace($"{Path}/index", ManifestCodec.WriteIndex(tree, checksum).Span, durable: false);
        }
        catch (StorageException full) when (full.Failure == StorageFailure.PoolFull)
        {
            PoolFiles.Remove($"{Path}/index");
        }
    }

    /// <summary>The folder stays: making it again could fail in a full pool.</summary>
    internal void EmptyScratch(CancellationToken ct)
    {
        foreach (var name in PoolFiles.Names(Scratch))
        {
            PoolFiles.RemoveTree($"{Scratch}/{name}", ct);
        }
    }

    /// <summary>Removes what an interrupted or rolled back commit left: manifests nobody names and objects past the end.</summary>
    internal void DiscardUnreferenced(FilesystemInfo info, ImmutableArray<CommitRecord> commits)
    {
        Manifests.DiscardAllBut(commits.Select(c => c.Manifest).Append(info.Base));
        using var objects = new ObjectStore(Objects, 1);
        objects.DiscardFrom(commits.IsEmpty ? info.BaseNextObject : commits[^1].NextObject);
        EmptyScratch(CancellationToken.None);
    }
}
