using System.Globalization;
using MudBlazor;

namespace Dotmesh.WebConsole.Parts;

internal static class Confirmations
{
    private static readonly DialogOptions Options = new() { CloseOnEscapeKey = true, MaxWidth = MaxWidth.Small, FullWidth = true };

    /// <summary>On how many nodes something is to be kept; null when it was left, or is no number, which is told.</summary>
    public static async Task<int?> AskedCopies(this IDialogService dialogs, ISnackbar said, string title, string what)
    {
        var typed = await dialogs.Asked(
            title,
            $"On how many nodes {what} is kept, the controlling one included; 0 is what the cluster's option says. Missing copies are made; those that are there already stay.",
            "Copies", "Set");
        if (typed is null)
        {
            return null;
        }

        if (int.TryParse(typed, CultureInfo.InvariantCulture, out var copies))
        {
            return copies;
        }

        said.Add($"'{typed}' is not a number.", Severity.Error);
        return null;
    }

    /// <summary>True when the name was typed and the action chosen.</summary>
    public static async Task<bool> Typed(this IDialogService dialogs, string title, string lost, string name, string action)
    {
        var parameters = new DialogParameters<TypedConfirmation>
        {
            { dialog => dialog.Title, title },
            { dialog => dialog.Lost, lost },
            { dialog => dialog.Name, name },
            { dialog => dialog.Action, action },
        };
        var shown = await dialogs.ShowAsync<TypedConfirmation>(title, parameters, Options);
        return await shown.Result is { Canceled: false };
    }

    /// <summary>Shows names and values, until it is closed.</summary>
    public static async Task Facts(this IDialogService dialogs, string title, IReadOnlyList<(string Name, string Value)> items)
    {
        var parameters = new DialogParameters<Facts> { { dialog => dialog.Title, title }, { dialog => dialog.Items, items } };
        var shown = await dialogs.ShowAsync<Facts>(title, parameters, Options);
        await shown.Result;
    }

    /// <summary>What was typed; null when it was left.</summary>
    public static async Task<string?> Asked(this IDialogService dialogs, string title, string text, string label, string action)
    {
        var parameters = new DialogParameters<Question>
        {
            { dialog => dialog.Title, title },
            { dialog => dialog.Text, text },
            { dialog => dialog.Label, label },
            { dialog => dialog.Action, action },
        };
        var shown = await dialogs.ShowAsync<Question>(title, parameters, Options);
        return await shown.Result is { Canceled: false, Data: string typed } ? typed : null;
    }
}
