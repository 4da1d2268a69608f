using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Methods;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed partial class RpcOpenRpcSpec
{
    private static readonly MethodTable Table = new();

    [Fact]
    public void The_table_has_every_method_of_both_vocabularies()
    {
        string[] names =
        [
            "Ping", "CurrentUser", "AuthenticatedUser", "Config", "Version", "CheckNameIsValid", "GetApiKey", "ResetApiKey",
            "UpdatePassword", "RegisterNewUser", "UpdateUserPassword", "UserFromName", "UserFromEmail", "UserFromCustomerId",
            "SetUserMetadataField", "DeleteUserMetadataField", "SetUserEmail", "UpdateUserPaymentDetails", "AddCollaborator",
            "RemoveCollaborator", "Create", "Delete", "DeleteVolume", "Exists", "Get", "List", "ListWithContainers", "Lookup",
            "Containers", "ContainersById", "Commit", "Snapshot", "Commits", "CommitSizes", "Snapshots", "CommitsById", "SnapshotsById",
            "Rollback", "Branch", "Clone", "Branches", "Clones", "SwitchContainers", "AllDotsAndBranches", "AllVolumesAndClones", "MountCommit",
            "StashAfter", "GetReplicationLatencyForBranch", "PredictSize", "DeducePathToTopLevelFilesystem", "Procure",
            "History", "Activity", "TransferLog", "Settings", "ForceBranchMasterById", "SetReplication", "MoveDot", "Nodes", "Users", "DrainNode", "Transfer", "GetTransfer", "Transfers",
            "CancelTransfer", "RetryTransfer", "RegisterFilesystem", "RegisterTransfer", "StreamFormats", "ResumePoint", "SetDebugFlag", "DumpInternalState", "SubmitPayment", "DumpEtcd",
            "RestoreEtcd",
        ];
        Assert.Equal(
            names.Select(name => $"DotmeshRPC.{name}").Append("rpc.discover").Order(StringComparer.Ordinal),
            Table.All.Select(method => method.Name).Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public void Every_method_is_called_by_a_spec_or_in_a_recorded_exchange()
    {
        using var folder = new ScratchFolder();
        var called = Directory.GetFiles(folder.Checkout("specs/EndToEnd"), "*", SearchOption.AllDirectories)
            .SelectMany(file => Called().Matches(File.ReadAllText(file))).Select(call => call.Groups["name"].Value);

        Assert.Empty(Table.All.Select(method => method.Name[(method.Name.IndexOf('.', StringComparison.Ordinal) + 1)..]).Except(called));
    }

    [Fact]
    public void The_older_name_of_a_method_takes_the_same_parameters_and_rights()
    {
        foreach (var older in Table.All.Where(method => method.OlderNameOf is not null))
        {
            var newer = Table.Find(older.OlderNameOf!)!;
            Assert.Equal(newer.Arguments, older.Arguments);
            Assert.Equal((newer.Access, newer.Right, newer.Answered), (older.Access, older.Right, older.Answered));
        }
    }

    [Fact]
    public void The_OpenRPC_document_has_what_the_specification_demands()
    {
        var document = DiscoverMethods.Document(Table.All, "0.1.0");

        Assert.Equal("1.3.2", (string?)document["openrpc"]);
        Assert.Equal(("Dotmesh", "0.1.0"), ((string?)document["info"]!["title"], (string?)document["info"]!["version"]));
        var methods = document["methods"]!.AsArray();
        Assert.Equal(Table.All.Count, methods.Select(method => (string?)method!["name"]).Distinct().Count());
        Assert.All(methods, method =>
        {
            Assert.False(string.IsNullOrEmpty((string?)method!["name"]));
            Assert.Contains((string?)method["paramStructure"], new[] { "by-name", "by-position" });
            Assert.All(method["params"]!.AsArray(), AssertDescriptor);
            Assert.Equal(
                method["params"]!.AsArray().Count,
                method["params"]!.AsArray().Select(parameter => (string?)parameter!["name"]).Distinct().Count());
            AssertDescriptor(method["result"]);
        });
    }

    [Fact]
    public void Results_have_schemas_made_from_their_types()
    {
        var document = DiscoverMethods.Document(Table.All, "0.1.0");
        var get = document["methods"]!.AsArray().Single(method => (string?)method!["name"] == "DotmeshRPC.Get")!;
        var properties = get["result"]!["schema"]!["properties"]!.AsObject();
        Assert.Contains("CommitCount", properties.Select(property => property.Key));
        Assert.Contains("Clone", properties.Select(property => property.Key));
    }

    private static void AssertDescriptor(JsonNode? descriptor)
    {
        Assert.False(string.IsNullOrEmpty((string?)descriptor!["name"]));
        Assert.True(descriptor["schema"] is JsonObject or JsonValue, $"{descriptor["name"]} has a schema");
    }

    [GeneratedRegex(
        @"\b(?:Call|Result|Text|Error)\(\s*(?:\w+, )?""(?<name>\w+)""|""method"":\s*""(?:DotmeshRPC|rpc)\.(?<name>\w+)""",
        RegexOptions.None,
        1000)]
    private static partial Regex Called();
}
