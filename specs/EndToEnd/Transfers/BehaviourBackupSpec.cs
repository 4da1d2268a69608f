using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>A cluster that takes the place of another one: dots by push, users and names by backup (contract 11.10).</summary>
public sealed class BehaviourBackupSpec() : TwoNodesSpec(onPools: false)
{
    private const string Password = "bob's password";

    private string Key => NodeProcess.ReadKey(Here.Nodes[0].Setup);

    [Fact]
    [Trait("Behaviour", "88")]
    [Trait("Behaviour", "89")]
    [Trait("Behaviour", "90")]
    public async Task Behaviours_88_89_90_a_user_and_his_dot_go_over_with_push_and_backup()
    {
        await Here.Rpc().Call("RegisterNewUser", new { Name = "bob", Email = "bob@bob.com", Password });
        await Here.Rpc().Call("RegisterNewUser", new { Name = "carol", Email = "carol@bob.com", Password });
        using (var bob = As(Here, "bob", Password))
        {
            await bob.Call("Create", new { Namespace = "bob", Name = "restoreme" });
        }

        await Here.Rpc().Call("AddCollaborator", new { MasterBranchID = await IdOf(Here, "bob", "restoreme"), Collaborator = "carol" });
        var dm = Dm.Of(Here.Nodes[0]);
        await dm.Says("switch", "bob/restoreme");
        await dm.Says("commit", "-m", "bob's");
        await dm.Add("c1", There.Nodes[0]);
        await dm.Says("push", "c1");
        Assert.Equal(["admin/restoreme"], await Listed(There.Rpc()));

        var dump = (await Here.Rpc().Call("DumpEtcd", new { Prefix = "" }))!;
        Assert.Equal("v1", (string?)dump["version"]);
        Assert.Equal(true, (bool?)await There.Rpc().Call("RestoreEtcd", new { Prefix = "", Dump = dump.ToJsonString() }));

        foreach (var name in (string[])["bob", "carol"])
        {
            using var user = As(There, name, Password);
            Assert.Equal(["bob/restoreme"], await Listed(user));
            Assert.Equal(
                ["Initial commit", "bob's"],
                ((JsonArray)(await user.Call("Commits", new { Namespace = "bob", Name = "restoreme", Branch = "" }))!).Select(c => (string?)c!["Metadata"]!["message"]));
        }

        using var admin = As(There, "admin", Key);
        Assert.Equal(["bob/restoreme"], await Listed(admin));
        var there = (await admin.Call("List"))!["bob"]!["restoreme"]!;
        Assert.Equal((string?)(await admin.Call("DumpInternalState", ""))!["myNodeId"], (string?)there["Master"]);
        // a second time changes nothing, and the dot takes what comes after it under its new name
        Assert.Equal(true, (bool?)await admin.Call("RestoreEtcd", new { Prefix = "", Dump = dump.ToJsonString() }));
        await admin.Call("Commit", new { Namespace = "bob", Name = "restoreme", Branch = "", Message = "after it" });
        await admin.Text("Procure", new { Namespace = "bob", Name = "restoreme", Subdot = "__default__" });
    }

    [Fact]
    public async Task What_is_not_there_yet_is_named_and_the_rest_is_restored()
    {
        await Here.Rpc().Call("RegisterNewUser", new { Name = "bob", Email = "bob@bob.com", Password });
        await Here.Create("away");
        var at = await Here.Commits("away", "one");
        await Here.Branch("away", "master", "side", at);
        var dump = (await Here.Rpc().Call("DumpEtcd", new { Prefix = "" }))!.ToJsonString();

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => There.Rpc().Call("RestoreEtcd", new { Prefix = "", Dump = dump }));

