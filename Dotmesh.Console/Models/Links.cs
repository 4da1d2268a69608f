using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>Addresses of pages, below the console's root. They stay what they are: people keep them.</summary>
public static class Links
{
    public static string Dot(DotName dot) => $"dots/{Uri.EscapeDataString(dot.Namespace)}/{Uri.EscapeDataString(dot.Name)}";

    public static string Operation(string id) => $"operations/{Uri.EscapeDataString(id)}";

    public static string User(string id) => $"users/{Uri.EscapeDataString(id)}";

    public static string DotsIn(string @namespace) => $"dots?namespace={Uri.EscapeDataString(@namespace)}";

    public static string DotsOf(string node) => $"dots?node={Uri.EscapeDataString(node)}";
}
