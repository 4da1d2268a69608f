using System.Text;

namespace Dotmesh.Actors.Storage.Posix;

/// <summary>Extended attributes of one file, sorted by name.</summary>
internal static unsafe class Xattrs
{
    internal readonly record struct Attribute(byte[] Name, byte[] Value);

    /// <summary>
    /// All that this process may see. <c>system.posix_acl_*</c> is kept like any other; <c>security.selinux</c> is given by
    /// the policy of the machine and left out.
    /// </summary>
    internal static Attribute[]? Read(Handle file)
    {
        Span<byte> list = stackalloc byte[4096];
        nint length;
        fixed (byte* p = list)
        {
            length = Libc.flistxattr(file.Fd, p, (nuint)list.Length);
            if (length < 0 && Errors.Last == Linux.ERANGE)
            {
                list = new byte[65536];
                fixed (byte* large = list)
                {
                    length = Libc.flistxattr(file.Fd, large, (nuint)list.Length);
                }
            }
        }

        return length <= 0 ? null : Values(list[..(int)length], name => Value(name, (n, v, s) => Get(file.Fd, n, v, s)));
    }

    /// <summary>The same for what cannot be opened (links, pipes, devices), by way of <c>/proc</c>.</summary>
    internal static Attribute[]? Read(Handle folder, ReadOnlySpan<byte> name)
    {
        var path = ThroughProc(folder, name);
        Span<byte> list = stackalloc byte[4096];
        nint length;
        fixed (byte* f = path)
        fixed (byte* p = list)
        {
            length = Libc.llistxattr(f, p, (nuint)list.Length);
        }

        return length <= 0
            ? null
            : Values(list[..(int)length], attribute => Value(attribute, (n, v, s) => GetLink(path, n, v, s)));
    }

    /// <summary>Makes the attributes of a file exactly these; answers errno of the first that could not be set.</summary>
    internal static int Write(Handle file, Attribute[]? wanted)
    {
        var present = Read(file);
        foreach (var (name, _) in present ?? [])
        {
            if (wanted is null || !wanted.Any(w => w.Name.AsSpan().SequenceEqual(name)))
            {
                fixed (byte* n = Terminated(name))
                {
                    _ = Libc.fremovexattr(file.Fd, n);
                }
            }
        }

        foreach (var (name, value) in wanted ?? [])
        {
            // setting what is there already would still touch the change time
            if (present is not null && present.Any(p => p.Name.AsSpan().SequenceEqual(name) && p.Value.AsSpan().SequenceEqual(value)))
            {
                continue;
            }

            fixed (byte* n = Terminated(name))
            fixed (byte* v = value)
            {
                if (Libc.fsetxattr(file.Fd, n, v, (nuint)value.Length, 0) != 0)
                {
                    return Errors.Last;
                }
            }
        }

        return 0;
    }

    internal static int Write(Handle folder, ReadOnlySpan<byte> fileName, Attribute[]? wanted)
    {
        var path = ThroughProc(folder, fileName);
        foreach (var (name, value) in wanted ?? [])
        {
            fixed (byte* f = path)
            fixed (byte* n = Terminated(name))
            fixed (byte* v = value)
            {
                if (Libc.lsetxattr(f, n, v, (nuint)value.Length, 0) != 0)
                {
                    return Errors.Last;
                }
            }
        }

        return 0;
    }

    internal static bool Same(Attribute[]? a, Attribute[]? b)
    {
        if (a is null || b is null || a.Length != b.Length)
        {
            return (a?.Length ?? 0) == (b?.Length ?? 0);
        }

        for (var i = 0; i < a.Length; i++)
        {
            if (!a[i].Name.AsSpan().SequenceEqual(b[i].Name) || !a[i].Value.AsSpan().SequenceEqual(b[i].Value))
            {
                return false;
            }
        }

        return true;
    }

    private delegate nint Getter(byte[] name, byte[]? value, int size);

    private static nint Get(int fd, byte[] name, byte[]? value, int size)
    {
        fixed (byte* n = name)
        fixed (byte* v = value)
        {
            return Libc.fgetxattr(fd, n, v, (nuint)size);
        }
    }

    private static nint GetLink(byte[] path, byte[] name, byte[]? value, int size)
    {
        fixed (byte* f = path)
        fixed (byte* n = name)
        fixed (byte* v = value)
        {
            return Libc.lgetxattr(f, n, v, (nuint)size);
        }
    }

    private static Attribute[]? Values(ReadOnlySpan<byte> list, Func<byte[], byte[]?> read)
    {
        var found = new List<Attribute>();
        while (!list.IsEmpty)
        {
            var end = list.IndexOf((byte)0);
            var name = list[..end].ToArray();
            list = list[(end + 1)..];
            if (!name.AsSpan().SequenceEqual("security.selinux"u8) && read(name) is { } value)
            {
                found.Add(new Attribute(name, value));
            }
        }

        found.Sort((a, b) => a.Name.AsSpan().SequenceCompareTo(b.Name));
        return found.Count == 0 ? null : [.. found];
    }

    // null: gone meanwhile, or not readable by this user although listed
    private static byte[]? Value(byte[] name, Getter get)
    {
        var terminated = Terminated(name);
        for (var attempt = 0; attempt < 5; attempt++)
        {
            var size = get(terminated, null, 0);
            if (size <= 0)
            {
                return size == 0 ? [] : null;
            }

            var value = new byte[size];
            var got = get(terminated, value, value.Length);
            if (got >= 0)
            {
                return value[..(int)got];
            }
        }

        return null;
    }

    private static byte[] Terminated(byte[] name) => [.. name, 0];

    private static byte[] ThroughProc(Handle folder, ReadOnlySpan<byte> name) =>
        [.. Encoding.ASCII.GetBytes($"/proc/self/fd/{folder.Fd}/"), .. name, 0];
}
