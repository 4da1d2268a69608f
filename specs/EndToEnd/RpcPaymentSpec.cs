using System.Text;
using System.Text.Json;
using Dotmesh.Rpc;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>SubmitPayment, with a billing endpoint of the spec's own.</summary>
public sealed class RpcPaymentSpec : IDisposable
{
    private const string Paid = """{"CustomerId":"cus_1","CurrentPlan":"pro"}""";

    private readonly HttpClient _client = new();

    public void Dispose() => _client.Dispose();

    [Theory]
    [InlineData("""{"Token":"tok_1","PlanId":"plan_1"}""")]
    [InlineData("""{"PaymentDeets":{"Token":"tok_1","Plan":"plan_1"}}""")]
    public async Task A_payment_is_passed_on_and_what_it_bought_is_the_users(string parameters)
    {
        await using var billing = await StubEndpoint.Start(_ => (200, Paid));
        await using var host = await Start(billing.Address);

        var user = await host.Result("SubmitPayment", JsonElement.Parse(parameters));

        Assert.Equal(("cus_1", "pro"), (Member(user, "CustomerId"), Member(user, "CurrentPlan")));
        var posted = Assert.Single(billing.Requests);
        var body = JsonElement.Parse(Encoding.UTF8.GetString(posted.Body));
        Assert.Equal(("tok_1", "plan_1"), (Member(body, "Token"), Member(body, "PlanId")));
        Assert.Equal("admin", Member(body.GetProperty("User"), "Name"));
        Assert.DoesNotContain(RpcHost.ApiKey, body.ToString(), StringComparison.Ordinal);
        Assert.Equal("pro", Member(await host.Result("CurrentUser"), "CurrentPlan"));
        Assert.Equal("admin", Member(await host.Result("UserFromCustomerId", new { CustomerId = "cus_1" }), "Name"));
    }

    [Theory]
    [InlineData(402, "{}", "it answered status 402.")]
    [InlineData(200, """{"CustomerId":"cus_1"}""", "its answer lacks CustomerId or CurrentPlan.")]
    [InlineData(200, "<html>", "its answer is not the JSON that was expected.")]
    public async Task A_payment_that_the_endpoint_does_not_confirm_changes_nothing(int status, string body, string why)
    {
        await using var billing = await StubEndpoint.Start(_ => (status, body));
        await using var host = await Start(billing.Address);

        Assert.Equal($"The payment was not confirmed by the billing endpoint: {why}", await host.Error("SubmitPayment", Payment()));
        Assert.Equal("", Member(await host.Result("CurrentUser"), "CurrentPlan"));
    }

    [Fact]
    public async Task An_endpoint_that_is_not_there_or_not_configured_and_a_payment_without_a_plan_are_told_apart()
    {
        await using var gone = await StubEndpoint.Start(_ => (200, Paid));
        var address = gone.Address;
        await gone.DisposeAsync();
        await using (var host = await Start(address))
        {
            Assert.StartsWith(
                "The payment was not confirmed by the billing endpoint: ",
                await host.Error("SubmitPayment", Payment()),
                StringComparison.Ordinal);
            Assert.Equal("PlanId cannot be empty", await host.Error("SubmitPayment", new { Token = "tok_1" }));
            Assert.Equal("Token cannot be empty", await host.Error("SubmitPayment", new { PlanId = "plan_1" }));
        }

        await using var unconfigured = await Start(null);
        Assert.Equal(
            "Payments are not configured on this cluster: the option Billing:Endpoint is not set.",
            await unconfigured.Error("SubmitPayment", Payment()));
    }

    private static object Payment() => new { Token = "tok_1", PlanId = "plan_1" };

    private static string Member(JsonElement element, string name) => element.GetProperty(name).GetString()!;

    private Task<RpcHost> Start(Uri? billing) => RpcHost.Start(services => services with
    {
        Settings = new RpcSettings { Billing = new BillingSettings(billing) },
        BillingClient = _client,
    });
}
