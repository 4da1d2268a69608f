using System.ComponentModel;
using System.Diagnostics;

namespace Dotmesh.Cli.Running;

/// <summary>The one door to other programs: the pager, docker compose, a node.</summary>
internal static class Launch
{
    /// <exception cref="Win32Exception">There is no such program.</exception>
    public static Process Started(ProcessStartInfo start)
    {
#pragma warning disable RS0030 // this is the place
        return Process.Start(start)!;
#pragma warning restore RS0030
    }

    /// <summary>A program that has to be there. Its stdout is to be read, its stdin is empty.</summary>
    /// <param name="quiet">What it says on stderr is of no interest.</param>
    public static Process Program(string program, string[] arguments, bool quiet = false)
    {
        try
        {
            var process = Started(new ProcessStartInfo(program, arguments)
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = quiet,
                UseShellExecute = false,
            });
            process.StandardInput.Close();
            if (quiet)
            {
                process.BeginErrorReadLine();
            }

            return process;
        }
        catch (Win32Exception absent)
        {
            throw new CommandFailure(ExitCodes.Error, $"{program} cannot be started: {absent.Message}");
        }
    }
}
