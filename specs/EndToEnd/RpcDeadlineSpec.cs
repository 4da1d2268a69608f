using Dotmesh.Rpc;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Every request has a deadline and an answer, whatever its handler does.</summary>
public sealed class RpcDeadlineSpec
{
    private static readonly object Rediscover = new { FlagName = "ForceStateMachineToDiscovering", FlagValue = "x" };

    [Fact]
    public async Task A_handler_that_never_ends_is_answered_as_expired()
    {
        await using var host = await RpcHost.Start(Quick);
        var gate = new TaskCompletionSource();
        host.Fake.Gate = gate.Task;
        var reply = await host.Call("SetDebugFlag", Rediscover);
        Assert.Equal("expired", reply.GetProperty("error").GetProperty("data").GetProperty("code").GetString());
        gate.SetResult();
    }

    [Fact]
    public async Task A_call_that_overstays_its_deadline_keeps_its_place_until_it_ends()
    {
        await using var host = await RpcHost.Start(services => services with
        {
            Settings = new RpcSettings { Deadline = TimeSpan.FromMilliseconds(200), MaxInFlight = 1 },
        });
        var gate = new TaskCompletionSource();
        host.Fake.Gate = gate.Task;
        Assert.Contains("expired", (await host.Call("SetDebugFlag", Rediscover)).ToString(), StringComparison.Ordinal);

        Assert.Equal(1, host.Pipeline.InFlight);
        Assert.Contains("overloaded", (await host.Call("Ping")).ToString(), StringComparison.Ordinal);

        gate.SetResult();
        await Until(() => host.Pipeline.InFlight == 0);
        Assert.True((await host.Result("Ping")).GetBoolean());
    }

    [Fact]
    public async Task Calls_of_a_batch_whose_time_is_used_up_are_not_begun()
    {
        await using var host = await RpcHost.Start(Quick);
        var gate = new TaskCompletionSource();
        host.Fake.Gate = gate.Task;
        using var reply = await host.Post(
            """
            [{"jsonrpc":"2.0","method":"DotmeshRPC.SetDebugFlag","params":{"FlagName":"ForceStateMachineToDiscovering"},"id":1},
             {"jsonrpc":"2.0","method":"DotmeshRPC.Create","params":{"Namespace":"admin","Name":"late"},"id":2}]
            """);
        Assert.Contains("Nothing was done", await reply.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        gate.SetResult();
        Assert.Equal("", (await host.Result("Exists", new { Namespace = "admin", Name = "late" })).GetString());
    }

    [Fact]
    public async Task A_bug_in_a_handler_is_an_internal_error_that_tells_nothing_but_the_request_id()
    {
        await using var host = await RpcHost.Start();
        host.Fake.Bug = new InvalidOperationException("secret detail");
        var reply = await host.Call("SetDebugFlag", Rediscover);
        Assert.Equal(-32603, reply.GetProperty("error").GetProperty("code").GetInt32());
        Assert.DoesNotContain("secret detail", reply.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_that_goes_away_does_not_cancel_the_call()
    {
        await using var host = await RpcHost.Start();
        var gate = new TaskCompletionSource();
        host.Fake.Gate = gate.Task;
        using var impatient = new CancellationTokenSource();
        var call = host.Http.SendAsync(Request(host), impatient.Token);
        await Until(() => host.Fake.LastToken.CanBeCanceled);
        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);

        Assert.Equal(1, host.Pipeline.InFlight);
        Assert.False(host.Fake.LastToken.IsCancellationRequested);
        gate.SetResult();
        await Until(() => host.Pipeline.InFlight == 0);
    }

    [Fact]
    public async Task More_requests_than_allowed_at_a_time_get_the_error_overloaded()
    {
        await using var host = await RpcHost.Start(
            services => services with { Settings = new RpcSettings { MaxInFlight = 1 } });
        var gate = new TaskCompletionSource();
        host.Fake.Gate = gate.Task;
        var first = host.Call("SetDebugFlag", Rediscover);
        await Until(() => host.Pipeline.InFlight == 1);

        var second = (await host.Call("Ping")).GetProperty("error");
        Assert.StartsWith("overloaded", second.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("overloaded", second.GetProperty("data").GetProperty("code").GetString());

        gate.SetResult();
        Assert.Equal("found", (await first).GetProperty("result").GetString());
        await Until(() => host.Pipeline.InFlight == 0);
        Assert.True((await host.Result("Ping")).GetBoolean());
    }

    private static RpcServices Quick(RpcServices services) =>
        services with { Settings = new RpcSettings { Deadline = TimeSpan.FromMilliseconds(200) } };

    private static HttpRequestMessage Request(RpcHost host)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(host.ClientPort, "/rpc"))
        {
            Content = new StringContent(
                """{"jsonrpc":"2.0","method":"DotmeshRPC.SetDebugFlag","params":{"FlagName":"ForceStateMachineToDiscovering","FlagValue":"x"},"id":1}""",
                System.Text.Encoding.UTF8,
                "application/json"),
        };
        request.Headers.Authorization = RpcHost.Basic("admin", RpcHost.ApiKey);
        return request;
    }

    private static async Task Until(Func<bool> condition)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        while (!condition())
        {
            await Task.Delay(10, limit.Token);
        }
    }
}
