using MudBlazor;

namespace Dotmesh.WebConsole.Layout;

/// <summary>Colours and letters, in one place. Text on each of them has at least the contrast of WCAG AA.</summary>
internal static class ConsoleTheme
{
    private static readonly string[] Letters = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif"];

    public static readonly MudTheme Theme = new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#2b4c9b",
            Secondary = "#0b6b5c",
            AppbarBackground = "#1f2a44",
            AppbarText = "#ffffff",
            Background = "#f6f7f9",
            Surface = "#ffffff",
            DrawerBackground = "#ffffff",
            DrawerText = "#1f2a44",
            DrawerIcon = "#44506b",
            TextPrimary = "#1b2233",
            TextSecondary = "#4a5468",
            Success = "#1b6e3c",
            Warning = "#8a5300",
            Error = "#b3261e",
            Info = "#1d5fa8",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#9db8ff",
            PrimaryContrastText = "#10151f",
            ErrorContrastText = "#10151f",
            Secondary = "#6fd3c0",
            AppbarBackground = "#10151f",
            AppbarText = "#eef2fa",
            Background = "#151a24",
            Surface = "#1d2430",
            DrawerBackground = "#1a202b",
            DrawerText = "#dbe2f0",
            DrawerIcon = "#a9b4c8",
            TextPrimary = "#e8edf6",
            TextSecondary = "#b3bccd",
            Success = "#7fd79b",
            Warning = "#f2b866",
            Error = "#ff9c94",
            Info = "#8fc1ff",
        },
        Typography = new Typography { Default = new DefaultTypography { FontFamily = Letters } },
    };
}
