using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>What a stash was begun with; kept on the dataset until it is done.</summary>
internal sealed record StashIntent(
    string Filesystem, string Commit, string Stash, string Dot, string Namespace, string Name, string Branch,
    string OwnerId, string OwnerName)
{
    public FilesystemLabels Labels => new(
        new FilesystemId(Dot), new DotName(Namespace, Name), Branch, OwnerId, OwnerName,
        ImmutableSortedDictionary<string, string>.Empty);
}

/// <param name="Segments">How many send streams follow.</param>
/// <param name="Commits">Id -> metadata kept in properties; what is in files travels in the filesystem.</param>
internal sealed record ZfsStreamHeader(
    string To, string? FromFilesystem, string? FromCommit, int Segments,
    ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>> Commits)
{
    /// <summary>Ids of the commits in pools (<see cref="PropertyHead"/>); null from a sender that does not tell them.</summary>
    public ImmutableSortedDictionary<string, ulong>? Guids { get; init; }

    /// <summary>The place at which the stream goes on (<see cref="ResumePlace"/>); null: it is whole.</summary>
    public string? Resume { get; init; }
}

[JsonSerializable(typeof(ImmutableSortedDictionary<string, string>))]
[JsonSerializable(typeof(StashIntent))]
[JsonSerializable(typeof(System.Text.Json.Nodes.JsonObject))]
[JsonSerializable(typeof(ImmutableSortedDictionary<string, ulong>))]
[JsonSerializable(typeof(ZfsStreamHeader))]
internal sealed partial class ZfsJson : JsonSerializerContext;
