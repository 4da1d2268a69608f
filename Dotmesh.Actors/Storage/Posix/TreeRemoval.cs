namespace Dotmesh.Actors.Storage.Posix;

/// <summary>Removes whole trees, however deep, without following links and without recursion.</summary>
internal static class TreeRemoval
{
    /// <summary>Removes a name with everything below it; a missing one is done.</summary>
    internal static void Remove(Handle folder, ReadOnlySpan<byte> name, CancellationToken ct)
    {
        var errno = folder.Unlink(name);
        switch (errno)
        {
            case 0 or Linux.ENOENT:
                return;
            // Linux says EISDIR for a folder, POSIX allows EPERM
            case Linux.EISDIR or Linux.EPERM:
                break;
            default:
                throw Errors.Failed(errno, "removing", Errors.Display(name));
        }

        // Folders below are moved up next to the first as they are met, so that depth costs neither stack nor handles.
        Empty(folder, name.ToArray(), ct);
    }

    private static void Empty(Handle parent, byte[] name, CancellationToken ct)
    {
        var lifted = 0;
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            var errno = OpenForRemoval(parent, name, out var folder);
            if (errno == Linux.ENOENT)
            {
                return;
            }

            if (errno != 0)
            {
                throw Errors.Failed(errno, "removing", Errors.Display(name));
            }

            using (folder)
            {
                EmptyOnce(folder, ref lifted, ct);
            }

            errno = parent.Unlink(name, directory: true);
            if (errno is 0 or Linux.ENOENT)
            {
                return;
            }

            if (errno != Linux.ENOTEMPTY && errno != Linux.EEXIST)
            {
                throw Errors.Failed(errno, "removing", Errors.Display(name));
            }
        }
    }

    private static void EmptyOnce(Handle folder, ref int lifted, CancellationToken ct)
    {
        foreach (var child in folder.ReadNames(() => "a folder being removed"))
        {
            ct.ThrowIfCancellationRequested();
            var errno = folder.Unlink(child);
            if (errno is 0 or Linux.ENOENT)
            {
                continue;
            }

            if (errno is not (Linux.EISDIR or Linux.EPERM))
            {
                throw Errors.Failed(errno, "removing", Errors.Display(child));
            }

            errno = folder.Unlink(child, directory: true);
            if (errno is 0 or Linux.ENOENT)
            {
                continue;
            }

            if (errno is not (Linux.ENOTEMPTY or Linux.EEXIST))
            {
                throw Errors.Failed(errno, "removing", Errors.Display(child));
            }

            Lift(folder, child, ref lifted, ct);
        }
    }

    private static void Lift(Handle folder, byte[] child, ref int lifted, CancellationToken ct)
    {
        var errno = OpenForRemoval(folder, child, out var below);
        if (errno == Linux.ENOENT)
        {
            return;
        }

        if (errno != 0)
        {
            throw Errors.Failed(errno, "removing", Errors.Display(child));
        }

        using (below)
        {
            foreach (var name in below.ReadNames(() => Errors.Display(child)))
            {
                ct.ThrowIfCancellationRequested();
                errno = below.Unlink(name);
                if (errno is 0 or Linux.ENOENT)
                {
                    continue;
                }

                errno = below.Unlink(name, directory: true);
                if (errno is 0 or Linux.ENOENT)
                {
                    continue;
                }

                // a folder can only be moved by somebody who may write to it (its .. changes)
                _ = below.ChangeMode(name, 0x1C0);
                do
                {
                    var up = System.Text.Encoding.ASCII.GetBytes($".dm-remove-{lifted++}");
                    errno = below.Rename(name, folder, up);
                }
                while (errno is Linux.ENOTEMPTY or Linux.EEXIST or Linux.ENOTDIR);

                if (errno is not (0 or Linux.ENOENT))
                {
                    throw Errors.Failed(errno, "removing", Errors.Display(name));
                }
            }
        }

        errno = folder.Unlink(child, directory: true);
        if (errno is not (0 or Linux.ENOENT or Linux.ENOTEMPTY or Linux.EEXIST))
        {
            throw Errors.Failed(errno, "removing", Errors.Display(child));
        }
    }

    private static int OpenForRemoval(Handle parent, byte[] name, out Handle folder)
    {
        const int flags = 0;
        var errno = Handle.TryOpen(
            parent.Fd, name, flags | Linux.DirectoryOnly | Linux.NoFollow, 0, out folder);
        var unwritable = errno == 0 && Libc.geteuid() != 0 && (folder.Stat().Permissions & 0x1C0) != 0x1C0;
        if (errno == Linux.EACCES || unwritable)
        {
            folder?.Dispose();
            if (parent.ChangeMode(name, 0x1C0) != 0)
            {
                return Linux.EACCES;
            }

            errno = Handle.TryOpen(parent.Fd, name, flags | Linux.DirectoryOnly | Linux.NoFollow, 0, out folder);
        }

        return errno;
    }
}
