using System.Runtime.InteropServices;

namespace Dotmesh.Actors.Gateway;

/// <summary>
/// The symbolic links that containers and people use, <c>PREFIX/NAMESPACE/NAME[@BRANCH]</c> (contract 5.9), and the subdot
/// directories behind them. Safe against what a container may have planted inside the dot: nothing there is followed.
/// </summary>
public sealed partial class MountLinks(string prefix)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly Lock _lock = new();

    public string PathOf(DotName name, string branch) =>
        Path.Combine(prefix, name.Namespace, branch.Length == 0 ? name.Name : $"{name.Name}@{branch}");

    /// <summary>The dot and branch that a path below the links belongs to; null when it is none.</summary>
    public (DotName Dot, string Branch)? NameOf(string path)
    {
        var root = prefix.TrimEnd('/') + '/';
        var below = path.StartsWith(root, StringComparison.Ordinal) ? path[root.Length..].Split('/', StringSplitOptions.RemoveEmptyEntries) : [];
        if (below.Length < 2)
        {
            return null;
        }

        var pinned = below[1].Split('@', 2);
        return Names.Dot(below[0], pinned[0]) is { Refusal: null } name ? (name.Value, pinned.Length == 2 ? pinned[1] : "") : null;
    }

    /// <summary>The filesystem that a link leads to; null without a link.</summary>
    public FilesystemId? LeadsTo(DotName name, string branch) =>
        new FileInfo(PathOf(name, branch)).LinkTarget is { } target ? new FilesystemId(Path.GetFileName(target)) : null;

    /// <summary>Makes the plain name's link lead to another of the dot's filesystems, in one step.</summary>
    /// <param name="mountedAt">Null where it is not mounted: beside what the link leads to now, and nothing where there is no link.</param>
    public void Repoint(DotName name, FilesystemId filesystem, string? mountedAt = null)
    {
        var path = PathOf(name, "");
        lock (_lock)
        {
            var before = new FileInfo(path).LinkTarget;
            if ((mountedAt ?? (before is null ? null : Path.Combine(Path.GetDirectoryName(before)!, filesystem.Value))) is not { } target)
            {
                return;
            }

            MakeParents(Path.GetDirectoryName(path)!);
            var beside = $"{path}.new";
            File.Delete(beside);
            File.CreateSymbolicLink(beside, target);
            // File.Move follows the links and asks whether they lead to files
            if (Native.Rename(beside, path) != 0)
            {
                throw new IOException($"could not repoint {path}: {Marshal.GetLastPInvokeErrorMessage()}");
            }
        }
    }

    /// <summary>
    /// Makes the link and the subdot. A link to another of the dot's filesystems is kept: that is how a container that
    /// was switched to a branch finds it again. One that leads to another dot, which had the name once, is not.
    /// </summary>
    /// <param name="own">The dot's filesystems.</param>
    public Outcome<string> Provide(DotName name, string branch, string target, string subdot, IEnumerable<FilesystemId> own)
    {
        var link = PathOf(name, branch);
        lock (_lock)
        {
            if (Link(link, target, [.. own.Select(id => id.Value), Path.GetFileName(target)]) is { } refusal)
            {
                return refusal;
            }
        }

        if (subdot.Length == 0)
        {
            return link;
        }

        var directory = Path.Combine(System.IO.Directory.ResolveLinkTarget(link, returnFinalTarget: true)!.FullName, subdot);
        return Subdot(directory) is { } planted ? planted : Path.Combine(link, subdot);
    }

    /// <summary>Where a path that was answered for a mount really is. The subdot is not looked at: it is a container's to change.</summary>
    public static string Resolved(string path, string subdot)
    {
        var link = subdot.Length == 0 ? path : Path.GetDirectoryName(path)!;
        return Path.Combine(System.IO.Directory.ResolveLinkTarget(link, returnFinalTarget: true)?.FullName ?? link, subdot);
    }

    /// <summary>Removes the dot's links that point to its filesystems; others are not touched.</summary>
    public void Remove(DotName name, IReadOnlyCollection<(string Branch, FilesystemId Filesystem)> filesystems)
    {
        var gone = filesystems.Select(filesystem => filesystem.Filesystem.Value).ToHashSet(StringComparer.Ordinal);
        lock (_lock)
        {
            foreach (var (branch, _) in filesystems)
            {
                var link = new FileInfo(PathOf(name, branch));
                if (link.LinkTarget is { } target && gone.Contains(Path.GetFileName(target)))
                {
                    link.Delete();
                }
            }
        }
    }

    private static Refusal? Link(string path, string target, IReadOnlyCollection<string> own)
    {
        var there = new DirectoryInfo(path);
        if (there.LinkTarget is { } known)
        {
            if (own.Contains(Path.GetFileName(known)) && System.IO.Directory.Exists(Path.GetFullPath(known, Path.GetDirectoryName(path)!)))
            {
                return null;
            }

            there.Delete();
        }
        else if (there.Exists || File.Exists(path))
        {
            return new Refusal(
                RefusalCode.Conflict, $"mountpoint {path} contains something other than a symlink: move it away and try again");
        }

        MakeParents(Path.GetDirectoryName(path)!);
        System.IO.Directory.CreateSymbolicLink(path, target);
        return null;
    }

    private static void MakeParents(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            System.IO.Directory.CreateDirectory(path);
        }
        else
        {
            System.IO.Directory.CreateDirectory(path, OwnerOnly);
        }
    }

    private static Refusal? Subdot(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            System.IO.Directory.CreateDirectory(path);
            return Planted(path);
        }

        // mkdir and not Directory.CreateDirectory: it tells whether this call made it, and never follows a link
        var made = Native.MakeDirectory(path, 0x1FF) == 0;
        if (Planted(path) is { } planted)
        {
            return planted;
        }

        // the mode of mkdir is cut by the umask; what was there before keeps its mode
        return made && Native.ChangeMode(path) != 0
            ? new Refusal(RefusalCode.Storage, $"could not set the mode of {path}: {Marshal.GetLastPInvokeErrorMessage()}")
            : null;
    }

    private static Refusal? Planted(string path)
    {
        var directory = new DirectoryInfo(path);
        return directory.Exists && directory.LinkTarget is null
            ? null
            : new Refusal(
                RefusalCode.Conflict, $"subdot {Path.GetFileName(path)} cannot be used: {path} is not a directory of the dot");
    }

    private static partial class Native
    {
        private const int CurrentDirectory = -100;
        private const int NoFollow = 0x100;
        private const int MacCurrentDirectory = -2;
        private const int MacNoFollow = 0x20;

        [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int MakeDirectory(string path, uint mode);

        [LibraryImport("libc", EntryPoint = "rename", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static partial int Rename(string from, string to);

        public static int ChangeMode(string path) => OperatingSystem.IsMacOS()
            ? ChangeModeAt(MacCurrentDirectory, path, 0x1FF, MacNoFollow)
            : ChangeModeAt(CurrentDirectory, path, 0x1FF, NoFollow);

        [LibraryImport("libc", EntryPoint = "fchmodat", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        private static partial int ChangeModeAt(int directory, string path, uint mode, int flags);
    }
}
