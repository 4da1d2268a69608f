using System.Diagnostics;
using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Output;

/// <summary>Shows what is longer than the terminal in the user's pager.</summary>
internal static class Pager
{
    public static async Task Show(Run run, string text)
    {
        var terminal = run.Terminal;
        var pager = Environment.GetEnvironmentVariable("DM_PAGER") ?? Environment.GetEnvironmentVariable("PAGER") ?? "less";
        var fits = text.AsSpan().Count('\n') < terminal.Height;
        if (!terminal.OutIsTerminal || fits || pager.Trim() is "" or "cat" || !await Paged(pager, text))
        {
            terminal.Out.Write(text);
        }
    }

    /// <summary>False: there is no such program.</summary>
    private static async Task<bool> Paged(string pager, string text)
    {
        var words = pager.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var start = new ProcessStartInfo(words[0], words[1..]) { RedirectStandardInput = true, UseShellExecute = false };
        // quit when it fits, keep colours, leave the text on the screen: as git asks less to
        start.Environment.TryAdd("LESS", "FRX");
        try
        {
            using var process = Launch.Started(start);
            Interrupts.LeaveToOther(true);
            try
            {
                await process.StandardInput.WriteAsync(text);
                process.StandardInput.Close();
            }
            catch (IOException)
            {
                // the pager was left before its end
            }

            await process.WaitForExitAsync(CancellationToken.None);
            Interrupts.LeaveToOther(false);
            return true;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
