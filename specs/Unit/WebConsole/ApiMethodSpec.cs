using System.Text.Json;
using System.Text.Json.Nodes;
using Dotmesh.WebConsole.Models;
using Xunit;

namespace Dotmesh.Specs.Unit.WebConsole;

public sealed class ApiMethodSpec
{
    private static readonly ApiMethod Commit = ApiMethod.Read(JsonDocument.Parse("""
        {"methods": [
          {"name": "DotmeshRPC.Get", "summary": "s", "description": "d", "paramStructure": "by-position", "params": [{"name": "x", "schema": {"type": ["string", "null"]}}]},
          {"name": "DotmeshRPC.Commit", "summary": "Commits.", "description": "Any user.", "paramStructure": "by-name",
           "params": [{"name": "Name", "schema": {"type": ["string", "null"]}}, {"name": "Limit", "schema": {"type": ["integer", "null"]}},
                      {"name": "Yes", "schema": {"type": ["boolean", "null"]}}, {"name": "Any", "schema": {}}]}
        ]}
        """).RootElement)[0];

    [Fact]
    public void A_method_has_a_template_of_its_parameters() => Assert.Equal(
        """{"Name":"","Limit":0,"Yes":false,"Any":{}}""", JsonNode.Parse(Commit.Template)!.ToJsonString());

    [Fact]
    public void Commands_for_a_terminal_quote_what_a_shell_would_take_apart()
    {
        var parameters = new JsonObject { ["Name"] = "it's" };

        Assert.Equal("""dm debug --parse-json DotmeshRPC.Commit '{"Name":"it'\''s"}'""", Commit.DmCommand(JsonNode.Parse("""{"Name":"it's"}""")).Replace("\\u0027", "'\\''", StringComparison.Ordinal));
        Assert.Equal("dm debug DotmeshRPC.Commit", Commit.DmCommand(new JsonObject()));
        var curl = Commit.CurlCommand(parameters, "bob", "http://127.0.0.1:6969");
        Assert.StartsWith("curl -s -u \"bob:$(jq -r .Remotes.local.ApiKey ~/.dotmesh/config)\"", curl, StringComparison.Ordinal);
        Assert.EndsWith(" http://127.0.0.1:6969/rpc", curl, StringComparison.Ordinal);
    }
}
