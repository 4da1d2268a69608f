using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Cli;

/// <summary>Dots of a node with a pool, through unmounts by hand and restarts, as somebody with <c>dm</c> sees them (contract 11.2, 11.3).</summary>
[Trait("Speed", "slow")]
public sealed class DmNodeLifeZfsSpec : IAsyncLifetime
{
    private readonly ScratchFolder _folder = new();
    private ZfsPool? _pool;
    private NodeProcess _node = null!;

    private Dm Dm => Dm.Of(_node);

    public async Task InitializeAsync()
    {
        if (Lanes.IsOn(Lanes.Zfs))
        {
            _pool = await ZfsPool.Create();
            _node = await NodeProcess.Start(new NodeSetup(_folder.Path, _pool.Name));
        }
    }

    public async Task DisposeAsync()
    {
        if (_pool is not null)
        {
            await _node.DisposeAsync();
            await _pool.DisposeAsync();
        }

        _folder.Dispose();
    }

    [SkippableFact]
    [Trait("Behaviour", "10")]
    [Trait("Behaviour", "12")]
    [Trait("Behaviour", "13")]
    public async Task Behaviours_10_12_13_a_new_dot_is_mounted_and_mounted_again_after_it_was_unmounted_by_hand()
    {
        Lanes.Require(Lanes.Zfs);
        await Dm.Says("init", "apples");
        var id = await Id("apples");
        Assert.True(IsMounted(id));

        await UnmountByHand(id);
        Assert.False(IsMounted(id));
        await Dm.Says("debug", "DotmeshRPC.SetDebugFlag", "--parse-json", $$"""{"FlagName": "ForceStateMachineToDiscovering", "FlagValue": "{{id}}"}""");
        Assert.True(IsMounted(id));

        await UnmountByHand(id);
        await Restart();
        Assert.True(await Eventually.True(() => IsMounted(id)));
    }

    [SkippableFact]
    [Trait("Behaviour", "14")]
    [Trait("Behaviour", "73")]
    public async Task Behaviours_14_73_what_is_written_shows_as_dirty_and_all_is_there_after_a_restart()
    {
        Lanes.Require(Lanes.Zfs);
        await Dm.Says("init", "apples");
        await Dm.Says("commit", "-m", "before");
        await Dm.Says("checkout", "-b", "side");
        await Dm.Says("checkout", "master");
        var path = Path.Combine(_node.Setup.Folder, "apples");
        await Dm.Says("mount", "apples", path);
        await File.WriteAllBytesAsync(Path.Combine(path, "large"), new byte[1 << 20].Select((_, n) => (byte)(n * 31 >> 3)).ToArray());

        await Patience.Holds(
            async () => Column(await Dm.Says("list", "-H"), 7) != "0" ? "dirty" : null, TimeSpan.FromSeconds(30), () => "no dirty bytes are told");

        await Restart();

        Assert.Equal("apples\tmaster", string.Join('\t', (await Dm.Says("list", "-H")).Split('\t').Take(2)));
        Assert.Equal("2", Column(await Dm.Says("list", "-H"), 6));
        Assert.Contains("before", await Dm.Says("log"), StringComparison.Ordinal);
        Assert.Equal("* master\n  side", await Dm.Says("branch"));
        Assert.Equal(1 << 20, new FileInfo(Path.Combine(path, "large")).Length);
        await Dm.Says("commit", "-m", "after");
        Assert.Equal("0", Column(await Dm.Says("list", "-H"), 7));
    }

    /// <summary>As <c>cut -f</c> counts them.</summary>
    private static string Column(string line, int number) => line.Split('\t')[number - 1];

    private async Task<string> Id(string dot) =>
        (string)JsonNode.Parse(await Dm.Says("list", "-o", "json"))!.AsArray().Single(one => (string)one!["name"]! == $"admin/{dot}")!["id"]!;

    private string Mount(string id) => Path.Combine(_node.Setup.MountPrefix, "dmfs", id);

    private bool IsMounted(string id) => ZfsPool.IsMounted(Mount(id));

    private Task UnmountByHand(string id) => _pool!.UnmountByHand(Mount(id));

    private async Task Restart() => _node = await _node.KillAndStart();
}
