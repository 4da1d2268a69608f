using System.Text;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>The README's walks, pasted into a shell as a newcomer would.</summary>
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

    [SkippableFact]
    public async Task The_walk_with_dm_does_what_it_says()
    {
        using var folder = new ScratchFolder();
        var (home, first, second) = (Path.Combine(folder.Path, "home"), Ports(), Ports());
        Directory.CreateDirectory(home);
        var script = Commands(File.ReadAllText(folder.Checkout("README.md")), "```shell")
            .Replace("dm cluster init\n", $"dm cluster init --port {first.Reference} --client-port {first.Client}\n", StringComparison.Ordinal)
            .Replace("6979", $"{second.Reference}", StringComparison.Ordinal).Replace("32617", $"{second.Client}", StringComparison.Ordinal)
            .Replace("32607", $"{first.Client}", StringComparison.Ordinal)
            .Replace("cluster init", $"cluster init --node '{new NodeSetup(folder.Path).NodeDll}'", StringComparison.Ordinal);
        var before = $$"""
            {{Dm.ShellFunction}}
            stop() { dm cluster stop; dm -c ~/second/config cluster stop; }
            trap stop EXIT

            """;

        var walk = await ChildProcess.Run(
            "bash", ["-euo", "pipefail", "-c", before + script], new Dictionary<string, string?> { ["HOME"] = home }, folder.Path, TimeSpan.FromMinutes(5));

        Assert.True(walk.ExitCode == 0, $"{walk}");
        Assert.Equal(
            ["one apple", "one apple", "three pears"],
            walk.Output.Split('\n').Where(said => said is "one apple" or "none" or "three pears"));
        Assert.Equal(2, walk.Output.Split('\n').Count(said => said == "The node is stopped."));
        Assert.Contains("Pushing admin/apples to second:admin/apples", walk.Output, StringComparison.Ordinal);
        Assert.Contains("Pulling admin/apples from first:admin/apples", walk.Output, StringComparison.Ordinal);
    }

    private static (int Reference, int Client) Ports() => (FreePorts.Take(), FreePorts.Take());

    private static async Task Walk(ScratchFolder folder, NodeSetup setup)
    {
        var readme = folder.Checkout("README.md");
        await using var node = await NodeProcess.Start(setup);
        var script = Commands(File.ReadAllText(readme), "```bash")
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

    private static string Commands(string markdown, string fence)
    {
        var commands = new StringBuilder();
        var inside = false;
        foreach (var line in markdown.Split('\n'))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                inside = line == fence;
            }
            else if (inside)
            {
                commands.Append(line).Append('\n');
            }
        }

        return commands.ToString();
    }
}
