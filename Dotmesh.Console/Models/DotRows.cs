using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>A dot in the table.</summary>
public sealed record DotRow(
    DotName Name, string Id, string Node, string State, long SizeBytes, long DirtyBytes, int Commits, IReadOnlyList<string> Containers,
    IReadOnlyList<CopyState> Copies)
{
    /// <summary>How many commits the copy that is furthest behind lacks; 0: there is none.</summary>
    public int Lag => Copies.Where(copy => copy.Node != Node).Select(copy => Commits - copy.Commits).DefaultIfEmpty(0).Max();

    /// <summary>Path of its page.</summary>
    public string Link => Links.Dot(Name);

    public static DotRow Of(DotListing listing) => new(
        listing.Volume.Name, listing.Volume.Id, listing.Volume.Master,
        listing.Volume.ServerStates?.GetValueOrDefault(listing.Volume.Master) ?? "unknown",
        listing.Volume.SizeBytes, listing.Volume.DirtyBytes, listing.Volume.CommitCount,
        [.. (listing.Containers ?? []).Select(container => container.PlainName)],
        CopyState.Of(listing.Volume));
}

/// <summary>A copy of a dot.</summary>
/// <param name="State"><c>active</c>, <c>inactive</c>, <c>failed</c>, <c>unknown</c>.</param>
public sealed record CopyState(string Node, string State, int Commits)
{
    /// <summary>Where a dot is, by what its nodes say of themselves (contract 3.1: <c>waiting, 3 commits</c>); a node without a copy is left out.</summary>
    public static IReadOnlyList<CopyState> Of(DotBranch dot)
    {
        var copies = new List<CopyState>();
        foreach (var (node, state) in dot.ServerStates ?? [])
        {
            if (state != "missing")
            {
                copies.Add(new CopyState(node, state, CommitsIn(dot.ServerStatuses?.GetValueOrDefault(node)) ?? (state == "unknown" ? dot.CommitCount : 0)));
            }
        }

        return copies;
    }

    private static int? CommitsIn(string? status) =>
        status?.Split(", ")[^1].Split(' ') is [var count, "commits" or "commit"] && int.TryParse(count, out var commits) ? commits : null;
}

/// <summary>What of the dots is to be seen.</summary>
/// <param name="Text">Part of the name, of the node's id or of a container's name; in any case.</param>
public sealed record DotFilter(
    string Text = "", string Namespace = "", string Node = "", bool InUse = false, bool Dirty = false, string State = "", bool Behind = false)
{
    public bool Shows(DotRow row) =>
        (Namespace.Length == 0 || row.Name.Namespace == Namespace)
        && (Node.Length == 0 || row.Node == Node)
        && (State.Length == 0 || row.State == State)
        && (!Behind || row.Lag > 0)
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
