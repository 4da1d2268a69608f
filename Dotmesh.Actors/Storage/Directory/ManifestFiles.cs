using System.Collections.Immutable;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>A manifest that stands by itself, and what later ones are written against.</summary>
/// <param name="Bytes">How long it is.</param>
internal sealed record FullManifest(string Name, TreeNode Tree, uint Checksum, int Bytes);

/// <summary>A manifest as read: its tree, and the full one it stands on (itself, when it is full).</summary>
internal sealed record ReadManifest(TreeNode Tree, uint Checksum, FullManifest Full);

/// <summary>
/// The manifests of one filesystem. Most commits of a large tree are kept as their difference to a full manifest, one
/// step deep, so that a small change costs a small write.
/// </summary>
internal sealed class ManifestFiles(string path)
{
    // below this a full manifest is as quick as a difference
    private const int WorthADelta = 16 * 1024;

    // a larger difference than this part of the full manifest is worth a new full one
    private const int LargestPart = 8;

    internal ReadManifest Read(string name) => Read(name, default);

    /// <param name="name">The manifest of the newest commit.</param>
    /// <param name="index">Tells the nodes where they live; of this manifest or of the full one it stands on.</param>
    internal ReadManifest Read(string name, ReadOnlySpan<byte> index)
    {
        var bytes = Bytes(name);
        try
        {
            if (!ManifestDelta.Is(bytes))
            {
                var full = ReadFull(name, bytes, index);
                return new ReadManifest(full.Tree, full.Checksum, full);
            }

            var basis = ManifestDelta.BaseOf(bytes);
            var on = ReadFull(basis, Bytes(basis), index);
            var tree = ManifestDelta.Apply(on, bytes);
            var checksum = ManifestCodec.ChecksumOf(bytes);
            ManifestCodec.ReadIndex(index, tree, checksum);
            return new ReadManifest(tree, checksum, on);
        }
        catch (InvalidDataException broken)
        {
            throw Damaged(name, broken.Message, broken);
        }
    }

    /// <summary>Not yet anybody's; durable once it returns, unless the caller flushes the pool later.</summary>
    internal FullManifest WriteFull(string name, TreeNode tree, bool durable = true)
    {
        var bytes = ManifestCodec.Write(tree);
        PoolFiles.Replace($"{path}/{name}", bytes.Span, durable);
        return new FullManifest(name, tree, ManifestCodec.ChecksumOf(bytes.Span), bytes.Length);
    }

    /// <summary>The same by the shorter way, a difference or a full manifest.</summary>
    internal ReadManifest Write(string name, TreeNode tree, FullManifest basis)
    {
        if (basis.Bytes >= WorthADelta)
        {
            var delta = ManifestDelta.Write(basis, tree);
            if (delta.Length <= basis.Bytes / LargestPart)
            {
                PoolFiles.Replace($"{path}/{name}", delta.Span);
                return new ReadManifest(tree, ManifestCodec.ChecksumOf(delta.Span), basis);
            }
        }

        var full = WriteFull(name, tree);
        return new ReadManifest(tree, full.Checksum, full);
    }

    /// <summary>Takes over one manifest of another filesystem, as a full one.</summary>
    internal void Adopt(ManifestFiles from, string name, string newName)
    {
        var bytes = from.Bytes(name);
        if (ManifestDelta.Is(bytes))
        {
            WriteFull(newName, from.Read(name).Tree);
        }
        else
        {
            PoolFiles.Replace($"{path}/{newName}", bytes);
        }
    }

    /// <summary>Takes over manifests of another filesystem as they are, with what they stand on.</summary>
    internal void Copy(ManifestFiles from, IEnumerable<string> names)
    {
        foreach (var name in from.WithBases(names))
        {
            PoolFiles.Replace($"{path}/{name}", from.Bytes(name));
        }
    }

    internal void DiscardAllBut(IEnumerable<string> names)
    {
        var kept = WithBases(names);
        foreach (var name in PoolFiles.Names(path).Where(name => !kept.Contains(name)))
        {
            PoolFiles.Remove($"{path}/{name}");
        }
    }

    private ImmutableHashSet<string> WithBases(IEnumerable<string> names)
    {
        var all = ImmutableHashSet.CreateBuilder<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (all.Add(name) && PoolFiles.TryRead($"{path}/{name}", ManifestDelta.LongestStart) is { } start
                && ManifestDelta.Is(start))
            {
                all.Add(ManifestDelta.BaseOf(start));
            }
        }

        return all.ToImmutable();
    }

    private static FullManifest ReadFull(string name, byte[] bytes, ReadOnlySpan<byte> index)
    {
        var full = new FullManifest(name, ManifestCodec.Read(bytes), ManifestCodec.ChecksumOf(bytes), bytes.Length);
        ManifestCodec.ReadIndex(index, full.Tree, full.Checksum);
        return full;
    }

    private byte[] Bytes(string name) => PoolFiles.TryRead($"{path}/{name}") ?? throw Damaged(name, "it is missing");

    private StorageException Damaged(string name, string why, Exception? inner = null) => new(
        StorageFailure.Unexpected,
        $"The pool is damaged: {path}/{name} cannot be read ({why}); restore it from another copy",
        inner);
}
