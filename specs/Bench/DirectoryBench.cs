using System.Globalization;
using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>The directory driver's commit against a look at the tree, and the requests that only read.</summary>
internal static class DirectoryBench
{
    private const int Files = 10_000;

    public static async Task<IReadOnlyList<Figure>> Run(string nodeDll, string folder)
    {
        await using var node = await NodeProcess.Start(new NodeSetup(Path.Combine(folder, "directory")) { NodeDll = nodeDll });
        var name = new { Namespace = "admin", Name = "files" };
        await node.Rpc.Call("Create", name);
        var tree = await node.Rpc.Text("Procure", new { Namespace = "admin", Name = "files", Subdot = "__default__" });
        for (var i = 0; i < Files; i++)
        {
            var below = Directory.CreateDirectory(Path.Combine(tree, Number(i / 100))).FullName;
            await File.WriteAllTextAsync(Path.Combine(below, Number(i)), Number(i));
        }

        await Commit(node);
        var commit = await Measure.Pair(
            20,
            _ => ChildProcess.Run("find", [tree + "/", "-newer", "/etc/hostname", "-size", "+1000k"]),
            async i =>
            {
                await File.WriteAllTextAsync(Path.Combine(tree, "7", "777"), $"changed {Number(i)}");
                await Commit(node);
            });
        var ping = await Reads(node, "Ping", "{}");
        var lookup = await Reads(node, "Lookup", """{"Namespace":"admin","Name":"files","Branch":""}""");
        await node.Stop();
        return
        [
            Figure.AtMost("directory: Commit of 1 changed file of 10,000, find", commit, 2),
            Figure.Above("Ping, 16 connections", ping, 20_000),
            Figure.Above("Lookup, 16 connections", lookup, 18_000),
        ];
    }

    private static async Task<double> Reads(NodeProcess node, string method, string parameters)
    {
        await RawLoad.Run(node, method, parameters, TimeSpan.FromSeconds(3));
        return await RawLoad.Run(node, method, parameters, TimeSpan.FromSeconds(5));
    }

    private static Task<string> Commit(NodeProcess node) =>
        node.Rpc.Text("Commit", new { Namespace = "admin", Name = "files", Branch = "", Message = "bench" });

    private static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);
}
