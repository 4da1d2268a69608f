using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dotmesh.Client;

/// <summary>The cluster itself, its nodes and its users (contract 2.1, 2.2, 2.7).</summary>
public sealed partial class DotmeshClient
{
    public Task Ping(CancellationToken ct) => Rpc("Ping", null, ct);

    public Task<ServerVersion> Version(CancellationToken ct) => Rpc("Version", null, ClientJson.Default.ServerVersion, ct);

    public Task<User> CurrentUser(CancellationToken ct) => Rpc("CurrentUser", null, ClientJson.Default.User, ct);

    /// <summary>The nodes of the cluster. For admin.</summary>
    public async Task<Node[]> Nodes(CancellationToken ct) => await Rpc("Nodes", null, ClientJson.Default.NodeArray, ct) ?? [];

    /// <summary>The options of the node that is asked. For admin.</summary>
    public async Task<Setting[]> Settings(CancellationToken ct) => await Rpc("Settings", null, ClientJson.Default.SettingArray, ct) ?? [];

    /// <summary>Hands the dots of a node over to the others. For admin.</summary>
    public Task<Drained> DrainNode(string node, CancellationToken ct) =>
        Rpc("DrainNode", new JsonObject { ["Node"] = node }, ClientJson.Default.Drained, ct);

    /// <summary>Hands a dot over to a node, with what was not committed. For admin.</summary>
    public Task MoveDot(DotName dot, string node, CancellationToken ct)
    {
        var parameters = Named(dot);
        parameters["Node"] = node;
        return Rpc("MoveDot", parameters, ct);
    }

    /// <summary>Makes a node control a dot whatever its node says. For admin.</summary>
    /// <param name="node">Empty: the node that is asked.</param>
    public Task ForceMaster(string filesystemId, string node, CancellationToken ct) =>
        Rpc("ForceBranchMasterById", new JsonObject { ["FilesystemId"] = filesystemId, ["Master"] = node }, ct);

    /// <summary>How many nodes hold a dot; 0: what the cluster's option says.</summary>
    public Task SetReplication(DotName dot, int copies, CancellationToken ct)
    {
        var parameters = Named(dot);
        parameters["Copies"] = copies;
        return Rpc("SetReplication", parameters, ct);
    }

    /// <summary>All users. For admin.</summary>
    public async Task<User[]> Users(CancellationToken ct) => await Rpc("Users", null, ClientJson.Default.UserArray, ct) ?? [];

    public Task<User> RegisterUser(string name, string email, string password, CancellationToken ct) => Rpc(
        "RegisterNewUser", new JsonObject { ["Name"] = name, ["Email"] = email, ["Password"] = password }, ClientJson.Default.User, ct);

    /// <summary>The caller's own.</summary>
    public Task SetPassword(string password, CancellationToken ct) => Rpc("UpdatePassword", new JsonObject { ["NewPassword"] = password }, ct);

    /// <summary>Of another user, by name, e-mail or id. For admin.</summary>
    public Task SetPassword(string user, string password, CancellationToken ct) =>
        Rpc("UpdateUserPassword", new JsonObject { ["Id"] = user, ["NewPassword"] = password }, ct);

    /// <summary>Of a user, by name, e-mail or id. For admin.</summary>
    public Task SetEmail(string user, string email, CancellationToken ct) =>
        Rpc("SetUserEmail", new JsonObject { ["Id"] = user, ["Email"] = email }, ct);

    /// <summary>Sets a metadata field of a user. For admin.</summary>
    /// <param name="value">Null: the field goes.</param>
    public Task SetUserField(string user, string field, string? value, CancellationToken ct) => value is null
        ? Rpc("DeleteUserMetadataField", new JsonObject { ["Id"] = user, ["Field"] = field }, ct)
        : Rpc("SetUserMetadataField", new JsonObject { ["Id"] = user, ["Field"] = field, ["Value"] = value }, ct);

    public async Task<string> GetApiKey(CancellationToken ct) => (await Rpc("GetApiKey", null, ClientJson.Default.ApiKeyReply, ct)).ApiKey;

    /// <summary>A new key; the old one is refused from now on. This client must have been made with the password.</summary>
    public async Task<string> ResetApiKey(CancellationToken ct) => (await Rpc("ResetApiKey", null, ClientJson.Default.ApiKeyReply, ct)).ApiKey;

    /// <summary>Users and names without any data (contract 3.9). It holds hashes and keys. For admin.</summary>
    public Task<JsonElement> Backup(CancellationToken ct) => Rpc("DumpEtcd", new JsonObject { ["Prefix"] = "" }, ClientJson.Default.JsonElement, ct);

    /// <param name="backup">The text of a <see cref="Backup"/>.</param>
    public Task Restore(string backup, CancellationToken ct) => Rpc("RestoreEtcd", new JsonObject { ["Prefix"] = "", ["Dump"] = backup }, ct);
}
