using System.Globalization;
using System.Text.Json.Serialization;

namespace Dotmesh.Client;

/// <summary>Name of a dot.</summary>
public readonly record struct DotName(string Namespace, string Name)
{
    /// <summary>The namespace of names that have none.</summary>
    public const string Admin = "admin";

    /// <summary><c>[NAMESPACE/]DOT</c>. What is wrong with a name is said by the server.</summary>
    public static DotName Parse(string text, string otherwise = Admin) =>
        text.IndexOf('/') is > 0 and var slash ? new DotName(text[..slash], text[(slash + 1)..]) : new DotName(otherwise, text);

    /// <summary>As people write it: without <c>admin/</c>.</summary>
    public string Short => Namespace == Admin ? Name : ToString();

    public override string ToString() => $"{Namespace}/{Name}";
}

// Members with a default have setters: generated readers give an init-only member that is absent no default, and original servers leave some out.

/// <summary>A branch of a dot (contract 3.1).</summary>
public sealed record DotBranch
{
    /// <summary>Filesystem id; of the master branch the dot's.</summary>
    public string Id { get; set; } = "";

    public DotName Name { get; init; }

    /// <summary>Empty: master.</summary>
    public string Branch { get; set; } = "";

    /// <summary>Id of the controlling node.</summary>
    public string Master { get; set; } = "";

    public long SizeBytes { get; init; }

    /// <summary>Written since the last commit.</summary>
    public long DirtyBytes { get; init; }

    public int CommitCount { get; init; }

    /// <summary>Node id -> <c>active</c>, <c>inactive</c>, <c>missing</c>, <c>failed</c>, <c>unknown</c>.</summary>
    public Dictionary<string, string>? ServerStates { get; init; }

    public Dictionary<string, string>? ServerStatuses { get; init; }

    [JsonIgnore]
    public string BranchName => Branch.Length == 0 ? DotmeshClient.MasterBranch : Branch;
}

/// <summary>Contract 3.2.</summary>
public sealed record Commit
{
    public string Id { get; set; } = "";

    public SortedDictionary<string, string>? Metadata { get; init; }

    [JsonIgnore]
    public string Message => this["message"];

    [JsonIgnore]
    public string Author => this["author"];

    [JsonIgnore]
    public DateTimeOffset? Time =>
        long.TryParse(this["timestamp"], CultureInfo.InvariantCulture, out var nanoseconds)
            ? DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick)
            : null;

    public string this[string key] => Metadata?.GetValueOrDefault(key) ?? "";
}

/// <param name="SizeBytes">What all files of the branch held at the commit.</param>
public sealed record CommitSize(string Id, long SizeBytes);

/// <param name="Name">The engine's, with its leading slash.</param>
public sealed record Container(string Name, string Id)
{
    /// <summary>As people write it: without the slash.</summary>
    [JsonIgnore]
    public string PlainName => Name.TrimStart('/');
}

/// <summary>A dot in a list: its master branch and the containers that use that.</summary>
public sealed record DotListing
{
    public DotBranch Volume { get; set; } = new();

    public Container[]? Containers { get; init; }
}

/// <summary>Contract 3.5.</summary>
public sealed record DotTree
{
    public DotBranch MasterBranch { get; set; } = new();

    public DotBranch[]? OtherBranches { get; init; }

    public User? Owner { get; init; }

    public User[]? Collaborators { get; init; }

    /// <summary>The master branch first.</summary>
    [JsonIgnore]
    public IEnumerable<DotBranch> Branches => (OtherBranches ?? []).Prepend(MasterBranch);
}

/// <summary>A branch with its own commits.</summary>
/// <param name="Commits">Oldest first.</param>
/// <param name="Origin">Where it begins; null: the master branch.</param>
public sealed record BranchHistory(DotBranch Branch, IReadOnlyList<Commit> Commits, CommitPlace? Origin);