        Assert.StartsWith("-32000: got error while importing backup: [", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("dot admin/away", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("branch side", refusal.Message, StringComparison.Ordinal);
        using var bob = As(There, "bob", Password);
        Assert.Empty(await Listed(bob));
    }

    [Fact]
    public async Task A_name_that_another_dot_has_and_a_user_with_another_id_stay_what_they_are()
    {
        foreach (var side in (Side[])[Here, There])
        {
            await side.Rpc().Call("RegisterNewUser", new { Name = "bob", Email = "bob@bob.com", Password });
            await side.Rpc().Call("Create", new { Namespace = "bob", Name = "taken" });
        }

        Side.Finished(await Here.Over(await PushOf("bob", "taken", as_: "other")));
        var dump = (await Here.Rpc().Call("DumpEtcd", new { Prefix = "" }))!.ToJsonString();

        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => There.Rpc().Call("RestoreEtcd", new { Prefix = "", Dump = dump }));

        Assert.Contains("Username already exists", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("A volume called bob/taken already exists", refusal.Message, StringComparison.Ordinal);
        using var admin = As(There, "admin", Key);
        Assert.Equal(["admin/other", "bob/taken"], await Listed(admin));
    }

    [Theory]
    [InlineData("{", "failed to unmarshal into a backup structure: ")]
    [InlineData("", "failed to unmarshal into a backup structure: ")]
    [InlineData("""{"version":"v1","users":7}""", "failed to unmarshal into a backup structure: ")]
    [InlineData("""{"version":"v2"}""", "unsupported backup version 'v2', supported version: v1")]
    [InlineData("{}", "unsupported backup version '', supported version: v1")]
    [InlineData("""{"version":"v1","users":[{"Id":"x","Name":"eve","Email":"e@e.e","Password":"","Salt":""}]}""", "user eve: id, name, password and salt are required")]
    [InlineData("""{"version":"v1","users":[{"Id":"x","Name":"eve","Email":"e@e.e","Password":"?","Salt":"?"}]}""", "user eve: ")]
    [InlineData("""{"version":"v1","users":[{"Id":"x","Name":"eve","Email":"e@e.e","Password":" ","Salt":" "}]}""", "user eve: the password needs a salt")]
    [InlineData("""{"version":"v1","users":[{"Id":"x","Name":"eve","Email":"","Password":"eA==","Salt":"eA==","PasswordScheme":"1","PasswordCost":3}]}""", "user eve: ")]
    [InlineData("""{"version":"v1","registry_filesystems":[{"Id":"x","OwnerId":"nobody","Name":"n"}]}""", "there is no user nobody")]
    [InlineData("""{"version":"v1","registry_filesystems":[{"Id":"x","OwnerId":"admin","Name":"n","CollaboratorIds":[null]}]}""", "is no user")]
    [InlineData("""{"version":"v1","registry_filesystems":[null,{}],"registry_clones":[{}]}""", "got error while importing backup: [")]
    public async Task A_backup_that_makes_no_sense_is_refused(string dump, string text)
    {
        var before = (await There.Rpc().Call("DumpEtcd", new { Prefix = "" }))!;
        var refusal = await Assert.ThrowsAsync<RpcErrorException>(() => There.Rpc().Call("RestoreEtcd", new { Prefix = "", Dump = dump }));
        Assert.Contains(text, refusal.Message, StringComparison.Ordinal);
        var after = (await There.Rpc().Call("DumpEtcd", new { Prefix = "" }))!;
        (before["created"], after["created"]) = ("", "");
        Assert.Equal(before.ToJsonString(), after.ToJsonString());
    }

    [Fact]
    public async Task What_an_original_dumps_of_a_cluster_without_dots_is_taken_and_its_users_log_in_as_before()
    {
        const string dump = """
            {"version":"v1","created":"2019-11-01T10:00:00.123Z","users":[
              {"Id":"1a","Name":"dave","Email":"","Salt":"c2FsdA==","Password":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","ApiKey":"dave's key","Metadata":null},
              {"Id":"1b","Name":"erin","Email":"","Salt":"c2FsdA==","Password":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","ApiKey":"erin's key","Metadata":{}}],
             "filesystem_masters":null,"registry_filesystems":null,"registry_clones":null}
            """;
        Assert.Equal(true, (bool?)await There.Rpc().Call("RestoreEtcd", new { Prefix = "", Dump = dump }));
        foreach (var name in (string[])["dave", "erin"])
        {
            using var user = As(There, name, $"{name}'s key");
            Assert.Equal(name, (string?)(await user.Call("CurrentUser"))!["Name"]);
        }
    }

    [Fact]
    public async Task Only_an_admin_has_the_backup()
    {
        await Here.Rpc().Call("RegisterNewUser", new { Name = "bob", Email = "bob@bob.com", Password });
        using var bob = As(Here, "bob", Password);
        await Assert.ThrowsAsync<RpcErrorException>(() => bob.Call("DumpEtcd", new { Prefix = "" }));
        await Assert.ThrowsAsync<RpcErrorException>(() => bob.Call("RestoreEtcd", new { Prefix = "", Dump = "{}" }));
    }

    private static RpcClient As(Side side, string name, string secret) => new(new Uri(side.Nodes[0].Address, "/rpc"), name, secret);

    private static Task<string> IdOf(Side side, string @namespace, string name) =>
        side.Rpc().Text("Exists", new { Namespace = @namespace, Name = name });

    private static async Task<IEnumerable<string>> Listed(RpcClient user) =>
        ((JsonObject)(await user.Call("List"))!).SelectMany(names => ((JsonObject)names.Value!).Select(dot => $"{names.Key}/{dot.Key}"));

    private Task<string> PushOf(string @namespace, string name, string? as_ = null) => Here.Rpc().Text("Transfer", new
    {
        Peer = There.Nodes[0].Setup.Host,
        Port = There.Nodes[0].Setup.ClientPort,
        User = "admin",
        ApiKey = NodeProcess.ReadKey(There.Nodes[0].Setup),
        Direction = "push",
        LocalNamespace = @namespace,
        LocalName = name,
        LocalBranchName = "",
        RemoteNamespace = "admin",
        RemoteName = as_ ?? name,
        RemoteBranchName = "",
        StashDivergence = false,
    });
}
