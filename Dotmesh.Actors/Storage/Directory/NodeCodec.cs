using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>One node as bytes, without its children and without where it lives; used by manifests and by streams.</summary>
internal static class NodeCodec
{
    private const byte HasXattrs = 1;
    private const byte HasLinkGroup = 2;
    private const int LongestName = 255;
    private const int LongestTarget = 4096;
    private const int MostXattrs = 4096;

    internal static void Write(ByteBuffer to, TreeNode node)
    {
        to.Byte((byte)((node.Xattrs is null ? 0 : HasXattrs) | (node.LinkGroup == 0 ? 0 : HasLinkGroup)));
        to.Block(node.Name);
        to.Number(node.Mode);
        to.Number(node.Uid);
        to.Number(node.Gid);
        to.Signed(node.Modified);
        switch (node.Type)
        {
            case Linux.TypeRegular:
                to.Number((ulong)node.Size);
                to.Number((ulong)node.Allocated);
                break;
            case Linux.TypeLink:
                to.Block(node.Target);
                break;
            case Linux.TypeCharacter or Linux.TypeBlock:
                to.Number(node.Device);
                break;
            default:
                break;
        }

        if (node.LinkGroup != 0)
        {
            to.Number(node.LinkGroup);
        }

        if (node.Xattrs is { } xattrs)
        {
            to.Number((ulong)xattrs.Length);
            foreach (var (name, value) in xattrs)
            {
                to.Block(name);
                to.Block(value);
            }
        }
    }

    /// <summary>Throws <see cref="InvalidDataException"/> for what no tree can hold, so that streams may come from anywhere.</summary>
    internal static TreeNode Read(ref ByteReader from)
    {
        var flags = from.Byte();
        var node = new TreeNode { Name = from.Block().ToArray() };
        CheckName(node.Name);
        node.Mode = (uint)from.Count(0xFFFF);
        node.Uid = (uint)from.Number();
        node.Gid = (uint)from.Number();
        node.Modified = from.Signed();
        switch (node.Type)
        {
            case Linux.TypeRegular:
                node.Size = Length(ref from);
                node.Allocated = Length(ref from);
                break;
            case Linux.TypeLink:
                node.Target = from.Block().ToArray();
                node.Size = node.Target.Length;
                if (node.Target.Length is 0 or > LongestTarget || node.Target.Contains((byte)0))
                {
                    throw new InvalidDataException("a link target is not possible");
                }

                break;
            case Linux.TypeCharacter or Linux.TypeBlock:
                node.Device = from.Number();
                break;
            case Linux.TypeDirectory or Linux.TypeFifo or Linux.TypeSocket:
                break;
            default:
                throw new InvalidDataException("an entry has an unknown type");
        }

        node.LinkGroup = (flags & HasLinkGroup) != 0 ? from.Number() : 0;
        if ((flags & HasXattrs) != 0)
        {
            var xattrs = new Xattrs.Attribute[from.Count(MostXattrs)];
            for (var i = 0; i < xattrs.Length; i++)
            {
                xattrs[i] = new Xattrs.Attribute(from.Block().ToArray(), from.Block().ToArray());
            }

            node.Xattrs = xattrs;
        }

        return node;
    }

    /// <summary>Empty is the root.</summary>
    private static void CheckName(ReadOnlySpan<byte> name)
    {
        if (name.Length > LongestName || name.IndexOfAny((byte)0, (byte)'/') >= 0
            || name.SequenceEqual("."u8) || name.SequenceEqual(".."u8))
        {
            throw new InvalidDataException($"the name {Errors.Display(name)} is not possible");
        }
    }

    private static long Length(ref ByteReader from)
    {
        var value = from.Number();
        return value <= long.MaxValue ? (long)value : throw new InvalidDataException("a size is not possible");
    }
}
