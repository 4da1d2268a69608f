using System.Diagnostics;

namespace Dotmesh.Cli.Running;

/// <summary>The one door to other programs: the pager, docker compose, a node.</summary>
internal static class Launch
{
    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static Process Started(ProcessStartInfo start)
    {
#pragma warning disable RS0030 // this is the place
        return Process.Start(start)!;
#pragma warning restore RS0030
    }
}
