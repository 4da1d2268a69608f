using System.Text;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Traces and metrics, as a collector gets them.</summary>
public sealed class NodeTracesSpecs
{
    [Fact]
    [Trait("Speed", "slow")]
    public async Task Spans_of_a_call_and_of_the_dot_behind_it_arrive_at_a_collector_with_figures()
    {
        using var folder = new ScratchFolder();
        await using var collector = await StubEndpoint.Start(_ => (200, ""));
        await using var node = await NodeProcess.Start(new NodeSetup(folder.Path)
        {
            Arguments = [$"--telemetry:otlpendpoint={collector.Address}", "--telemetry:otlpprotocol=http"],
        });
        await node.Rpc.Call("Create", new { Namespace = "admin", Name = "traced" });

        // what was not sent yet is sent when the node stops
        Assert.Equal(0, await node.Stop());

        Assert.All(collector.Requests, request => Assert.Equal("application/x-protobuf", request.ContentType));
        var traces = Received(collector, "/v1/traces");
        foreach (var text in new[] { "DotmeshRPC.Create", "dot Create", "dotmesh-node", "POST", "dotmesh.request_id" })
        {
            Assert.Contains(text, traces, StringComparison.Ordinal);
        }

        Assert.Contains("dm_state_transition_total", Received(collector, "/v1/metrics"), StringComparison.Ordinal);
        Assert.DoesNotContain(NodeProcess.ReadKey(node.Setup), traces, StringComparison.Ordinal);
    }

    /// <summary>Protobuf keeps texts as they are.</summary>
    private static string Received(StubEndpoint collector, string path) => string.Concat(
        collector.Requests.Where(request => request.Path == path).Select(request => Encoding.Latin1.GetString(request.Body)));
}
