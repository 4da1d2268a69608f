using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>The nodes of the current cluster.</summary>
internal static class NodeCommands
{
    public static Verb Node() => new Verb("node", "", "List the nodes of the cluster, show the options of one, and empty one.")
        .Example("dm node ls")
        .Example("dm node drain 504954d09db78174")
        .With(List(), Settings(), Drain());

    private static Verb List() => new Verb("ls", "", "List the nodes.")
        .With(Watch.Option)
        .Does(run =>
        {
            run.NoWords();
            return Watch.Shown(run, () => Text(run));
        });

    private static Verb Settings() => new Verb("settings", "", "Show the options of the node that answers, with where each comes from.")
        .Example("dm node settings")
        .Does(async run =>
        {
            run.NoWords();
            run.Terminal.Out.Write(Options.Text(await run.Client.Settings(run.Stop), run.Format, run.Terminal));
        });

    private static async Task<string> Text(Run run) => Shown.Text(await run.Client.Nodes(run.Stop), run.Format, run.Terminal);

    private static Verb Drain() => new Verb("drain", "NODE", "Hand the dots of a node over to the others, before it is stopped for long.", Word.Node)
    {
        Changes = true,
        Remarks = "Dots that containers use stay. It may be repeated: what was not handed over in time is tried again.",
    }
        .Example("dm node drain 504954d09db78174")
        .Ends(async run =>
        {
            run.Exactly(1);
            var drained = await run.Client.DrainNode(run.Words[0], run.Stop);
            run.Show(
                $"{Sizes.Count(drained.Moved, "dot")} handed over, {drained.Left} left.\n",
                new JsonObject { ["node"] = run.Words[0], ["moved"] = drained.Moved, ["left"] = drained.Left, ["reasons"] = JsonText.Array(drained.Reasons ?? []) },
                run.Words[0]);
            foreach (var reason in drained.Reasons ?? [])
            {
                run.Note(reason);
            }

            return drained.Left == 0 ? ExitCodes.Done : ExitCodes.Conflict;
        });

    private static readonly Listing<Setting> Options = new(
        setting => setting.Name,
        setting => new JsonObject { ["name"] = setting.Name, ["value"] = setting.Value, ["source"] = setting.Source, ["about"] = setting.About },
        new("OPTION", setting => setting.Name),
        new("VALUE", setting => setting.Value),
        new("FROM", setting => setting.Source));

    private static readonly Listing<Node> Shown = new(
        node => node.Id,
        node => new JsonObject
        {
            ["id"] = node.Id,
            ["state"] = node.State,
            ["addresses"] = JsonText.Array(node.Addresses ?? []),
            ["version"] = node.Version,
            ["dots"] = node.Dots,
            ["storage"] = node.Storage,
            ["pool"] = node.Pool,
            ["poolHealth"] = node.PoolHealth,
            ["poolSizeBytes"] = node.PoolSizeBytes,
            ["poolFreeBytes"] = node.PoolFreeBytes,
            ["database"] = node.Database,
        },
        new("NODE", node => node.Id),
        new("STATE", node => node.State),
        new("ADDRESS", node => string.Join(',', node.Addresses ?? [])),
        new("DOTS", node => node.Dots.ToString(CultureInfo.InvariantCulture)),
        new("STORAGE", node => node.Storage),
        new("POOL", node => node.Pool.Length == 0 ? "" : $"{node.Pool} ({node.PoolHealth})"),
        new("FREE", node => node.PoolSizeBytes == 0 ? "" : $"{Sizes.Exact(node.PoolFreeBytes)} of {Sizes.Exact(node.PoolSizeBytes)}"),
        new("VERSION", node => node.Version));
}
