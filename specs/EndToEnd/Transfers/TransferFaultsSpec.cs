using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;
using Xunit.Abstractions;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>
/// Pushes and pulls while either side is killed or frozen, connections are reset, or a fifth of them is. A transfer then ends with both sides
/// equal at every commit, or with an error, and the side that is written to holds the beginning of what the other one has and nothing else.
/// <c>DOTMESH_TRANSFER_ROUNDS</c> faults (8), <c>DOTMESH_TRANSFER_SEED</c> as printed by an earlier run.
/// </summary>
[Trait("Speed", "slow")]
public abstract class TransferFaultsSpec(ITestOutputHelper output, bool onPools) : TwoNodesSpec(onPools)
{
    private const int Slow = 400_000;

    private readonly int _seed = SpecSettings.Number("DOTMESH_TRANSFER_SEED", Environment.ProcessId * 7907);
    private readonly int _rounds = SpecSettings.Number("DOTMESH_TRANSFER_ROUNDS", 8);

    private enum Fault
    {
        KillHere,
        KillThere,
        FreezeThere,
        Reset,
        ResetAFifth,
    }

    [SkippableFact]
    public async Task Whatever_happens_on_the_way_both_sides_are_equal_or_the_one_that_is_written_to_is_as_it_was()
    {
        output.WriteLine($"seed {_seed}, {_rounds} rounds");
        var random = new Random(_seed);
        var port = FreePorts.Take();
        await using var line = new TcpForwarder(port, There.Nodes[0].Setup.ClientPort);
        for (var round = 0; round < _rounds; round++)
        {
            var push = random.Next(2) == 0;
            var (source, target) = push ? (Here, There) : (There, Here);
            var name = $"dot{(push ? "push" : "pull")}";
            await Change(source, name, random);
            var before = await Ids(target, name);
            var fault = (Fault)random.Next(5);
            output.WriteLine($"round {round}: {(push ? "push" : "pull")}, {fault}");

            line.Resets = number => fault == Fault.ResetAFifth && number % 5 == 0;
            var record = await Moved(push, name, port, random, fault, line);
            line.Resets = _ => false;

            var there = await Ids(target, name);
            var all = await Ids(source, name);
            Assert.True(
                all.Take(there.Count).SequenceEqual(there) && there.Count >= before.Count,
                $"round {round}: {string.Join(' ', there)} is not the beginning of {string.Join(' ', all)}");
            if (Side.IsOver(record) && (string?)record["Status"] == "finished")
            {
                Assert.Equal(all, there);
            }
            else
            {
                output.WriteLine($"  {record["Message"]}");
                Side.Finished(await Again(push, name));
            }

            await Equal(name);
        }
    }

    private async Task<JsonNode> Moved(bool push, string name, int port, Random random, Fault fault, TcpForwarder line)
    {
        string id;
        try
        {
            id = await Here.Begin(push ? "push" : "pull", There, name, name, bytesPerSecond: Slow, port: port);
        }
        catch (RpcErrorException refused) when (fault == Fault.ResetAFifth)
        {
            // it met the fault before it began
            return new JsonObject { ["Status"] = "error", ["Message"] = refused.Text };
        }

        var part = random.NextDouble();
        await Patience.Holds(
            async () => await Here.Rpc().Call("GetTransfer", id) is { } now
                && (Side.IsOver(now) || ((long)now["Sent"]! > 0 && (long)now["Sent"]! >= part * (long)now["Size"]!)) ? now : null,
            TimeSpan.FromSeconds(60),
            () => $"transfer {id} does not move\n{Here.Logs}");
        switch (fault)
        {
            case Fault.KillHere:
                await Nodes.KillAndStart(0);
                break;
            case Fault.KillThere:
                await Nodes.KillAndStart(1);
                break;
            case Fault.FreezeThere:
                await There.Nodes[0].Freeze();
                // as long as the client of the other side gives a question
                await Assert.ThrowsAsync<TaskCanceledException>(() => Silent(There.Nodes[0].Address));
                There.Nodes[0].Thaw();
                break;
            case Fault.Reset:
                line.Reset();
                break;
            default:
                break;
        }

        return await Here.Over(id, limit: TimeSpan.FromMinutes(3));
    }

    private static async Task Silent(Uri node)
    {
        using var http = new HttpClient { Timeout = TimeSpan.FromSeconds(3) };
        await http.GetAsync(new Uri(node, "/check"));
    }

    private async Task<JsonNode> Again(bool push, string name) => push ? await Here.Push(There, name) : await Here.Pull(There, name);

    /// <summary>Some more commits of files that are made, changed and removed.</summary>
    private static async Task Change(Side side, string name, Random random)
    {
        if ((await side.IdOf(name)).Length == 0)
        {
            await side.Create(name);
        }

        var folder = await side.Procure(name);
        for (var commits = random.Next(1, 4); commits > 0; commits--)
        {
            for (var files = random.Next(1, 4); files > 0; files--)
            {
                var content = new byte[random.Next(1, 300_000)];
                random.NextBytes(content);
                await File.WriteAllBytesAsync(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"f{random.Next(6)}")), content);
            }

            File.Delete(Path.Combine(folder, $"f{random.Next(6)}"));
            await side.Commit(name, $"{random.Next()}");
        }
    }

    private static async Task<IReadOnlyList<string>> Ids(Side side, string name) => (await side.IdOf(name)).Length == 0
        ? []
        : [.. ((JsonArray)(await side.Rpc().Call("Commits", new { Namespace = "admin", Name = name, Branch = "" }))!).Select(commit => (string)commit!["Id"]!)];

    /// <summary>The trees of every commit.</summary>
    private async Task Equal(string name)
    {
        var id = await Here.IdOf(name);
        foreach (var commit in await Ids(Here, name))
        {
            Assert.Equal(await Tree(Here, id, commit), await Tree(There, id, commit));
        }
    }

    private static async Task<string> Tree(Side side, string filesystem, string commit)
    {
        var path = await side.Rpc().Text("MountCommit", new { FilesystemId = filesystem, CommitId = commit });
        return Side.Files(Path.Combine(path, "__default__"));
    }
}

public sealed class TransferFaultsDirectorySpec(ITestOutputHelper output) : TransferFaultsSpec(output, onPools: false);

public sealed class TransferFaultsZfsSpec(ITestOutputHelper output) : TransferFaultsSpec(output, onPools: true);
