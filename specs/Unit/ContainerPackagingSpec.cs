using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Dotmesh.Node.Options;
using Dotmesh.Specs.Support;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Dotmesh.Specs.Unit;

/// <summary>What is wrong in files for Docker is found out late, by somebody else.</summary>
public sealed partial class ContainerPackagingSpec
{
    private const string Data = "${DOTMESH_DATA:-/var/lib/dotmesh/data}";

    [SkippableTheory]
    [InlineData("docker-compose.yml")]
    [InlineData("docker-compose.plugin.yml")]
    [InlineData("packaging/docker-plugin/config.json")]
    [InlineData("Dotmesh.Node/Dockerfile")]
    public void Every_variable_is_an_option_of_the_node(string file)
    {
        var named = Variable().Matches(Read(file)).Select(match => match.Value).Distinct().ToList();

        Assert.NotEmpty(named);
        Assert.All(named, variable => Assert.NotNull(OptionTable.Find(variable["DOTMESH__".Length..].Replace("__", ":", StringComparison.Ordinal))));
    }

    [SkippableFact]
    public void The_plugin_is_added_to_nodes_of_the_cluster_and_all_of_them_run_as_root()
    {
        var cluster = Services("docker-compose.yml");
        var added = Services("docker-compose.plugin.yml");

        Assert.Equal(["node1", "node2", "node3", "zfs1"], added.Children.Keys.Select(name => $"{name}").Order(StringComparer.Ordinal));
        Assert.All(added.Children.Keys, name => Assert.True(cluster.Children.ContainsKey(name)));
        Assert.All(added.Children.Values.Cast<YamlMappingNode>(), service => Assert.Equal("0", $"{Own(service)["user"]}"));
    }

    [SkippableFact]
    public void The_engine_finds_data_and_socket_of_the_plugin_where_the_node_has_them()
    {
        var plugin = Yaml("docker-compose.plugin.yml")["x-plugin"];
        var volumes = ((YamlSequenceNode)plugin["volumes"]).Children;
        var data = Assert.Single(volumes.OfType<YamlMappingNode>());

        Assert.Equal((Data, Data, "rshared"), ($"{data["source"]}", $"{data["target"]}", $"{data["bind"]["propagation"]}"));
        Assert.Equal(Data, $"{plugin["environment"]["DOTMESH__NODE__DATAFOLDER"]}");
        Assert.Equal("/run/docker/plugins/${DOTMESH_DRIVER:-dm}.sock", $"{plugin["environment"]["DOTMESH__DOCKER__PLUGINSOCKET"]}");
        Assert.Contains("/run/docker/plugins:/run/docker/plugins", volumes.Select(volume => $"{volume}"));
        Assert.Contains($"{new DockerOptions().EngineSocket}:{new DockerOptions().EngineSocket}", volumes.Select(volume => $"{volume}"));
    }

    [SkippableFact]
    public void A_managed_plugin_keeps_all_it_has_below_its_propagated_mount()
    {
        var config = JsonNode.Parse(Read("packaging/docker-plugin/config.json"))!;
        var values = ((JsonArray)config["env"]!).ToDictionary(entry => (string)entry!["name"]!, entry => (string)entry!["value"]!, StringComparer.Ordinal);
        var options = new DockerOptions();

        Assert.All(
            ["HOME", "DOTMESH__NODE__CONFIGFOLDER", "DOTMESH__NODE__DATAFOLDER"],
            name => Assert.StartsWith((string)config["propagatedMount"]!, values[name], StringComparison.Ordinal));
        Assert.Equal(Path.GetFileName(options.PluginSocket), (string?)config["interface"]!["socket"]);
        Assert.Equal(options.EngineSocket, (string?)config["mounts"]![0]!["destination"]);
        Assert.EndsWith(":latest", values["DOTMESH__DOCKER__DRIVER"], StringComparison.Ordinal);
        Assert.Equal("127.0.0.1", values["DOTMESH__LISTEN__ADDRESS"]);
    }

    [SkippableFact]
    public void The_entry_of_a_managed_plugin_is_that_of_the_image()
    {
        var entry = JsonNode.Parse(Read("packaging/docker-plugin/config.json"))!["entrypoint"]!;

        Assert.Contains($"ENTRYPOINT [{string.Join(", ", ((JsonArray)entry).Select(word => $"\"{word}\""))}]", Read("Dotmesh.Node/Dockerfile"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_database_of_the_example_is_in_a_dot()
    {
        var example = Yaml("examples/notes/docker-compose.yml");

        Assert.Equal("${DOTMESH_DRIVER:-dm}", $"{example["volumes"]["data"]["driver"]}");
        Assert.Equal("data:/var/lib/postgresql/data", $"{example["services"]["database"]["volumes"][0]}");
    }

    /// <summary>The service, or what it is made of where it says no more than what it adds.</summary>
    private static YamlNode Own(YamlMappingNode service) => service.Children.TryGetValue("<<", out var merged) ? merged : service;

    private static YamlMappingNode Services(string file) => (YamlMappingNode)Yaml(file)["services"];

    private static YamlNode Yaml(string file)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(Read(file)));
        return yaml.Documents[0].RootNode;
    }

    private static string Read(string file)
    {
        using var folder = new ScratchFolder();
        return File.ReadAllText(folder.Checkout(file));
    }

    [GeneratedRegex("DOTMESH__[A-Z]+__[A-Z]+", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex Variable();
}
