using System.Globalization;

namespace Dotmesh.Specs.Support;

/// <summary>What the environment says of specs that can run longer, or once more as before.</summary>
internal static class SpecSettings
{
    public static int Number(string name, int otherwise) =>
        int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : otherwise;
}
