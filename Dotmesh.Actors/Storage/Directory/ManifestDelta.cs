using System.Text;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// A manifest as its difference to a full one: the entries of <see cref="TreeDelta"/>, then the objects of the files that
/// have other contents, then a checksum.
/// </summary>
internal static class ManifestDelta
{
    private const uint Magic = 0x31444D44; // "DMD1"

    /// <summary>So much of a file tells what it stands on: the mark, a length and a name.</summary>
    internal const int LongestStart = 4 + 10 + 512;

    internal static ByteBuffer Write(FullManifest basis, TreeNode tree)
    {
        var contents = new List<TreeNode>();
        var entries = TreeDelta.Write(basis.Tree, tree, contents);
        var to = new ByteBuffer(entries.Length + 64);
        to.Fixed32(Magic);
        to.Block(Encoding.UTF8.GetBytes(basis.Name));
        to.Fixed32(basis.Checksum);
        to.Block(entries.Span);
        to.Number((ulong)contents.Count);
        contents.ForEach(file => to.Number(file.ObjectId));
        to.Fixed32(Checksum.Crc32C(to.Span));
        return to;
    }

    internal static bool Is(ReadOnlySpan<byte> bytes) => bytes.Length >= 4 && new ByteReader(bytes).Fixed32() == Magic;

    internal static string BaseOf(ReadOnlySpan<byte> bytes)
    {
        var from = new ByteReader(bytes);
        from.Fixed32();
        return Encoding.UTF8.GetString(from.Block());
    }

    /// <summary>Throws <see cref="InvalidDataException"/> when damaged.</summary>
    internal static TreeNode Apply(FullManifest basis, ReadOnlySpan<byte> bytes)
    {
        if (Checksum.Crc32C(bytes[..^4]) != new ByteReader(bytes[^4..]).Fixed32())
        {
            throw new InvalidDataException("the checksum does not match");
        }

        var from = new ByteReader(bytes[..^4]);
        from.Fixed32();
        from.Block();
        if (from.Fixed32() != basis.Checksum)
        {
            throw new InvalidDataException($"it stands on another {basis.Name}");
        }

        var contents = new List<TreeNode>();
        var sharing = new List<(TreeNode Node, TreeNode With)>();
        var tree = TreeDelta.Apply(basis.Tree, from.Block(), contents, sharing);
        if (from.Count(contents.Count) != contents.Count)
        {
            throw new InvalidDataException("contents are missing");
        }

        foreach (var file in contents)
        {
            file.ObjectId = from.Number();
        }

        sharing.ForEach(pair => pair.Node.ObjectId = pair.With.ObjectId);
        return tree;
    }
}
