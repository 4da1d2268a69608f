using System.Globalization;
using System.Text;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// The contents of one filesystem's committed files: immutable, named by a counter, shared by its commits by number and
/// with branches by hard links. A number at or above the newest commit's <see cref="CommitRecord.NextObject"/> belongs to
/// nobody: it is left from an interrupted operation and is written over or removed.
/// </summary>
internal sealed class ObjectStore(string path, ulong next) : IDisposable
{
    private readonly Handle _folder = Handle.OpenDirectory(path);
    private ulong _last = next - 1;

    internal ulong Next => Interlocked.Read(ref _last) + 1;

    public void Dispose() => _folder.Dispose();

    /// <summary>A new object, empty and writable.</summary>
    internal Handle Make(out ulong id)
    {
        id = Interlocked.Increment(ref _last);
        var name = NameOf(id);
        const int flags = Linux.ReadWrite | Linux.Create | Linux.Exclusive;
        var errno = Handle.TryOpen(_folder.Fd, name, flags, 0x100, out var file);
        if (errno == Linux.EEXIST)
        {
            _folder.Unlink(name);
            errno = Handle.TryOpen(_folder.Fd, name, flags, 0x100, out file);
        }

        return errno == 0 ? file : throw Errors.Failed(errno, "making", $"{path}/{id}");
    }

    internal Handle Open(ulong id)
    {
        var errno = Handle.TryOpen(_folder.Fd, NameOf(id), Linux.ReadOnly | Linux.NoFollow, 0, out var file);
        return errno switch
        {
            0 => file,
            Linux.ENOENT => throw new StorageException(
                StorageFailure.Unexpected, $"The pool is damaged: {path}/{id} is missing; restore it from another copy"),
            _ => throw Errors.Failed(errno, "opening", $"{path}/{id}"),
        };
    }

    internal void Discard(ulong id) => _folder.Unlink(NameOf(id));

    /// <summary>Makes an object of another filesystem this one's, under the same number.</summary>
    internal void Adopt(ObjectStore from, ulong id, CancellationToken ct)
    {
        var name = NameOf(id);
        var errno = from._folder.Link(name, _folder, name);
        if (errno is Linux.EMLINK or Linux.EPERM or Linux.EOPNOTSUPP)
        {
            CopyFrom(from, id, name, ct);
        }
        else if (errno is not (0 or Linux.EEXIST))
        {
            throw Errors.Failed(errno, "linking", $"{path}/{id}");
        }
    }

    /// <summary>Removes what no commit refers to: everything from this number on.</summary>
    internal int DiscardFrom(ulong first)
    {
        var removed = 0;
        foreach (var name in _folder.ReadNames(() => path))
        {
            if (ulong.TryParse(Encoding.ASCII.GetString(name), CultureInfo.InvariantCulture, out var id) && id >= first)
            {
                _folder.Unlink(name);
                removed++;
            }
        }

        return removed;
    }

    internal IEnumerable<ulong> Ids() => _folder.ReadNames(() => path)
        .Select(name => ulong.Parse(Encoding.ASCII.GetString(name), CultureInfo.InvariantCulture));

    internal void Sync() => _folder.Sync(path);

    internal void SyncFilesystem() => _folder.SyncFilesystem(path);

    private void CopyFrom(ObjectStore from, ulong id, byte[] name, CancellationToken ct)
    {
        using var source = from.Open(id);
        var errno = Handle.TryOpen(
            _folder.Fd, name, Linux.WriteOnly | Linux.Create | Linux.Exclusive, 0x100, out var target);
        if (errno != 0)
        {
            throw Errors.Failed(errno, "making", $"{path}/{id}");
        }

        using (target)
        {
            FileCopy.Copy(source, source.Stat(), target, $"{path}/{id}", ct);
            target.Sync($"{path}/{id}");
        }
    }

    private static byte[] NameOf(ulong id) => Encoding.ASCII.GetBytes(id.ToString(CultureInfo.InvariantCulture));
}
