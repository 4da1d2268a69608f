using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>The table of dots as one works with it: what is shown, in which order, and what is chosen of it.</summary>
public sealed class DotTable
{
    private readonly HashSet<DotName> _chosen = [];
    private DotFilter _filter = new();

    public IReadOnlyList<DotRow> All { get; private set; } = [];

    public IList<DotRow> Shown { get; private set; } = [];

    public DotOrder Order { get; private set; }

    public bool Descending { get; private set; }

    /// <summary>By name; only dots that are there.</summary>
    public IReadOnlyList<DotName> Chosen => [.. _chosen.OrderBy(dot => dot.ToString(), StringComparer.Ordinal)];

    public IEnumerable<string> Namespaces => All.Select(row => row.Name.Namespace).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    public IEnumerable<string> Nodes => All.Select(row => row.Node).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    public IEnumerable<string> States => All.Select(row => row.State).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal);

    public bool AllShownAreChosen => Shown.Count > 0 && Shown.All(row => _chosen.Contains(row.Name));

    /// <summary>Read anew; what is gone is chosen no more.</summary>
    public void Load(IEnumerable<DotRow> rows)
    {
        All = [.. rows];
        _chosen.IntersectWith(All.Select(row => row.Name));
        Arrange();
    }

    public void Filter(DotFilter filter)
    {
        if (filter != _filter)
        {
            _filter = filter;
            Arrange();
        }
    }

    /// <summary>By this column; once more turns it round. Numbers begin with the largest.</summary>
    public void Sort(DotOrder order)
    {
        Descending = order == Order ? !Descending : order is DotOrder.Size or DotOrder.Dirty or DotOrder.Commits;
        Order = order;
        Arrange();
    }

    public bool IsChosen(DotRow row) => _chosen.Contains(row.Name);

    public void Choose(DotRow row, bool chosen) => _ = chosen ? _chosen.Add(row.Name) : _chosen.Remove(row.Name);

    /// <summary>All that the filter shows, or nothing.</summary>
    public void ChooseShown(bool chosen)
    {
        _chosen.Clear();
        if (chosen)
        {
            _chosen.UnionWith(Shown.Select(row => row.Name));
        }
    }

    /// <summary>What the deletion of the chosen ones takes away, in words.</summary>
    public string LostByDeleting()
    {
        var rows = All.Where(IsChosen).ToList();
        var used = rows.Count(row => row.Containers.Count > 0);
        return $"Gone for good, on all nodes, with all branches: {Texts.Count(rows.Count, "dot")}, {Texts.Count(rows.Sum(row => row.Commits), "commit")} of their master branches, "
            + $"{Texts.Size(rows.Sum(row => row.SizeBytes))}."
            + (used > 0 ? $" Used by containers, and refused therefore: {used}." : "");
    }

    private void Arrange() => Shown = [.. DotRows.Shown(All, _filter, Order, Descending)];
}
