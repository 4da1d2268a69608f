using System.Text.Json;
using Dotmesh.Rpc;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>What the server tells of itself.</summary>
public sealed class RpcInformationSpec
{
    private const string Discover = """{"jsonrpc":"2.0","method":"rpc.discover","params":{},"id":7}""";

    [Fact]
    public async Task The_server_describes_all_of_its_methods_to_whoever_has_a_login()
    {
        await using var host = await RpcHost.Start(services => services with { Settings = new RpcSettings { Version = "9.8.7" } });
        var admin = new RpcUser(host, "admin", RpcHost.ApiKey);
        await admin.Result("RegisterNewUser", new { Name = "bob", Email = "bob@example.com", Password = "bob is great" });

        using var reply = await host.Post(Discover, "bob", "bob is great");
        var text = await reply.Content.ReadAsStringAsync();

        var answer = JsonElement.Parse(text);
        Assert.Equal(7, answer.GetProperty("id").GetInt32());
        var document = answer.GetProperty("result");
        Assert.Equal("1.3.2", document.GetProperty("openrpc").GetString());
        Assert.Equal("9.8.7", document.GetProperty("info").GetProperty("version").GetString());
        Assert.Equal(
            host.Pipeline.Methods.All.Select(method => method.Name),
            document.GetProperty("methods").EnumerateArray().Select(method => method.GetProperty("name").GetString()));
        using var again = await host.Post(Discover);
        Assert.Equal(text, await again.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Config_answers_plans_and_key_as_they_are_configured()
    {
        const string Plans = """[{"id":"free","price":0},{"id":"pro","price":1e1}]""";
        await using var host = await RpcHost.Start(services => services with
        {
            Settings = new RpcSettings { Billing = new BillingSettings(null, JsonElement.Parse(Plans), "pk_live_1") },
        });

        var config = await host.Result("Config");

        Assert.Equal("pk_live_1", config.GetProperty("StripePublicKey").GetString());
        Assert.Equal(Plans, config.GetProperty("Plans").GetRawText());
    }
}
