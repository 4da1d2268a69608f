using System.Globalization;
using Dotmesh.Client;

namespace Dotmesh.WebConsole.Models;

/// <summary>Sizes of a branch's commits as a line, oldest to the left, from zero up. Pure.</summary>
/// <param name="Line">Points of an SVG line in a box of <see cref="Width"/> by <see cref="Height"/>.</param>
/// <param name="Area">Points of what is below it.</param>
/// <param name="First">Bytes at the oldest commit.</param>
public sealed record SizeChart(string Branch, int Count, string Line, string Area, long First, long Last, long Largest)
{
    public const int Width = 600;
    public const int Height = 100;

    /// <summary>More points than that cannot be told apart.</summary>
    private const int MostPoints = 300;

    /// <summary>Null: there is no line with fewer than two sizes.</summary>
    public static SizeChart? Of(BranchHistory branch, IReadOnlyDictionary<string, long> sizes)
    {
        var known = branch.Commits.Where(commit => sizes.ContainsKey(commit.Id)).Select(commit => sizes[commit.Id]).ToList();
        if (known.Count < 2)
        {
            return null;
        }

        var largest = Math.Max(1, known.Max());
        var shown = Thinned(known);
        var line = string.Join(' ', shown.Select((size, at) => string.Create(
            CultureInfo.InvariantCulture, $"{1.0 * Width * at / (shown.Count - 1):0.#},{Height - (1.0 * Height * size / largest):0.#}")));
        return new SizeChart(
            branch.Branch.BranchName, known.Count, line, $"0,{Height} {line} {Width},{Height}", known[0], known[^1], known.Max());
    }

    /// <summary>The largest of each stretch; the first and the last stay what they are.</summary>
    private static List<long> Thinned(List<long> sizes)
    {
        if (sizes.Count <= MostPoints)
        {
            return sizes;
        }

        var stretch = (sizes.Count + MostPoints - 1) / MostPoints;
        return [sizes[0], .. sizes.Skip(1).SkipLast(1).Chunk(stretch).Select(part => part.Max()), sizes[^1]];
    }
}
