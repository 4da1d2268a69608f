using Dotmesh.Client;
using MudBlazor;

namespace Dotmesh.WebConsole.Parts;

internal static class Changes
{
    /// <summary>Does what somebody asked for by a click; when the API refuses, its words are shown, with the id that finds them in the log.</summary>
    public static async Task Try(this ISnackbar said, Func<Task> what)
    {
        try
        {
            await what();
        }
        catch (DotmeshException failure)
        {
            said.Add(failure.RequestId is { } id ? $"{failure.Message} (request {id})" : failure.Message, Severity.Error);
        }
    }
}
