using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Specs.Support;
using Xunit;
using Xunit.Abstractions;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// Mutated requests to a real node get documented answers and nothing else: no 5xx, no closed connection, no growth of
/// memory, and they change nothing that they had no right to. Two dots watch over that: the <em>bait</em>, whose name and
/// ids the requests know, and the <em>canary</em>, which no valid request names. A user who owns nothing must leave both
/// as they are; admin may change the bait, because a mutated request may well be a valid one.
/// </summary>
[Collection(Alone.Name)]
public sealed class FuzzSpec(ITestOutputHelper output)
{
    private const int RequestsPerUser = 50_000;
    private const int Lanes = 8;
    private const string Bait = "admin/bait";
    private const string Canary = "canary/canary";
    private const long LargestGrowth = 32 * 1024 * 1024;

    private static readonly int[] Codes =
    [
        RpcCodes.ParseError, RpcCodes.InvalidRequest, RpcCodes.MethodNotFound, RpcCodes.InvalidParams, RpcCodes.Application,
    ];

    private int _results;
    private int _refusals;

    [Fact]
    [Trait("Speed", "slow")]
    public async Task A_hundred_thousand_mutated_requests_to_a_real_node_get_only_documented_answers()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("DOTMESH_FUZZ_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
        output.WriteLine($"seed {seed} (DOTMESH_FUZZ_SEED repeats it)");
        await using var host = await RpcHost.StartNode();
        var admin = new RpcUser(host, "admin", RpcHost.ApiKey);
        foreach (var name in new[] { "canary", "mallory" })
        {
            await admin.Result("RegisterNewUser", new { Name = name, Email = $"{name}@example.com", Password = $"{name}-password" });
        }

        var known = await Make(admin, Bait, Canary);
        var (bait, canary) = (await Fingerprint(host, Bait), await Fingerprint(host, Canary));
        await Send(host, ("mallory", "mallory-password"), new Mutations(seed, host.Pipeline.Methods, known).Take(2000));
        var memory = GC.GetTotalMemory(forceFullCollection: true);

        await SendAll(host, ("mallory", "mallory-password"), seed, known);
        Assert.Equal(bait, await Fingerprint(host, Bait));
        Assert.Equal(canary, await Fingerprint(host, Canary));

        await SendAll(host, ("admin", RpcHost.ApiKey), seed + Lanes, known);
        Assert.Equal(canary, await Fingerprint(host, Canary));

        var grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        output.WriteLine($"{_results} results, {_refusals} errors; memory grew by {grown / 1024} KiB");
        Assert.True(grown < LargestGrowth, $"memory grew by {grown} bytes (seed {seed})");
        Assert.True(_results > RequestsPerUser / 50, $"only {_results} requests had an effect: the mutations are too wild");
        Assert.Equal(0, host.Pipeline.InFlight);
        Assert.True((await host.Result("Ping")).GetBoolean());
    }

    /// <summary>Two dots alike; what requests may know of the first.</summary>
    private static async Task<Dictionary<string, string[]>> Make(RpcUser admin, string bait, string canary)
    {
        var commit = "";
        foreach (var dot in new[] { canary, bait })
        {
            await admin.Init(dot);
            await File.WriteAllTextAsync(Path.Combine(await admin.Procure(dot), "file"), "committed");
            commit = await admin.Commit(dot, "first", metadata: new { apples = "green" });
            await admin.Branch(dot, "master", "side", commit);
            await admin.Commit(dot, "second");
            await File.WriteAllTextAsync(Path.Combine(await admin.Procure(dot), "file"), "not committed");
            await admin.Result("AddCollaborator", new { MasterBranchID = await admin.Lookup(dot), Collaborator = "canary" });
        }

        string[] ids = [await admin.Lookup(bait), await admin.Lookup(bait, "side")];
        return new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["Namespace"] = ["admin"],
            ["RemoteNamespace"] = ["admin"],
            ["Name"] = ["bait"],
            ["RemoteFilesystemName"] = ["bait"],
            ["Branch"] = ["", "side"],
            ["RemoteCloneName"] = ["", "side"],
            ["SourceBranch"] = ["master", "side"],
            ["NewBranchName"] = ["new"],
            ["id"] = ids,
            ["FilesystemId"] = ids,
            ["FromFilesystemId"] = ids,
            ["ToFilesystemId"] = ids,
            ["MasterBranchID"] = ids,
            ["CommitId"] = [commit],
            ["SnapshotId"] = [commit],
            ["FromSnapshotId"] = [commit],
            ["ToSnapshotId"] = [commit],
            ["SourceCommitId"] = [commit],
            ["Subdot"] = ["__default__", ""],
        };
    }

    /// <summary>All that is kept of a dot: labels, branches, commits and metadata in the pool, owner and sharing, files.</summary>
    private static async Task<string> Fingerprint(RpcHost host, string dot)
    {
        var admin = new RpcUser(host, "admin", RpcHost.ApiKey);
        var text = new StringBuilder();
        foreach (var branch in new[] { "", "side" })
        {
            var stored = await host.Node.Storage.Find(new FilesystemId(await admin.Lookup(dot, branch)), default);
            text.AppendLine(JsonSerializer.Serialize(stored));
            var folder = await admin.Procure(branch.Length == 0 ? dot : $"{dot}@{branch}");
            foreach (var file in Directory.GetFiles(folder).Order(StringComparer.Ordinal))
            {
                text.AppendLine($"{file}: {await File.ReadAllTextAsync(file)}");
            }
        }

        var shown = await admin.Shown(dot);
        text.AppendLine(shown.GetProperty("Owner").ToString()).AppendLine(shown.GetProperty("Collaborators").ToString());
        text.Append(shown.GetProperty("OtherBranches").GetArrayLength());
        return text.ToString();
    }

    private Task SendAll(RpcHost host, (string, string) user, int seed, IReadOnlyDictionary<string, string[]> known) =>
        Task.WhenAll(Enumerable.Range(1, Lanes).Select(lane => Task.Run(
            () => Send(host, user, new Mutations(seed + lane, host.Pipeline.Methods, known).Take(RequestsPerUser / Lanes)))));

    private async Task Send(RpcHost host, (string Name, string Secret) user, IEnumerable<byte[]> bodies)
    {
        foreach (var body in bodies)
        {
            using var reply = await host.Post(body, user.Name, user.Secret);
            var answer = await reply.Content.ReadAsByteArrayAsync();
            try
            {
                Check(reply.StatusCode, answer);
            }
            catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException)
            {
                Assert.Fail($"{wrong.Message}\nrequest: {Encoding.UTF8.GetString(body)}\nanswer: {Encoding.UTF8.GetString(answer)}");
            }
        }
    }

    private void Check(HttpStatusCode status, byte[] answer)
    {
        if (status != HttpStatusCode.OK)
        {
            throw new InvalidOperationException($"status {(int)status}");
        }

        if (answer.Length == 0)
        {
            return;
        }

        using var document = JsonDocument.Parse(answer);
        var replies = document.RootElement.ValueKind == JsonValueKind.Array
            ? [.. document.RootElement.EnumerateArray()]
            : new List<JsonElement> { document.RootElement };
        foreach (var reply in replies)
        {
            _ = reply.GetProperty("id");
            if (!reply.TryGetProperty("error", out var error))
            {
                _ = reply.GetProperty("result");
                Interlocked.Increment(ref _results);
                continue;
            }

            Interlocked.Increment(ref _refusals);
            if (!Codes.Contains(error.GetProperty("code").GetInt32()))
            {
                throw new InvalidOperationException("an undocumented code");
            }
        }
    }
}
