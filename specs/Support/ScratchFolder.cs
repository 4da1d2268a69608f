using Dotmesh.Actors.Storage.Zfs;
using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>A folder of a spec's own, removed at its end.</summary>
public sealed class ScratchFolder : IDisposable
{
    public ScratchFolder() => Path = Directory.CreateTempSubdirectory("dotmesh-spec-").FullName;

    public string Path { get; }

    /// <summary>A file of the checkout that the specs were built from; skips the spec where there is none.</summary>
    public string Checkout(string file)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(System.IO.Path.Combine(folder.FullName, "Dotmesh.slnx")))
            {
                return System.IO.Path.Combine(folder.FullName, file);
            }
        }

        Skip.If(true, "the specs run without their sources");
        return string.Empty;
    }

    /// <summary>Takes off first what a node that was killed left mounted below it.</summary>
    public void Dispose()
    {
        // a view of a commit is mounted twice at its place
        for (var mounted = Mounted(); mounted.Count > 0; mounted = Mounted())
        {
            foreach (var mount in mounted)
            {
                SystemMounts.Unmount(mount, detach: true);
            }
        }

        Directory.Delete(Path, recursive: true);
    }

    private List<string> Mounted() =>
        [.. SystemMounts.Read().Keys.Where(at => at.StartsWith(Path + "/", StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal)];
}
