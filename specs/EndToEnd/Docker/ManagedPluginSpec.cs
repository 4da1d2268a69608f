using System.Globalization;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Docker;

/// <summary>The plugin that <c>dotnet cake --target=DockerPlugin</c> made, in the engine of this machine.</summary>
[Trait("Speed", "slow")]
public sealed class ManagedPluginSpec
{
    [SkippableFact]
    public async Task What_a_container_wrote_is_there_after_the_plugin_was_disabled_and_enabled()
    {
        Lanes.Require(Lanes.Docker);
        using var folder = new ScratchFolder();
        var made = folder.Checkout("artifacts/docker-plugin");
        Skip.IfNot(Directory.Exists(made), "dotnet cake --target=DockerPlugin has not been run");
        var name = DockerEngineHost.NewDriver();
        await using var engine = new DockerEngineHost($"{name}:latest");
        await engine.Docker(["plugin", "create", name, made]);
        try
        {
            await engine.Docker([
                "plugin", "set", name, $"DOTMESH__DOCKER__DRIVER={engine.Driver}",
                string.Create(CultureInfo.InvariantCulture, $"DOTMESH__LISTEN__REFERENCEPORT={FreePorts.Take()}"),
                string.Create(CultureInfo.InvariantCulture, $"DOTMESH__LISTEN__CLIENTPORT={FreePorts.Take()}"),
            ]);
            await engine.Docker(["plugin", "enable", name]);
            await engine.Docker([.. Run(engine, name), "sh", "-c", "echo hello >/foo/HELLO"]);
            await engine.Docker(["plugin", "disable", "-f", name]);
            await engine.Docker(["plugin", "enable", name]);

            Assert.Equal("hello", await engine.Docker([.. Run(engine, name), "cat", "/foo/HELLO"]));
            Assert.Equal(engine.Driver, await engine.Docker(["volume", "inspect", $"{name}-kept", "--format", "{{.Driver}}"]));
        }
        finally
        {
            // its volumes first: they are asked of it
            await engine.DisposeAsync();
            await engine.Docker(["plugin", "rm", "-f", name]);
        }
    }

    private static string[] Run(DockerEngineHost engine, string name) =>
    [
        "run", "--rm", "--label", $"dotmesh.spec={engine.Driver}", "--network", "none", "--volume-driver", name, "-v", $"{name}-kept:/foo",
        DockerEngineHost.Image,
    ];
}