public sealed record Server(string Id, string[]? Addresses);

public sealed record DotsAndServers(DotTree[]? Dots, Server[]? Servers);

/// <summary>A user as others see one (contract 3.7).</summary>
public sealed record User
{
    public string Id { get; set; } = "";

    public string Name { get; set; } = "";

    public string Email { get; set; } = "";

    public SortedDictionary<string, string>? Metadata { get; init; }
}

/// <summary>Where a branch begins, back to the master branch (contract 3.6).</summary>
public sealed record BranchPath
{
    public string TopLevelFilesystemId { get; set; } = "";

    /// <summary>Root to tip.</summary>
    [JsonPropertyName("Clones")]
    public BranchStep[]? Branches { get; init; }
}

public sealed record BranchStep(string Name, [property: JsonPropertyName("Clone")] BranchStart Branch);

public sealed record BranchStart(string FilesystemId, CommitPlace Origin);

public sealed record CommitPlace(string FilesystemId, string SnapshotId);

/// <summary>Contract 3.10.</summary>
public sealed record ServerVersion
{
    [JsonPropertyName("installed_version")]
    public string Installed { get; set; } = "";

    [JsonPropertyName("current_version")]
    public string Newest { get; set; } = "";

    [JsonPropertyName("current_download_url")]
    public string DownloadUrl { get; set; } = "";

    [JsonPropertyName("outdated")]
    public bool Outdated { get; init; }
}

/// <param name="Moved">Dots that other nodes control now.</param>
/// <param name="Left">Dots that are still there; <paramref name="Reasons"/> says why, for the first few.</param>
public sealed record Drained(int Moved, int Left, string[]? Reasons);

/// <summary>Something that happened to a dot or to a transfer.</summary>
/// <param name="Sequence">Its place among the others, from 1.</param>
/// <param name="Dot"><c>NAMESPACE/NAME</c>; of one that is gone perhaps its id.</param>
/// <param name="By">User name; <c>system</c>: a node by itself; empty where nobody is told.</param>
/// <param name="Event">What kind it is of.</param>
/// <param name="Branch">Empty: none, or all.</param>
/// <param name="Commit">Empty: none, or several.</param>
/// <param name="Text">As a sentence.</param>
public sealed record LogEntry(
    long Sequence, DateTimeOffset At, string Dot, string By, string Event, string Branch, string Commit, string Text);

/// <summary>An option of a node as it took effect.</summary>
/// <param name="Name"><c>Section:Name</c>.</param>
/// <param name="Value">With its unit; a secret is masked.</param>
/// <param name="Source"><c>default</c>, a file, a variable, <c>command line</c>.</param>
/// <param name="About">What it is for.</param>
public sealed record Setting(string Name, string Value, string Source, string About);

internal sealed record ApiKeyReply(string ApiKey);

/// <summary>A node of the cluster.</summary>
/// <param name="State"><c>up</c>, or <c>away</c> when the others do not reach it.</param>
/// <param name="Dots">How many it controls.</param>
/// <param name="PoolSizeBytes">0, as the others, of a node that does not answer.</param>
/// <param name="Database"><c>up</c>, or <c>away</c> when the node does not reach it; empty of a node that does not answer, or is an older one.</param>
public sealed record Node(
    string Id, string[]? Addresses, string State, string Version, int Dots, string Storage, string Pool, string PoolHealth,
    long PoolSizeBytes, long PoolFreeBytes, string Database = "")
{
    private const double LittleSpace = 0.1;

    [JsonIgnore]
    public bool IsUp => State == "up";

    /// <summary>It says that it does not reach its database.</summary>
    [JsonIgnore]
    public bool LacksDatabase => Database == "away";

    /// <summary>Less than a tenth of its pool is free.</summary>
    [JsonIgnore]
    public bool HasLittleSpace => PoolSizeBytes > 0 && PoolFreeBytes < PoolSizeBytes * LittleSpace;
}
