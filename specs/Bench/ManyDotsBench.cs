using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>A node with 10,000 dots of 10 commits on directory storage beside one with 10 dots: what must not grow with their number.</summary>
internal static class ManyDotsBench
{
    public const int Dots = 10_000;
    private const int Commits = 10;
    private const int Few = 10;
    public const int Clients = 32;
    private static readonly TimeSpan Idle = TimeSpan.FromSeconds(20);

    public static async Task<IReadOnlyList<Figure>> Run(string nodeDll, string folder)
    {
        var many = new NodeSetup(Path.Combine(folder, "many")) { NodeDll = nodeDll };
        await using (var filling = await NodeProcess.Start(many))
        {
            await Fill(filling, Dots);
            await filling.Stop();
        }

        await using var few = await NodeProcess.Start(new NodeSetup(Path.Combine(folder, "few")) { NodeDll = nodeDll });
        await Fill(few, Few);
        var started = Stopwatch.GetTimestamp();
        await using var node = await NodeProcess.Start(many);
        var start = Stopwatch.GetElapsedTime(started);
        var list = await Measure.Median(20, async _ => Complete(await node.Rpc.Call("List")));
        // among dots that sleep at first, as those of a cluster that has just started do, and then are awake
        var commit = await Measure.Pair(200, i => Commit(few, i % Few), i => Commit(node, i % Few * (Dots / Few)));
        var (cpu, commands) = await AtRest(node);
        var memory = Memory(node);
        await few.Stop();
        await node.Stop();
        return
        [
            Figure.Below("10,000 dots of 10 commits: start of the node", start.TotalSeconds, 10, "s"),
            Figure.Below("10,000 dots: List p50", list, 200, "ms"),
            Figure.AtMost("10,000 dots: Commit p50, with 10 dots", commit, 1.2),
            Figure.Below("10,000 dots: processor time at rest", cpu, 2, "% of a core"),
            Figure.Below("10,000 dots: processes started at rest", commands, 0, "in 20 s"),
            Figure.Below("10,000 dots: resident memory", memory, 600, "MB"),
        ];
    }

    private static async Task Fill(NodeProcess node, int dots)
    {
        var began = Stopwatch.GetTimestamp();
        await Measure.Rate(Math.Min(Clients, dots), Math.Max(1, dots / Clients) + 1, async (worker, at) =>
        {
            var number = at * Math.Min(Clients, dots) + worker;
            if (number >= dots)
            {
                return;
            }

            await node.Rpc.Call("Create", new { Namespace = "admin", Name = Name(number) });
            // Create makes the first one
            for (var i = 1; i < Commits; i++)
            {
                await Commit(node, number);
            }
        });
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{dots} dots of {Commits} commits made in {Stopwatch.GetElapsedTime(began).TotalSeconds:F0} s"));
    }

    public static void Complete(JsonNode? list)
    {
        if (((JsonObject)list!["admin"]!).Count != Dots)
        {
            throw new InvalidOperationException($"List has {((JsonObject)list["admin"]!).Count} dots");
        }
    }

    /// <summary>Percents of a core that the node uses when nobody asks it anything, and the processes that it starts.</summary>
    private static async Task<(double Cpu, double Commands)> AtRest(NodeProcess node)
    {
        using var pause = new PeriodicTimer(Idle);
        await pause.WaitForNextTickAsync();
        var (before, commandsBefore) = (ProcessorTime(node), await CommandsRun(node));
        var began = Stopwatch.GetTimestamp();
        await pause.WaitForNextTickAsync();
        var used = (ProcessorTime(node) - before) / Stopwatch.GetElapsedTime(began);
        return (used * 100, await CommandsRun(node) - commandsBefore);
    }

    private static TimeSpan ProcessorTime(NodeProcess node)
    {
        using var process = Process.GetProcessById(node.Id);
        return process.TotalProcessorTime;
    }

    /// <summary>Resident, in MB.</summary>
    public static double Memory(NodeProcess node)
    {
        using var process = Process.GetProcessById(node.Id);
        return process.WorkingSet64 / 1e6;
    }

    private static async Task<double> CommandsRun(NodeProcess node)
    {
        using var http = new HttpClient();
        var text = await http.GetStringAsync(new Uri(node.Address, "/metrics"));
        return text.Split('\n').Where(line => line.StartsWith("dotmesh_programs_run_total", StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
    }

    private static Task Commit(NodeProcess node, int number) =>
        node.Rpc.Call("Commit", new { Namespace = "admin", Name = Name(number), Branch = "", Message = "bench" });

    public static string Name(int number) => $"dot{number.ToString("D5", CultureInfo.InvariantCulture)}";
}
