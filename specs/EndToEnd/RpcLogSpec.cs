using System.Text.Json;
using Dotmesh.Specs.EndToEnd.Behaviours;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>What happened, and who wanted it, as the API tells it.</summary>
public sealed class RpcLogSpec(BehaviourNode node) : IClassFixture<BehaviourNode>
{
    private readonly RpcUser _admin = node.Admin;

    [Fact]
    public async Task The_history_of_a_dot_tells_what_happened_who_did_it_and_when_newest_first()
    {
        var before = TimeProvider.System.GetUtcNow();
        await _admin.Init("admin/storied");
        var first = await _admin.Commit("admin/storied", "first");
        await _admin.Branch("admin/storied", "master", "side", first);
        await _admin.Commit("admin/storied", "on the side", "side");
        await _admin.Result("AddCollaborator", new { MasterBranchID = await _admin.Lookup("admin/storied"), Collaborator = "bob" });
        await node.Bob.Result("Commit", new { Namespace = "admin", Name = "storied", Branch = "", Message = "by bob" });
        await _admin.Result("Rollback", new { Namespace = "admin", Name = "storied", Branch = "", SnapshotId = first });
        await _admin.Result("SetReplication", new { Namespace = "admin", Name = "storied", Copies = 2 });

        var history = await History("storied", 0, 100);

        Assert.Equal(
            ["replication set", "rolled back", "rollback begun", "committed", "shared", "committed", "branched", "committed", "created"],
            history.Select(entry => Text(entry, "Event")));
        Assert.Equal(["admin", "bob"], history.Select(entry => Text(entry, "By")).Distinct().Order());
        Assert.Equal(("bob", "master"), (Text(history[3], "By"), Text(history[3], "Branch")));
        Assert.Equal(("on the side", "Committed."), (Text(history[5], "Text"), Text(history[3], "Text")));
        Assert.Equal(("side", first), (Text(history[6], "Branch"), Text(history[6], "Commit")));
        Assert.Equal("Rolled back; later: 1 commit.", Text(history[1], "Text"));
        Assert.Equal("Kept on 2 nodes.", Text(history[0], "Text"));
        Assert.All(history, entry => Assert.Equal("admin/storied", Text(entry, "Dot")));
        Assert.All(history, entry => Assert.InRange(entry.GetProperty("At").GetDateTimeOffset(), before, TimeProvider.System.GetUtcNow()));
        var sequences = history.Select(entry => entry.GetProperty("Sequence").GetInt64()).ToList();
        Assert.Equal(Enumerable.Range(1, 9).Reverse().Select(at => (long)at), sequences);

        Assert.Equal(["shared", "committed"], (await History("storied", 6, 2)).Select(entry => Text(entry, "Event")));
        Assert.Equal(9, (await node.Bob.Result("History", new { Namespace = "admin", Name = "storied" })).GetArrayLength());
        Assert.Equal("Permission denied.", await node.Alice.Error("History", new { Namespace = "admin", Name = "storied" }));
        Assert.Contains("Limit must be", await _admin.Error("History", new { Namespace = "admin", Name = "storied", Limit = 5000 }), StringComparison.Ordinal);
        Assert.Contains("Before must be", await _admin.Error("History", new { Namespace = "admin", Name = "storied", Before = -1 }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_happened_lately_is_told_of_the_dots_that_one_may_use_and_to_admin_of_those_that_are_gone()
    {
        await _admin.Init("admin/kept");
        await _admin.Commit("admin/kept", "kept");
        await node.Bob.Result("Create", new { Namespace = "bob", Name = "own" });
        await _admin.Init("admin/goner");
        await _admin.Result("Delete", new { Namespace = "admin", Name = "goner" });

        var all = await Activity("", 0);
        Assert.Equal("deleted", Text(all[0], "Event"));
        Assert.Equal("admin/goner", Text(all[0], "Dot"));
        Assert.Contains(all, entry => (Text(entry, "Dot"), Text(entry, "Event")) == ("bob/own", "created"));
        Assert.All(await Activity("committed", 0), entry => Assert.Equal("committed", Text(entry, "Event")));
        Assert.DoesNotContain(all[0].GetProperty("Sequence").GetInt64(), (await Activity("", all[0].GetProperty("Sequence").GetInt64())).Select(entry => entry.GetProperty("Sequence").GetInt64()));

        var bobs = (await node.Bob.Result("Activity", new { Limit = 100 })).EnumerateArray().ToList();
        Assert.NotEmpty(bobs);
        Assert.DoesNotContain(bobs, entry => Text(entry, "Dot") is "admin/kept" or "admin/goner");
        Assert.Contains("There are no events 'zebra'; there are", await _admin.Error("Activity", new { Event = "zebra" }), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_options_of_a_node_are_told_to_admin_with_where_they_come_from()
    {
        Assert.Contains("is not admin user", await node.Bob.Error("Settings", null), StringComparison.Ordinal);
        Assert.Equal(JsonValueKind.Array, (await _admin.Result("Settings", null)).ValueKind);
        Assert.Equal("No such intercluster transfer x", await _admin.Error("TransferLog", new { TransferId = "x" }));
    }

    private async Task<List<JsonElement>> History(string name, long before, int most) =>
        [.. (await _admin.Result("History", new { Namespace = "admin", Name = name, Before = before, Limit = most })).EnumerateArray()];

    private async Task<List<JsonElement>> Activity(string kind, long before) =>
        [.. (await _admin.Result("Activity", new { Event = kind, Before = before, Limit = 1000 })).EnumerateArray()];

    private static string? Text(JsonElement entry, string member) => entry.GetProperty(member).GetString();
}
