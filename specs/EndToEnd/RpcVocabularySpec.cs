using System.Text.Json;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>The older vocabulary (contract 0) and methods that no behaviour names, on a real node.</summary>
public sealed class RpcVocabularySpec : IAsyncLifetime
{
    private RpcHost _host = null!;

    private RpcUser Admin => new(_host, "admin", RpcHost.ApiKey);

    public async Task InitializeAsync() => _host = await RpcHost.StartNode();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task The_life_of_a_volume_in_the_older_vocabulary()
    {
        var path = await Admin.Text("Procure", new { Volume = new { Namespace = "admin", Name = "old" }, Subvolume = "__default__" });
        Assert.EndsWith("/admin/old/__default__", path, StringComparison.Ordinal);
        var names = new { Namespace = "admin", TopLevelFilesystemName = "old", CloneName = "" };
        var id = await Admin.Text("Lookup", names);
        Assert.Equal(id, await Admin.Text("Exists", names));

        var commit = new { Namespace = "admin", TopLevelFilesystemName = "old", CloneName = "", Message = "first" };
        Assert.True((await Admin.Result("Snapshot", commit)).GetBoolean());
        Assert.True((await Admin.Result("Snapshot", commit with { Message = "second" })).GetBoolean());
        var snapshots = (await Admin.Result("Snapshots", names)).EnumerateArray().ToList();
        Assert.Equal(["Initial commit", "first", "second"], snapshots.Select(snapshot => RpcUser.Metadata(snapshot, "message")));
        Assert.Equal(3, (await Admin.Result("SnapshotsById", new[] { id })).GetArrayLength());
        var first = snapshots[1].GetProperty("Id").GetString();

        await Admin.Result(
            "Clone",
            new { Namespace = "admin", Volume = "old", SourceBranch = "master", NewBranchName = "b1", SourceSnapshotId = first });
        Assert.Equal("""["b1"]""", (await Admin.Result("Clones", RpcUser.Dot("admin/old"))).GetRawText());
        await Admin.Result(
            "Rollback", new { Namespace = "admin", TopLevelFilesystemName = "old", CloneName = "", SnapshotId = first });
        Assert.Equal(["Initial commit", "first"], await Admin.Log("admin/old"));

        await Admin.Result("RegisterNewUser", new { Name = "bob", Email = "b@example.com", Password = "bob is great" });
        await Admin.Result("AddCollaborator", new { Volume = id, Collaborator = "bob" });
        await Admin.Result("DeleteVolume", RpcUser.Dot("admin/old"));
        Assert.Equal("", await Admin.Text("Exists", names));
    }

    [Fact]
    public async Task AllVolumesAndClones_is_AllDotsAndBranches_with_older_names()
    {
        await Admin.Init("admin/both");
        await Admin.Branch("admin/both", "master", "side", await Admin.Commit("admin/both"));

        var now = (await Admin.Result("AllDotsAndBranches")).GetProperty("Dots")[0];
        var older = await Admin.Result("AllVolumesAndClones");

        var volume = older.GetProperty("Volumes")[0];
        foreach (var (name, oldName) in new[]
        {
            ("MasterBranch", "TopLevelVolume"), ("OtherBranches", "CloneVolumes"), ("Owner", "Owner"), ("Collaborators", "Collaborators"),
        })
        {
            Assert.True(JsonElement.DeepEquals(now.GetProperty(name), volume.GetProperty(oldName)), $"{name}: {now} {volume}");
        }

        Assert.Equal("side", volume.GetProperty("CloneVolumes")[0].GetProperty("Clone").GetString());
        Assert.Single(older.GetProperty("Servers").EnumerateArray());
    }

    [Fact]
    public async Task StashAfter_moves_what_came_after_a_commit_to_a_branch_and_answers_its_name()
    {
        await Admin.Init("admin/stashed");
        var path = await Admin.Procure("admin/stashed");
        await File.WriteAllTextAsync(Path.Combine(path, "file"), "first");
        var first = await Admin.Commit("admin/stashed", "first");
        await File.WriteAllTextAsync(Path.Combine(path, "file"), "second");
        await Admin.Commit("admin/stashed", "second");
        await File.WriteAllTextAsync(Path.Combine(path, "file"), "not committed");

        var branch = await Admin.Text(
            "StashAfter", new { FilesystemId = await Admin.Lookup("admin/stashed"), SnapshotId = first });

        Assert.Matches("^master-DIVERGED-[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}-[0-9]{2}-[0-9]{2}Z$", branch);
        Assert.Equal(["Initial commit", "first"], await Admin.Log("admin/stashed"));
        Assert.Equal("first", await File.ReadAllTextAsync(Path.Combine(path, "file")));
        Assert.Contains("second", await Admin.Log("admin/stashed", branch));
        Assert.Equal(
            "not committed",
            await File.ReadAllTextAsync(Path.Combine(await Admin.Procure($"admin/stashed@{branch}"), "file")));
    }

    [Fact]
    public async Task A_fault_point_that_the_program_does_not_have_is_refused_with_the_one_that_may_be_meant()
    {
        Assert.Equal(
            "Unknown fault point comit.after-storage. Did you mean commit.after-storage?",
            await Admin.Error("SetDebugFlag", new { FlagName = "FaultPoint:comit.after-storage", FlagValue = "kill" }));
        Assert.Equal(
            "Unknown fault point lunch. Dotmesh.Actors/FaultPoints.cs has them all.",
            await Admin.Error("SetDebugFlag", new { FlagName = "FaultPoint:lunch", FlagValue = "error" }));

        await Admin.Init("admin/faulty");
        var point = new { FlagName = "FaultPoint:commit.before-storage", FlagValue = "error" };
        Assert.Equal("", await Admin.Text("SetDebugFlag", point));
        Assert.Contains("Injected fault", await Admin.Error("Commit", RpcUser.Triple("admin/faulty")), StringComparison.Ordinal);
        Assert.Equal("error", await Admin.Text("SetDebugFlag", point with { FlagValue = "" }));
    }

    [Fact]
    public async Task The_metrics_page_counts_what_the_actors_did()
    {
        await Admin.Init("admin/counted");
        await Admin.Commit("admin/counted");

        var page = await _host.Http.GetStringAsync("/metrics");

        Assert.Matches("dm_state_transition_total\\{from=\"active\",to=\"active\",status=\"waiting\"\\} [1-9]", page);
        Assert.Matches("dotmesh_dot_commands_total\\{command=\"Commit\",outcome=\"ok\"\\} [1-9]", page);
        Assert.Matches("dotmesh_dot_command_seconds_count\\{command=\"Create\"\\} [1-9]", page);
        Assert.Matches("dotmesh_dots_awake [1-9]", page);
        Assert.Matches("dotmesh_gateway_in_flight [0-9]", page);
    }
}
