using Dotmesh.Actors;
using Dotmesh.Node.Commands;
using Dotmesh.Node.Options;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What the nodes of a cluster on one machine are started with.</summary>
public sealed class ClusterPlanSpec
{
    private static readonly Dictionary<string, string> Variables = new(StringComparer.Ordinal) { ["HOME"] = "/home/ann" };

    [Fact]
    public void The_nodes_differ_in_folders_and_ports_and_share_secret_and_database()
    {
        var plan = Plan(["--cluster-of", "3", "--rpc:maxbatch=7", "--listen:referenceport=8000"]);
        var database = new PrivateDatabase(5999, "/p");

        var options = Enumerable.Range(1, 3).Select(node => Load(plan.Arguments(node, database))).ToList();

        Assert.Equal([8000, 8010, 8020], options.Select(node => node.Listen.ReferencePort));
        Assert.Equal([32607, 32617, 32627], options.Select(node => node.Listen.ClientPort));
        Assert.Equal([32608, 32618, 32628], options.Select(node => node.Listen.NodePort));
        Assert.Equal(3, options.Select(node => node.Node.DataFolder).Distinct().Count());
        Assert.Equal(3, options.Select(node => node.Storage.Root).Distinct().Count());
        Assert.All(options, node =>
        {
            Assert.Equal("/home/ann/.dotmesh/data/cluster/cluster-secret", node.Cluster.SecretFile);
            Assert.Equal(("127.0.0.1", 5999, "secret"), (node.Database.Host, node.Database.Port, node.Database.Password));
            Assert.Equal((7, Answer.Yes, 0), (node.Rpc.MaxBatch, node.Node.StopAtEndOfInput, node.Failover.DrainSeconds));
        });
    }

    [Fact]
    public void A_database_that_is_named_is_used_and_free_ports_stay_free()
    {
        var plan = Plan(["--database:host=db", "--listen:clientport=0", "--cluster-of=2", "--failover:drainseconds=5"]);

        var options = Load(plan.Arguments(2, null));

        Assert.Equal(("db", 0, 5), (options.Database.Host, options.Listen.ClientPort, options.Failover.DrainSeconds));
    }

    [Theory]
    [InlineData("--cluster-of")]
    [InlineData("--cluster-of=")]
    [InlineData("--cluster-of", "0")]
    [InlineData("--cluster-of", "10")]
    [InlineData("--cluster-of", "three")]
    public void A_number_that_is_none_is_refused(params string[] arguments)
    {
        Assert.True(ClusterPlan.Parse(arguments).Refused(out var refusal));
        Assert.Contains("--cluster-of 3", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nodes_do_not_share_a_pool()
    {
        Assert.Contains("cannot share the pool tank", Plan(["--cluster-of", "3", "--storage:pool=tank"]).Fault, StringComparison.Ordinal);
        Assert.Null(Plan(["--cluster-of", "3"]).Fault);
    }

    private static ClusterPlan Plan(string[] arguments)
    {
        var (nodes, given) = ClusterPlan.Parse(arguments).Value;
        return new ClusterPlan(nodes, given, Load(given), given.Any(one => one.StartsWith("--failover", StringComparison.Ordinal)));
    }

    private static NodeOptions Load(IReadOnlyList<string> arguments)
    {
        var result = NodeOptions.Load(
            arguments, Variables, path => path == "/p" ? "secret" : new Refusal(RefusalCode.NotFound, $"there is no file {path}"));
        Assert.True(result is OptionsResult.Loaded, string.Join('\n', (result as OptionsResult.Refused)?.Errors ?? []));
        return ((OptionsResult.Loaded)result).Options;
    }
}
