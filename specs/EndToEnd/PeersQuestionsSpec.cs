using Dotmesh.Actors;
using Dotmesh.Actors.Transfers;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>What another cluster is asked, byte by byte, and how its answers are read (contract 2, 3).</summary>
public sealed class PeersQuestionsSpec
{
    private const string Master = "61f356f0-39a4-4e0e-6286-e04d25744344";
    private const string Branch = "05652ba4-acb8-4349-4711-956bd0c88c8c";

    // an original's: inner names and ids may be missing
    private const string Path =
        "{\"TopLevelFilesystemId\":\"" + Master + "\",\"TopLevelFilesystemName\":{\"Namespace\":\"alice\",\"Name\":\"cress\"},\"Clones\":[{\"Name\":"
        + "\"mustard\",\"Clone\":{\"FilesystemId\":\"" + Branch + "\",\"Origin\":{\"FilesystemId\":\"" + Master + "\",\"SnapshotId\":\"c1\"}}}]}";

    private static readonly TransferPath Tip = TransferPath.Check(new UncheckedPath(
        Master, "alice", "cress", [new UncheckedStep("mustard", "", Branch, "", Master, "c1")])).Value;

    public static TheoryData<string, string, string, Func<IPeer, Task<string>>> Questions { get; } = new()
    {
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.Exists\",\"params\":{\"Namespace\":\"alice\",\"Name\":\"cress\",\"Branch\":\"mustard\"},\"id\":2}",
            "\"" + Branch + "\"", Branch, async peer => $"{(await peer.Exists("alice", "cress", "mustard", default)).Value}"
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.Exists\",\"params\":{\"Namespace\":\"alice\",\"Name\":\"cress\",\"Branch\":\"\"},\"id\":2}",
            "\"\"", "", async peer => $"{(await peer.Exists("alice", "cress", "", default)).Value}"
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.DeducePathToTopLevelFilesystem\",\"params\":{\"RemoteNamespace\":\"alice\","
            + "\"RemoteFilesystemName\":\"cress\",\"RemoteCloneName\":\"mustard\"},\"id\":2}",
            Path, $"{Master} alice cress mustard||{Branch}||{Master}|c1", async peer => Told((await peer.Path("alice", "cress", "mustard", default)).Value)
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.DeducePathToTopLevelFilesystem\",\"params\":{\"RemoteNamespace\":\"alice\","
            + "\"RemoteFilesystemName\":\"cress\",\"RemoteCloneName\":\"\"},\"id\":2}",
            "{\"TopLevelFilesystemId\":\"x\",\"TopLevelFilesystemName\":{\"Namespace\":\"\",\"Name\":\"..\"},\"Clones\":null}",
            "x  .. ", async peer => Told((await peer.Path("alice", "cress", "", default)).Value)
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.RegisterFilesystem\",\"params\":{\"Namespace\":\"alice\",\"TopLevelFilesystemName\":\"cress\","
            + "\"CloneName\":\"mustard\",\"FilesystemId\":\"" + Branch + "\",\"PathToTopLevelFilesystem\":{\"TopLevelFilesystemId\":\"" + Master
            + "\",\"TopLevelFilesystemName\":{\"Namespace\":\"alice\",\"Name\":\"cress\"},\"Clones\":[{\"Name\":\"mustard\",\"Clone\":{"
            + "\"TopLevelFilesystemId\":\"" + Master + "\",\"FilesystemId\":\"" + Branch + "\",\"Name\":\"mustard\",\"Origin\":{\"FilesystemId\":\""
            + Master + "\",\"SnapshotId\":\"c1\"}}}]},\"BecomeMasterIfNotExists\":true},\"id\":2}",
            "true", "done", async peer => Told(await peer.Register(Tip, default))
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.CommitsById\",\"params\":\"" + Master + "\",\"id\":2}",
            "[{\"Id\":\"c1\",\"Metadata\":{\"message\":\"m\",\"author\":\"a\"}},{\"Id\":\"c2\",\"Metadata\":null}]",
            "{Id:c1 Metadata:map[author:a message:m]}, {Id:c2 Metadata:map[]}",
            async peer => string.Join(", ", (await peer.Commits(new FilesystemId(Master), default)).Value)
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.CommitsById\",\"params\":\"" + Master + "\",\"id\":2}",
            "null", "", async peer => string.Join(", ", (await peer.Commits(new FilesystemId(Master), default)).Value)
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.Get\",\"params\":\"" + Master + "\",\"id\":2}",
            "{\"Id\":\"" + Master + "\",\"Name\":{\"Namespace\":\"alice\",\"Name\":\"cress\"},\"SizeBytes\":19456,\"DirtyBytes\":17,\"CommitCount\":1}",
            "17", async peer => $"{(await peer.DirtyBytes(new FilesystemId(Master), default)).Value}"
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.ContainersById\",\"params\":\"" + Master + "\",\"id\":2}",
            "[{\"Name\":\"/a\",\"Id\":\"1\"},{\"Name\":\"/b\",\"Id\":\"2\"}]", "/a, /b",
            async peer => string.Join(", ", (await peer.Containers(new FilesystemId(Master), default)).Value)
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.Commit\",\"params\":{\"Namespace\":\"alice\",\"Name\":\"cress\",\"Branch\":\"\",\"Message\":"
            + "\"committing dirty data ready for stashing\"},\"id\":2}",
            "\"c3\"", "done", async peer => Told(await peer.Commit("alice", "cress", "", "committing dirty data ready for stashing", default))
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.StashAfter\",\"params\":{\"FilesystemId\":\"" + Master + "\",\"SnapshotId\":\"c1\"},\"id\":2}",
            "\"TO" + "DO\"", "done", async peer => Told(await peer.StashAfter(new FilesystemId(Master), new CommitId("c1"), default))
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.RegisterTransfer\",\"params\":{\"TransferRequestId\":\"t1\",\"Peer\":\"10.192.0.2\",\"User\":"
            + "\"alice\",\"ApiKey\":\"\",\"Direction\":\"push\",\"LocalNamespace\":\"admin\",\"LocalName\":\"here\",\"LocalBranchName\":\"\",\"RemoteNamespace\":"
            + "\"alice\",\"RemoteName\":\"there\",\"RemoteBranchName\":\"\",\"FilesystemId\":\"" + Master + "\",\"InitiatorNodeId\":\"cc35\",\"PeerNodeId\":\"\","
            + "\"StartingCommit\":\"START\",\"TargetCommit\":\"c2\",\"Index\":1,\"Total\":1,\"Status\":\"calculating size\",\"NanosecondsElapsed\":1500000000,"
            + "\"Size\":0,\"Sent\":0,\"Message\":\"\"},\"id\":2}",
            "false", "done", async peer => Told(await peer.RegisterTransfer(Record(), default))
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.PredictSize\",\"params\":{\"FromFilesystemId\":\"\",\"FromSnapshotId\":\"\",\"ToFilesystemId\":\""
            + Master + "\",\"ToSnapshotId\":\"c2\"},\"id\":2}",
            "9223372036854775807", "9223372036854775807", async peer => $"{(await peer.PredictSize(PeerClient.Whole, default)).Value}"
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.PredictSize\",\"params\":{\"FromFilesystemId\":\"" + Master + "\",\"FromSnapshotId\":\"c1\","
            + "\"ToFilesystemId\":\"" + Master + "\",\"ToSnapshotId\":\"c2\"},\"id\":2}",
            "624", "624", async peer => $"{(await peer.PredictSize(PeerClient.Further, default)).Value}"
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.PredictSize\",\"params\":{\"FromFilesystemId\":\"" + Master + "\",\"FromSnapshotId\":\"" + Master
            + "@c1\",\"ToFilesystemId\":\"" + Branch + "\",\"ToSnapshotId\":\"b1\"},\"id\":2}",
            "0", "0", async peer => $"{(await peer.PredictSize(PeerClient.FromOrigin, default)).Value}"
        },
        {
            "{\"jsonrpc\":\"2.0\",\"method\":\"DotmeshRPC.StreamFormats\",\"params\":null,\"id\":2}",
            "[\"dotmesh-zfs-1\",\"zfs-send\"]", "dotmesh-zfs-1, zfs-send", async peer => string.Join(", ", (await peer.Formats(default)).Value)
        },
    };

    [Theory]
    [MemberData(nameof(Questions), DisableDiscoveryEnumeration = true)]
    public async Task A_question_is_what_original_servers_expect_and_their_answer_is_understood(
        string question, string result, string understood, Func<IPeer, Task<string>> ask)
    {
        using var client = new PeerClient();
        await using var stub = await PeerStub.Answering(PeerStub.Result(result));
        Assert.Equal(understood, await ask(await client.Peer(stub)));
        Assert.Equal(
            $"POST /rpc HTTP/1.1\nAuthorization: Basic {PeerClient.Basic}\nContent-Type: application/json\n\n{question}", stub.Seen.Last());
    }

    private static string Told(UncheckedPath path) =>
        $"{path.TopLevelId} {path.Namespace} {path.Name} "
        + string.Join(' ', path.Steps.Select(step =>
            $"{step.Name}|{step.InnerTopLevelId}|{step.FilesystemId}|{step.InnerName}|{step.OriginFilesystemId}|{step.OriginCommitId}"));

    private static string Told(Outcome<Done> outcome) => outcome.Refusal?.ToString() ?? "done";

    private static TransferRecord Record()
    {
        var now = DateTimeOffset.UnixEpoch;
        var request = new TransferRequest
        {
            Peer = "10.192.0.2",
            User = "alice",
            ApiKey = PeerClient.Key,
            Direction = TransferDirection.Push,
            Local = new DotName("admin", "here"),
            RemoteNamespace = "alice",
            RemoteName = "there",
        };
        return TransferRecord.Begin("t1", request, new StorageNodeId("cc35"), now).SyncMetadata(now)
            .Enter(new TransferSegment(1, 1, PeerClient.Master, "", null, null), now)
            .CalculateSize(StreamStart.Start, new CommitId("c2"), now.AddSeconds(1.5));
    }
}
