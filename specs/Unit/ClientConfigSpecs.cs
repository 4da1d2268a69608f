using System.Text.Json.Nodes;
using Dotmesh.Actors;
using Dotmesh.Node.Access;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class ClientConfigSpecs
{
    private static readonly LocalRemote Local = new("admin", "127.0.0.1", 32607, "KEY");

    [Fact]
    public void A_first_config_has_the_one_remote_and_it_is_current() =>
        Assert.Equal(
            """{"CurrentRemote":"local","Remotes":{"local":{"User":"admin","Hostname":"127.0.0.1","Port":32607,"ApiKey":"KEY"}}}"""
            + "\n",
            ClientConfig.WithLocal(null, Local).Value);

    [Fact]
    public void An_existing_config_keeps_everything_but_how_the_local_node_is_reached()
    {
        const string Before = """
            {"CurrentRemote":"hub","Zebra":[1.50,{"x":null}],
             "Remotes":{"hub":{"User":"bob","ApiKey":"B&B+","Port":0},
                        "local":{"User":"old","CurrentVolume":"apples","CurrentBranches":{"apples":"b"},"ApiKey":"OLD"}},
             "S3Remotes":null}
            """;

        var after = JsonNode.Parse(ClientConfig.WithLocal(Before, Local).Value)!;

        var expected = JsonNode.Parse(Before)!;
        var local = expected["Remotes"]!["local"]!;
        local["User"] = "admin";
        local["Hostname"] = "127.0.0.1";
        local["Port"] = 32607;
        local["ApiKey"] = "KEY";
        Assert.True(JsonNode.DeepEquals(expected, after), after.ToJsonString());
        Assert.Contains("1.50", after.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("B&B+", ClientConfig.WithLocal(Before, Local).Value, StringComparison.Ordinal);
    }

    [Fact]
    public void A_config_that_says_it_already_stays_byte_for_byte()
    {
        const string Text = """{ "CurrentRemote": "x",  "Remotes": {"local": {"ApiKey":"KEY", "Port":32607, "Hostname":"127.0.0.1","User":"admin"}} }""";

        Assert.Same(Text, ClientConfig.WithLocal(Text, Local).Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData(" \n")]
    [InlineData("{}")]
    [InlineData("""{"CurrentRemote":"","Remotes":null}""")]
    [InlineData("""{"CurrentRemote":null}""")]
    public void An_empty_config_is_filled(string before)
    {
        var after = JsonNode.Parse(ClientConfig.WithLocal(before, Local).Value)!;

        Assert.Equal("local", (string?)after["CurrentRemote"]);
        Assert.Equal("KEY", (string?)after["Remotes"]!["local"]!["ApiKey"]);
    }

    [Theory]
    [InlineData("not json")]
    [InlineData("[]")]
    [InlineData("""{"Remotes":[]}""")]
    [InlineData("""{"Remotes":{"local":"x"}}""")]
    [InlineData("""{"Remotes":{}""")]
    public void What_is_no_config_is_refused_and_never_overwritten(string before) =>
        Assert.Equal(RefusalCode.Invalid, ClientConfig.WithLocal(before, Local).Refusal?.Code);
}
