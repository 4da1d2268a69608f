using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Rpc.Wire;

/// <summary>Contract 3.2.</summary>
public sealed record Commit(string Id, ImmutableSortedDictionary<string, string> Metadata)
{
    public static Commit From(StoredCommit commit) =>
        new(commit.Id.Value, commit.Metadata.ToImmutableSortedDictionary(StringComparer.Ordinal));
}

/// <param name="SizeBytes">What all files of the branch held at this commit.</param>
public sealed record CommitSize(string Id, long SizeBytes)
{
    public static CommitSize From(MeasuredCommit commit) => new(commit.Id.Value, commit.SizeBytes);
}
