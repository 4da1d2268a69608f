using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Space taken before an operation's point of no return and let go of right at it, so that the small steps after that
/// point (a log, a description, new folders) find room in a pool that is otherwise full.
/// </summary>
internal sealed class Ballast : IDisposable
{
    /// <summary>Enough for the descriptions and folder blocks of an ordinary operation.</summary>
    internal const long Small = 64 * 1024;

    private readonly string _path;

    private Ballast(string path) => _path = path;

    /// <param name="folder">A folder of the pool that is emptied after a crash.</param>
    /// <param name="bytes">What the steps to come may need.</param>
    internal static Ballast Hold(string folder, long bytes)
    {
        var ballast = new Ballast($"{folder}/ballast");
        try
        {
            using var file = Handle.Open(ballast._path, Linux.WriteOnly | Linux.Create | Linux.Truncate, 0x180);
            file.Allocate(bytes, ballast._path);
            return ballast;
        }
        catch
        {
            ballast.Dispose();
            throw;
        }
    }

    /// <summary>Lets the space go.</summary>
    public void Dispose() => PoolFiles.Remove(_path);
}
