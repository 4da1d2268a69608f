using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>A container on a dot beside one on a volume of the engine's own, and what the plugin answers among 10,000 dots.</summary>
internal static class DockerBench
{
    private const int Dots = 10_000;

    public static async Task<IReadOnlyList<Figure>> Run()
    {
        using var folder = new ScratchFolder();
        var driver = DockerEngineHost.NewDriver();
        var socket = DockerEngineHost.SocketOf(driver);
        await using var node = await NodeProcess.Start(new NodeSetup(folder.Path)
        {
            Environment = new Dictionary<string, string?>
            {
                ["DOTMESH__DOCKER__PLUGIN"] = "yes",
                ["DOTMESH__DOCKER__PLUGINSOCKET"] = socket,
            },
        });
        await using var engine = new DockerEngineHost(driver);
        await engine.Run("data", "echo hello >/foo/a");
        var local = engine.Named("local");
        // by its driver's name: for a new name of none an engine asks every plugin that it ever saw
        await engine.Docker(["volume", "create", "-d", "local", local]);
        var run = await Measure.Pair(
            20,
            _ => engine.Docker(["run", "--rm", "--network", "none", "-v", $"{local}:/foo", DockerEngineHost.Image, "true"]),
            _ => engine.Docker(["run", "--rm", "--network", "none", "--volume-driver", driver, "-v", $"{engine.Named("data")}:/foo", DockerEngineHost.Image, "true"]));
        await engine.Docker(["volume", "rm", local]);

        using var plugin = new PluginClient(socket);
        await Measure.Rate(16, Dots / 16, (worker, at) => plugin.Call("VolumeDriver.Create", new { Name = $"many-{worker}-{at}" }));
        var list = await Measure.Median(20, async _ => Complete(await plugin.Call("VolumeDriver.List")));
        var get = await Measure.Median(50, i => plugin.Call("VolumeDriver.Get", new { Name = $"many-{i % 16}-{i}" }));
        return
        [
            Figure.NoMoreThan("docker run with a dot, with a local volume", run, 150),
            Figure.Below("10,000 dots: List of the volume plugin p50", list, 50, "ms"),
            Figure.Below("10,000 dots: Get of the volume plugin p50", get, 5, "ms"),
        ];
    }

    private static void Complete(System.Text.Json.Nodes.JsonObject list)
    {
        if (list["Volumes"]!.AsArray().Count != Dots + 1)
        {
            throw new InvalidOperationException($"List has {list["Volumes"]!.AsArray().Count} volumes");
        }
    }
}
