using System.Text.Json;
using System.Text.Json.Nodes;
using Dotmesh.Client;

namespace Dotmesh.Cli.Config;

/// <summary>
/// The config file (contract 7.2) in memory. What is not known here stays as it stands, so that the original's command line and
/// newer ones can share the file.
/// </summary>
internal sealed class DmConfig(JsonObject root)
{
    private JsonObject Remotes => Child(root, "Remotes");

    public string CurrentRemote
    {
        get => Text(root, "CurrentRemote");
        set => root["CurrentRemote"] = value;
    }

    /// <summary>Sorted.</summary>
    public IReadOnlyList<string> RemoteNames => Names(root["Remotes"]);

    /// <summary>Remotes of the S3 kind, which the original makes; sorted.</summary>
    public IReadOnlyList<string> S3RemoteNames => Names(root["S3Remotes"]);

    /// <summary>Null when it is no such file.</summary>
    public static DmConfig? Parse(string text)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            return new DmConfig([]);
        }

        try
        {
            return JsonNode.Parse(text) is JsonObject root && root["Remotes"] is (null or JsonObject) && root["S3Remotes"] is (null or JsonObject)
                ? new DmConfig(root)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>One line, as the original writes it.</summary>
    public string ToText() => Output.JsonText.OneLine(root) + "\n";

    public bool HasRemote(string name) => (root["Remotes"] as JsonObject)?.ContainsKey(name) ?? false;

    public Remote? Remote(string name) => (root["Remotes"] as JsonObject)?[name] is JsonObject entry
        ? new Remote(Text(entry, "User"), Text(entry, "Hostname"), Number(entry, "Port"), Text(entry, "ApiKey"))
        : null;

    public string S3KeyId(string name) => (root["S3Remotes"] as JsonObject)?[name] is JsonObject entry ? Text(entry, "KeyID") : "";

    public void AddRemote(string name, Remote remote)
    {
        var entry = new JsonObject { ["User"] = remote.User, ["Hostname"] = remote.Hostname };
        if (remote.Port != 0)
        {
            entry["Port"] = remote.Port;
        }

        entry["ApiKey"] = remote.Secret;
        entry["CurrentVolume"] = "";
        entry["CurrentBranches"] = null;
        entry["DefaultRemoteVolumes"] = null;
        Remotes[name] = entry;
    }

    public void SetSecret(string remote, string secret) => Entry(remote)["ApiKey"] = secret;

    /// <summary>The current remote may be the one that goes: there is none then.</summary>
    public bool RemoveRemote(string name)
    {
        var removed = Remotes.Remove(name) || ((root["S3Remotes"] as JsonObject)?.Remove(name) ?? false);
        if (removed && CurrentRemote == name)
        {
            CurrentRemote = "";
        }

        return removed;
    }

    /// <summary>Null when none is chosen.</summary>
    public DotName? CurrentDot(string remote) =>
        Text(Entry(remote), "CurrentVolume") is { Length: > 0 } text ? DotName.Parse(text) : null;

    /// <param name="dot">Null: none is chosen any more.</param>
    public void SetCurrentDot(string remote, DotName? dot) => Entry(remote)["CurrentVolume"] = dot?.Short ?? "";

    public string CurrentBranch(string remote, DotName dot) =>
        Entry(remote)["CurrentBranches"] is JsonObject branches && Text(branches, dot.Short) is { Length: > 0 } branch
            ? branch
            : DotmeshClient.MasterBranch;

    public void SetCurrentBranch(string remote, DotName dot, string branch) => Child(Entry(remote), "CurrentBranches")[dot.Short] = branch;

    /// <summary>What is remembered of a dot that is gone.</summary>
    public void Forget(string remote, DotName dot)
    {
        if (CurrentDot(remote) == dot)
        {
            SetCurrentDot(remote, null);
        }

        (Entry(remote)["CurrentBranches"] as JsonObject)?.Remove(dot.Short);
        foreach (var name in RemoteNames)
        {
            ((Entry(name)["DefaultRemoteVolumes"] as JsonObject)?[dot.Namespace] as JsonObject)?.Remove(dot.Name);
        }
    }

    /// <summary>The dot on a remote that a local one is pushed to and pulled from; null when it is not known yet.</summary>
    public DotName? Upstream(string remote, DotName local) =>
        ((Entry(remote)["DefaultRemoteVolumes"] as JsonObject)?[local.Namespace] as JsonObject)?[local.Name] is JsonObject found
            ? new DotName(Text(found, "Namespace"), Text(found, "Name"))
            : null;

    public void SetUpstream(string remote, DotName local, DotName there) =>
        Child(Child(Entry(remote), "DefaultRemoteVolumes"), local.Namespace)[local.Name] =
            new JsonObject { ["Namespace"] = there.Namespace, ["Name"] = there.Name };

    private JsonObject Entry(string remote) => (root["Remotes"] as JsonObject)?[remote] as JsonObject ?? [];

    private static JsonObject Child(JsonObject parent, string name)
    {
        if (parent[name] is not JsonObject child)
        {
            parent[name] = child = [];
        }

        return child;
    }

    private static List<string> Names(JsonNode? remotes) =>
        remotes is JsonObject found ? [.. found.Select(pair => pair.Key).Order(StringComparer.Ordinal)] : [];

    private static string Text(JsonObject from, string member) =>
        from[member] is JsonValue value && value.TryGetValue<string>(out var text) ? text : "";

    private static int Number(JsonObject from, string member) =>
        from[member] is JsonValue value && value.TryGetValue<int>(out var number) ? number : 0;
}
