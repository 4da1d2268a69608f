using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>A dot in the table.</summary>
public sealed record DotRow(
    DotName Name, string Id, string Node, string State, long SizeBytes, long DirtyBytes, int Commits, IReadOnlyList<string> Containers)
{
    /// <summary>Path of its page.</summary>
    public string Link => Links.Dot(Name);

    public static DotRow Of(DotListing listing) => new(
        listing.Volume.Name, listing.Volume.Id, listing.Volume.Master,
        listing.Volume.ServerStates?.GetValueOrDefault(listing.Volume.Master) ?? "unknown",
        listing.Volume.SizeBytes, listing.Volume.DirtyBytes, listing.Volume.CommitCount,
        [.. (listing.Containers ?? []).Select(container => container.Name.TrimStart('/'))]);
}

/// <summary>What of the dots is to be seen.</summary>
/// <param name="Text">Part of the name, of the node's id or of a container's name; in any case.</param>
public sealed record DotFilter(string Text = "", string Namespace = "", string Node = "", bool InUse = false, bool Dirty = false)
{
    public bool Shows(DotRow row) =>
        (Namespace.Length == 0 || row.Name.Namespace == Namespace)
        && (Node.Length == 0 || row.Node == Node)
        && (!InUse || row.Containers.Count > 0)
        && (!Dirty || row.DirtyBytes > 0)
        && (Text.Length == 0 || Has(row.Name.ToString()) || Has(row.Node) || row.Containers.Any(Has));

    private bool Has(string text) => text.Contains(Text, StringComparison.OrdinalIgnoreCase);
}

public enum DotOrder
{
    Name,
    Size,
    Dirty,
    Commits,
    Node,
}

/// <summary>The table of dots: what is shown of all, and in which order. Pure.</summary>
public static class DotRows
{
    public static IReadOnlyList<DotRow> Shown(IEnumerable<DotRow> all, DotFilter filter, DotOrder order, bool descending)
    {
        var found = all.Where(filter.Shows);
        var sorted = (order, descending) switch
        {
            (DotOrder.Size, false) => found.OrderBy(row => row.SizeBytes),
            (DotOrder.Size, true) => found.OrderByDescending(row => row.SizeBytes),
            (DotOrder.Dirty, false) => found.OrderBy(row => row.DirtyBytes),
            (DotOrder.Dirty, true) => found.OrderByDescending(row => row.DirtyBytes),
            (DotOrder.Commits, false) => found.OrderBy(row => row.Commits),
            (DotOrder.Commits, true) => found.OrderByDescending(row => row.Commits),
            (DotOrder.Node, false) => found.OrderBy(row => row.Node, StringComparer.Ordinal),
            (DotOrder.Node, true) => found.OrderByDescending(row => row.Node, StringComparer.Ordinal),
            (_, false) => found.OrderBy(row => row.Name.ToString(), StringComparer.Ordinal),
            (_, true) => found.OrderByDescending(row => row.Name.ToString(), StringComparer.Ordinal),
        };
        return [.. sorted.ThenBy(row => row.Name.ToString(), StringComparer.Ordinal)];
    }
}
