using System.Runtime.InteropServices;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Directory;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dotmesh.Specs.Storage;

/// <summary>The contract on the <c>directory</c> driver.</summary>
public sealed partial class DirectoryStorageSpec : StorageContract
{
    private readonly TemporaryPools _pools = new();

    protected override async Task<IStorage> Open() => await _pools.Open("pool", Faults);

    protected override async Task<IStorage> OpenAnother() => await _pools.Open($"other-{Guid()}", new Faults());

    protected override async Task<IStorage?> OpenSmall(long bytes)
    {
        var name = $"small-{Guid()}";
        return _pools.TryMakeSmall(name, bytes) ? await _pools.Open(name, Faults) : null;
    }

    protected override IReadOnlyList<string> FaultPointsOf(string operation) => operation switch
    {
        "create" => ["directory.create.after-build", "directory.create.after-mount", "directory.create.after-publish"],
        "commit" =>
        [
            "directory.commit.after-intent", "directory.commit.after-objects", "directory.commit.after-manifest",
            "directory.commit.after-record", "directory.commit.after-index",
        ],
        "branch" =>
        [
            "directory.branch.after-objects", "directory.branch.after-build", "directory.branch.after-mount",
            "directory.branch.after-publish",
        ],
        "rollback" or "rollback-with-branch" =>
        [
            "directory.rollback.after-intent", "directory.rollback.after-promotion",
            "directory.rollback.after-restore", "directory.rollback.after-log",
        ],
        "stash" =>
        [
            "directory.stash.after-build", "directory.stash.after-intent", "directory.stash.after-move",
            "directory.stash.after-successor", "directory.stash.after-labels", "directory.stash.after-mount",
        ],
        "destroy" => ["directory.destroy.after-unmount", "directory.destroy.after-move"],
        "receive" or "receive-on-base" =>
        [
            "directory.receive.after-begin", "directory.receive.after-commit", "directory.receive.after-restore",
        ],
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "No such operation"),
    };

    protected override bool CommitViewsKeepWriteBits => false;

    protected override Task CleanUp()
    {
        _pools.Dispose();
        return Task.CompletedTask;
    }

    private static string Guid() => new RandomIds().NewId();
}

/// <summary>Folders for pools of one spec; removed at its end. Small ones are file systems in memory (needs root).</summary>
internal sealed partial class TemporaryPools : IDisposable
{
    private readonly List<string> _mounted = [];

    internal string Root { get; } = Path.Combine(Path.GetTempPath(), $"dotmesh-directory-{new RandomIds().NewId()}");

    internal string PathOf(string name) => Path.Combine(Root, name);

    internal Task<DirectoryStorage> Open(string name, Faults faults) => DirectoryStorage.Open(
        new DirectoryStorageOptions { Root = PathOf(name) },
        faults,
        TimeProvider.System,
        NullLoggerFactory.Instance,
        CancellationToken.None);

    internal bool TryMakeSmall(string name, long bytes)
    {
        var path = PathOf(name);
        System.IO.Directory.CreateDirectory(path);
        if (Mount("tmpfs", path, "tmpfs", 0, $"size={bytes}") != 0)
        {
            return false;
        }

        _mounted.Add(path);
        return true;
    }

    /// <summary>What is mounted below one is mounted below the other, too.</summary>
    internal bool TryMakeShared(string name, string other)
    {
        const ulong Bind = 0x1000, Shared = 1 << 20;
        var (path, beside) = (PathOf(name), PathOf(other));
        System.IO.Directory.CreateDirectory(path);
        System.IO.Directory.CreateDirectory(beside);
        _mounted.AddRange([beside, path]);
        return Mount(path, path, "", Bind, "") == 0 && Mount("", path, "", Shared, "") == 0 && Mount(path, beside, "", Bind, "") == 0;
    }

    public void Dispose()
    {
        foreach (var path in _mounted)
        {
            _ = Unmount(path, 2);
        }

        if (System.IO.Directory.Exists(Root))
        {
            using var parent = Dotmesh.Actors.Storage.Posix.Handle.OpenDirectory(Path.GetDirectoryName(Root)!);
            Dotmesh.Actors.Storage.Posix.TreeRemoval.Remove(
                parent, System.Text.Encoding.UTF8.GetBytes(Path.GetFileName(Root)), CancellationToken.None);
        }
    }

    [LibraryImport("libc", EntryPoint = "mount", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Mount(string source, string target, string type, ulong flags, string data);

    [LibraryImport("libc", EntryPoint = "umount2", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Unmount(string target, int flags);
}
