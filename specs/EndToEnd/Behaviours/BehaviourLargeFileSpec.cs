using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Behaviours;

/// <summary>A file that is large for the time that a request may take, on the way from one node to another.</summary>
public abstract class BehaviourLargeFileSpec : ThreeNodes
{
    private const int Mebibytes = 512;

    protected static (string Name, string Value) ShortRequests { get; } = ("DOTMESH__RPC__DEADLINESECONDS", "4");

    [SkippableFact]
    [Trait("Behaviour", "109")]
    public async Task Behaviour_109_a_file_whose_copy_takes_longer_than_a_request_may_is_there_after_the_move_committed_or_not()
    {
        var committed = await Written(await Moved(0), "committed");
        await Taken(0, "data");
        var rest = await Written(await Moved(0), "rest");

        var there = await Moved(2);

        Assert.Equal(committed, await Hash(Path.Combine(there, "committed")));
        Assert.Equal(rest, await Hash(Path.Combine(there, "rest")));
        Assert.Empty((JsonArray)(await Rpc(1).Call("Branches", new { Namespace = "admin", Name = "data" }))!);
    }

    /// <summary>Makes a file that nobody can compress; answers its hash.</summary>
    private static async Task<string> Written(string folder, string name)
    {
        var path = Path.Combine(folder, name);
        var block = new byte[1 << 20];
        await using (var file = File.Create(path))
        {
            for (var mebibyte = 0; mebibyte < Mebibytes; mebibyte++)
            {
                RandomNumberGenerator.Fill(block);
                await file.WriteAsync(block);
            }
        }

        return await Hash(path);
    }

    private static async Task<string> Hash(string path)
    {
        await using var file = File.OpenRead(path);
        return Convert.ToHexString(await SHA256.HashDataAsync(file));
    }
}

/// <summary>On directory storage.</summary>
[Trait("Speed", "slow")]
public sealed class BehaviourLargeFileDirectorySpec : BehaviourLargeFileSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.Start(3, ShortRequests);
}

/// <summary>On a zfs pool for each node.</summary>
[Trait("Speed", "slow")]
public sealed class BehaviourLargeFileZfsSpec : BehaviourLargeFileSpec
{
    protected override Task<NodeCluster> Start() => NodeCluster.StartOnPools(3, ShortRequests);
}
