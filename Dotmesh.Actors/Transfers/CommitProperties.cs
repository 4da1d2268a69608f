using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>A commit as clusters tell each other of it, <c>{"Id":..,"Metadata":{..}}</c> (contract 3.2, 6.4).</summary>
public sealed record CommitProperties(CommitId Id, CommitMetadata Metadata)
{
    public static CommitProperties Of(StoredCommit commit) => new(commit.Id, commit.Metadata);

    /// <summary>As the original printed it: <c>{Id:x Metadata:map[a:1 b:2]}</c>, keys sorted, nothing quoted.</summary>
    public override string ToString() =>
        $"{{Id:{Id} Metadata:map[{string.Join(' ', Metadata.Select(pair => $"{pair.Key}:{pair.Value}"))}]}}";
}
