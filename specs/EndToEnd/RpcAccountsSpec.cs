using System.Net;
using System.Text.Json;
using Dotmesh.Specs.EndToEnd.Behaviours;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>What admin changes of other users.</summary>
public sealed class RpcAccountsSpec(BehaviourNode node) : IClassFixture<BehaviourNode>
{
    private const string Ping = """{"jsonrpc":"2.0","method":"DotmeshRPC.Ping","params":{},"id":1}""";

    private readonly RpcUser _admin = node.Admin;

    [Fact]
    public async Task Payment_details_are_set_and_empty_ones_are_left_as_they_are()
    {
        Assert.Equal(("cus_1", "pro"), await Pay(new { Id = "alice", CustomerId = "cus_1", CurrentPlan = "pro" }));
        Assert.Equal(("cus_1", "basic"), await Pay(new { Id = "alice@example.com", CustomerId = "", CurrentPlan = "basic" }));
        Assert.Equal(("cus_2", "basic"), await Pay(new { Id = "alice", CustomerId = "cus_2" }));
        Assert.Equal(("cus_2", "basic"), await Pay(new { Id = "alice" }));

        Assert.Equal(("cus_2", "basic"), Details(await node.Alice.Result("CurrentUser")));
        var found = await _admin.Result("UserFromCustomerId", new { CustomerId = "cus_2" });
        Assert.Equal("alice", found.GetProperty("Name").GetString());
        Assert.Equal("User not found", await _admin.Error("UserFromCustomerId", new { CustomerId = "cus_1" }));
        Assert.Equal(
            "User name=nobody not found",
            await _admin.Error("UpdateUserPaymentDetails", new { Id = "nobody", CustomerId = "cus_9" }));
        Assert.EndsWith(
            " is not admin user",
            await node.Bob.Error("UpdateUserPaymentDetails", new { Id = "bob", CustomerId = "cus_9" }),
            StringComparison.Ordinal);
        Assert.Equal(("", ""), Details(await node.Bob.Result("CurrentUser")));
    }

    [Fact]
    public async Task Admin_gives_a_user_a_new_password_and_the_key_stays_good()
    {
        await _admin.Result("RegisterNewUser", new { Name = "erin", Email = "erin@example.com", Password = "first password" });
        var before = new RpcUser(node.Host, "erin", "first password");
        var key = (await before.Result("GetApiKey")).GetProperty("ApiKey").GetString()!;

        var changed = await _admin.Result("UpdateUserPassword", new { Id = "erin", NewPassword = "second password" });

        Assert.Equal("erin", changed.GetProperty("Name").GetString());
        using var refused = await node.Host.Post(Ping, "erin", "first password");
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        foreach (var secret in new[] { "second password", key })
        {
            var user = await new RpcUser(node.Host, "erin", secret).Result("CurrentUser");
            Assert.Equal("erin", user.GetProperty("Name").GetString());
        }
    }

    [Fact]
    public async Task A_metadata_field_is_set_and_taken_away_again_and_the_others_stay()
    {
        await _admin.Result("SetUserMetadataField", new { Id = "bob", Field = "Colour", Value = "green" });
        await _admin.Result("SetUserMetadataField", new { Id = "bob", Field = "Size", Value = "L" });

        var user = await _admin.Result("DeleteUserMetadataField", new { Id = "bob", Field = "Colour" });

        Assert.Equal("""{"Size":"L"}""", user.GetProperty("Metadata").GetRawText());
        Assert.Equal("""{"Size":"L"}""", (await node.Bob.Result("CurrentUser")).GetProperty("Metadata").GetRawText());
        var denied = await node.Bob.Error("DeleteUserMetadataField", new { Id = "bob", Field = "Size" });
        Assert.EndsWith(" is not admin user", denied, StringComparison.Ordinal);
    }

    private async Task<(string?, string?)> Pay(object details) => Details(await _admin.Result("UpdateUserPaymentDetails", details));

    private static (string?, string?) Details(JsonElement user) =>
        (user.GetProperty("CustomerId").GetString(), user.GetProperty("CurrentPlan").GetString());
}
