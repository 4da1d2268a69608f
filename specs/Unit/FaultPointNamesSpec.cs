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
        var source = string.Concat(
            Directory.GetFiles(folder.Checkout("Dotmesh.Actors/Storage"), "*.cs", SearchOption.AllDirectories).Select(File.ReadAllText));
        var literal = Point().Matches(source).Select(match => match.Groups["name"].Value)
            .Where(name => !name.Contains('{', StringComparison.Ordinal)).ToHashSet(StringComparer.Ordinal);

        Assert.Empty(literal.Except(FaultPoints.Storage));

        // some names are put together from the operation: their last part stands in the source
        Assert.All(
            FaultPoints.Storage.Except(literal),
            name => Assert.Contains($"}}.{name[(name.LastIndexOf('.') + 1)..]}\"", source, StringComparison.Ordinal));
    }

    [GeneratedRegex(@"Hit\(\$?""(?<name>[^""]+)""\)", RegexOptions.None, 1000)]
    private static partial Regex Point();
}
