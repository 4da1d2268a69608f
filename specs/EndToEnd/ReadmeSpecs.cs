using System.Text;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>The README's walk through the API, pasted into a shell as a newcomer would.</summary>
[Trait("Speed", "slow")]
public sealed class ReadmeSpecs
{
    [SkippableFact]
    public async Task The_walk_through_the_api_does_what_it_says()
    {
        using var folder = new ScratchFolder();
        await Walk(folder, new NodeSetup(folder.Path));
    }

    [SkippableFact]
    public async Task The_walk_through_the_api_does_the_same_on_ZFS()
    {
        Lanes.Require(Lanes.Zfs);
        using var folder = new ScratchFolder();
        await using var pool = await ZfsPool.Create();
        await Walk(folder, new NodeSetup(folder.Path, pool.Name));
    }

    private static async Task Walk(ScratchFolder folder, NodeSetup setup)
    {
        var readme = folder.Checkout("README.md");
        await using var node = await NodeProcess.Start(setup);
        var script = Commands(File.ReadAllText(readme))
            .Replace("127.0.0.1:6969", $"127.0.0.1:{node.Setup.ReferencePort}", StringComparison.Ordinal);
        Assert.Contains("Rollback", script, StringComparison.Ordinal);

        var walk = await ChildProcess.Run(
            "bash",
            ["-euo", "pipefail", "-c", script],
            new Dictionary<string, string?> { ["HOME"] = node.Setup.Home },
            folder.Path);

        Assert.True(walk.ExitCode == 0, $"{walk}\n{node.Log}");
        var seen = walk.Output.Split('\n').Where(line => line.EndsWith("apple", StringComparison.Ordinal)
            || line.EndsWith("apples", StringComparison.Ordinal));
        Assert.Equal(["one apple", "two apples", "one apple", "one apple"], seen);
    }

    private static string Commands(string markdown)
    {
        var commands = new StringBuilder();
        var inside = false;
        foreach (var line in markdown.Split('\n'))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                inside = line == "```bash";
            }
            else if (inside)
            {
                commands.Append(line).Append('\n');
            }
        }

        return commands.ToString();
    }
}
