using System.Text.Json.Nodes;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Cli;

/// <summary>What happened, and the options of a node, as they are typed for.</summary>
[Trait("Speed", "slow")]
public sealed class DmHistorySpec : OneClusterSpec
{
    [Fact]
    public async Task What_happened_to_a_dot_and_to_the_cluster_is_told_newest_first()
    {
        await Dm.Says("init", "apples");
        var commit = await Dm.Says("commit", "-m", "One apple");
        await Dm.Says("init", "pears");

        var lines = (await Dm.Says("dot", "history", "apples")).Split('\n');
        Assert.Matches("^ *WHEN +BY +EVENT +BRANCH +COMMIT +WHAT$", lines[0]);
        Assert.Matches($"admin +committed +master +{commit} +One apple$", lines[1]);
        Assert.Contains("created", lines[2], StringComparison.Ordinal);
        var only = Assert.Single((JsonArray)JsonNode.Parse(await Dm.Says("dot", "history", "-n", "1", "-o", "json", "apples"))!)!;
        Assert.Equal(("committed", 2, "admin/apples"), ((string?)only["event"], (int)only["sequence"]!, (string?)only["dot"]));

        var all = (await Dm.Says("cluster", "history")).Split('\n');
        Assert.Matches("^ *WHEN +BY +DOT +EVENT", all[0]);
        Assert.Matches("admin +pears +created", all[1]);
        Assert.Matches("admin +apples +committed", all[2]);
        Assert.Contains("No such filesystem named 'admin/plums'", await Dm.Fails(3, "dot", "history", "plums"), StringComparison.Ordinal);
        Assert.Contains("No such intercluster transfer", await Dm.Fails(3, "transfers", "log", "of-nobody"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_options_of_a_node_are_told_with_where_they_come_from()
    {
        var settings = (JsonArray)JsonNode.Parse(await Dm.Says("node", "settings", "-o", "json"))!;
        var port = Assert.Single(settings, setting => (string?)setting!["name"] == "Listen:ReferencePort")!;
        Assert.Equal(($"{Node.Setup.ReferencePort}", "DOTMESH__LISTEN__REFERENCEPORT"), ((string?)port["value"], (string?)port["source"]));
        Assert.Contains("Admin:InitialPassword", await Dm.Says("node", "settings", "-o", "name"), StringComparison.Ordinal);
        Assert.Equal("up", (string?)JsonNode.Parse(await Dm.Says("node", "ls", "-o", "jsonl"))!["database"]);
    }
}
