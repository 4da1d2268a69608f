using System.Text.RegularExpressions;
using Dotmesh.Actors;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>The list of fault points that can be armed, and the points in the sources.</summary>
public sealed partial class FaultPointNamesSpec
{
    [Theory]
    [InlineData("commit.after-storage", null)]
    [InlineData("PartialFailDelete", null)]
    [InlineData("directory.commit.after-intent", null)]
    [InlineData("Commit.After-Storage", "Unknown fault point Commit.After-Storage. Did you mean commit.after-storage?")]
    [InlineData("", "Unknown fault point . Dotmesh.Actors/FaultPoints.cs has them all.")]
    public void A_name_that_nothing_hits_is_refused(string name, string? text) => Assert.Equal(text, FaultPoints.CheckName(name));

    [SkippableFact]
    public void Every_point_that_a_storage_driver_has_is_in_the_list_and_the_other_way_round()
    {
        using var folder = new ScratchFolder();
        var sources = Directory.GetFiles(folder.Checkout("Dotmesh.Actors/Storage"), "*.cs", SearchOption.AllDirectories)
            .Select(File.ReadAllText).ToList();

        var hit = sources.SelectMany(file => Point().Matches(file).SelectMany(point => Names(point, file, sources)));

        Assert.Equal(hit.Distinct().Order(StringComparer.Ordinal), FaultPoints.Storage.Order(StringComparer.Ordinal));
    }

    /// <summary>Some names are put together from the operation, which the callers of the method say.</summary>
    private static IEnumerable<string> Names(Match point, string file, List<string> sources)
    {
        var name = point.Groups["name"].Value;
        if (!name.Contains('{', StringComparison.Ordinal))
        {
            return [name];
        }

        Assert.Contains("{operation}", name, StringComparison.Ordinal);
        var method = Composing().Matches(file).Last(match => match.Index < point.Index).Groups["method"].Value;
        var calls = new Regex($"\\b{method}\\([^;{{]*?\"(?<operation>[a-z.]+)\"", RegexOptions.None, TimeSpan.FromSeconds(1));
        return sources.SelectMany(source => calls.Matches(source))
            .Select(call => name.Replace("{operation}", call.Groups["operation"].Value, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"Hit\(\$?""(?<name>[^""]+)""\)", RegexOptions.None, 1000)]
    private static partial Regex Point();

    [GeneratedRegex(@"\b(?<method>\w+)\([^)]*\bstring operation\b", RegexOptions.None, 1000)]
    private static partial Regex Composing();
}
