using System.Globalization;

namespace Dotmesh.Actors;

/// <summary>Id of one writable filesystem (a branch), a lower-case UUID v4. The master branch's id is the dot's id.</summary>
public readonly record struct FilesystemId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>Id of a commit: unique within its filesystem; a UUID v4 unless the committer chose it (contract 2.4).</summary>
public readonly record struct CommitId(string Value)
{
    public override string ToString() => Value;
}

/// <summary>The pool's GUID in hex without padding: the identity of a node's data (design section 1).</summary>
public readonly record struct StorageNodeId(string Value)
{
    public static StorageNodeId FromGuid(ulong guid) => new(guid.ToString("x", CultureInfo.InvariantCulture));

    public override string ToString() => Value;
}

/// <summary>A dot's name. Only <see cref="Names"/> makes one from outside input.</summary>
public readonly record struct DotName(string Namespace, string Name)
{
    /// <summary>The text form of server messages, <c>admin/test</c>.</summary>
    public override string ToString() => $"{Namespace}/{Name}";
}

/// <summary>Makes ids; passed in so that specs can foresee them.</summary>
public interface IIdSource
{
    /// <summary>A new lower-case UUID v4.</summary>
    string NewId();
}

/// <inheritdoc />
public sealed class RandomIds : IIdSource
{
#pragma warning disable RS0030 // the one place where random ids are made
    public string NewId() => Guid.NewGuid().ToString("D", CultureInfo.InvariantCulture);
#pragma warning restore RS0030
}
