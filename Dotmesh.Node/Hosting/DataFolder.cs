using Dotmesh.Node.Access;

namespace Dotmesh.Node.Hosting;

/// <summary>The folder of everything a node stores, held by one process at a time until disposed.</summary>
public sealed class DataFolder : IDisposable
{
    private readonly FileStream _lock;

    private DataFolder(FileStream held) => _lock = held;

    /// <summary>Makes the folder if needed and takes its lock, which the system frees however this process ends.</summary>
    public static DataFolder Hold(string path)
    {
        try
        {
            PrivateFile.MakeFolder(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, failure);
        }

        var file = Path.Join(path, "node.lock");
        try
        {
            return new DataFolder(new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None));
        }
        catch (IOException inUse) when (File.Exists(file) && inUse is not FileNotFoundException)
        {
            throw new StartFailureException(
                $"Another node is using the data folder {path}: stop it, or choose another folder with --node:datafolder=PATH "
                + "(and other ports).",
                inUse);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw Unusable(path, failure);
        }
    }

    public void Dispose() => _lock.Dispose();

    private static StartFailureException Unusable(string path, Exception failure) => new(
        $"The data folder {path} cannot be written ({failure.Message}): give this user the right to, or choose another folder "
        + "with --node:datafolder=PATH.",
        failure);
}
