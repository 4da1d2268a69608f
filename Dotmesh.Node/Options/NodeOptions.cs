using System.Collections.Immutable;
using Dotmesh.Actors;

namespace Dotmesh.Node.Options;

/// <summary>All options of a node, complete and valid: nothing is left to guess for those who read them.</summary>
public sealed partial record NodeOptions
{
    public FolderOptions Node { get; init; } = new();

    public ListenOptions Listen { get; init; } = new();

    public StorageOptions Storage { get; init; } = new();

    public DatabaseOptions Database { get; init; } = new();

    public AdminOptions Admin { get; init; } = new();

    public RpcOptions Rpc { get; init; } = new();

    public ClusterOptions Cluster { get; init; } = new();

    public TlsOptions Tls { get; init; } = new();

    public ReplicationOptions Replication { get; init; } = new();

    public FailoverOptions Failover { get; init; } = new();

    public TransferOptions Transfers { get; init; } = new();

    public DockerOptions Docker { get; init; } = new();

    public BillingOptions Billing { get; init; } = new();

    public TelemetryOptions Telemetry { get; init; } = new();

    public LogOptions Log { get; init; } = new();

    public DebugOptions Debug { get; init; } = new();
}

public enum Answer
{
    No,

    Yes,
}

public sealed record FolderOptions
{
    [Option("Folder of the command line's config file, admin-password.txt and node.json.", Form = OptionForm.Path)]
    public string ConfigFolder { get; init; } = "~/.dotmesh";

    [Option("Folder of everything the node stores.", Form = OptionForm.Path, DefaultFrom = "<Node:ConfigFolder>/data")]
    public string DataFolder { get; init; } = "";

    [Option("Whether the node stops, in order, when its standard input ends, as it does when the program dies that started it: yes or no.")]
    public Answer StopAtEndOfInput { get; init; } = Answer.No;
}

public sealed record ListenOptions
{
    [Option("IP address that both ports listen on; 0.0.0.0 or :: is all of them.", Form = OptionForm.Address)]
    public string Address { get; init; } = "127.0.0.1";

    [Option("Port of the documented API; 0 takes any free one.", Max = 65_535)]
    public int ReferencePort { get; init; } = 6969;

    [Option(
        "Port that existing dm clients and servers use; 0 takes any free one.",
        Max = 65_535,
        OriginalVariable = "DOTMESH_SERVER_PORT")]
    public int ClientPort { get; init; } = 32_607;

    [Option("Port of streams and queries between the nodes of a cluster; 0 takes any free one. Opened in a cluster only.", Max = 65_535)]
    public int NodePort { get; init; } = 32_608;

    [Option("Whether this node serves the console for browsers, under /ui of both ports: yes or no.")]
    public Answer Console { get; init; } = Answer.Yes;
}

public enum StorageDriver
{
    /// <summary><see cref="Zfs"/> when a pool is named, else <see cref="Directory"/>. Never seen in loaded options.</summary>
    Auto,

    /// <summary>Folders and hard links: needs nothing.</summary>
    Directory,

    /// <summary>A ZFS pool.</summary>
    Zfs,
}

public sealed record StorageOptions
{
    [Option("Where dots are kept: directory, zfs, or auto, which is zfs when Storage:Pool is given.")]
    public StorageDriver Driver { get; init; } = StorageDriver.Auto;

    [Option("Name of the ZFS pool.", OriginalVariable = "POOL")]
    public string Pool { get; init; } = "";

    [Option("Folder of the directory driver.", Form = OptionForm.Path, DefaultFrom = "<Node:DataFolder>/pool")]
    public string Root { get; init; } = "";

    [Option(
        "Filesystems are mounted at <prefix>/dmfs/<id>.",
        Form = OptionForm.Path,
        DefaultFrom = "<Node:DataFolder>/mnt",
        OriginalVariable = "MOUNT_PREFIX")]
    public string MountPrefix { get; init; } = "";

    [Option(
        "Folder of the links that Procure answers.",
        Form = OptionForm.Path,
        DefaultFrom = "<Node:DataFolder>/container_mnt",
        OriginalVariable = "CONTAINER_MOUNT_PREFIX")]
    public string ContainerMountPrefix { get; init; } = "";

    [Option(
        "Folder whose sbin holds zfs and zpool; empty looks them up in PATH.",
        Form = OptionForm.Path,
        OriginalVariable = "ZFS_USERLAND_ROOT")]
    public string ZfsRoot { get; init; } = "";

    [Option("A storage command that reads and writes nothing for this long is killed.", Unit = "s", Min = 1, Max = 86_400)]
    public int StallSeconds { get; init; } = 60;
}

public sealed record DatabaseOptions
{
    [Option(
        "SQLite file of directory and users; the journal is beside it, in <name>.journal.db.",
        Form = OptionForm.Path,
        DefaultFrom = "<Node:DataFolder>/dotmesh.db")]
    public string Path { get; init; } = "";

    [Option("Host of the PostgreSQL server that all nodes of a cluster share; empty uses SQLite, for one node.")]
    public string Host { get; init; } = "";

    [Option("Port of that server.", Min = 1, Max = 65_535)]
    public int Port { get; init; } = 5432;

    [Option("Name of the database on that server.")]
    public string Name { get; init; } = "dotmesh";

    [Option("User of that database.")]
    public string User { get; init; } = "dotmesh";

    [Option("That user's password.", Secret = true)]
    public string Password { get; init; } = "";

    [Option("File with that password.")]
    public string PasswordFile { get; init; } = "";

    // not the generated one, which would print the password into a log
    public override string ToString() => "DatabaseOptions";
}

public sealed record ReplicationOptions
{
    [Option("Nodes that hold each dot, the controlling one included; 0 is all of them. SetReplication changes it for one dot.", Max = 1000)]
    public int Copies { get; init; }

    [Option("Dots that a node copies from others at the same time.", Min = 1, Max = 64)]
    public int AtOnce { get; init; } = 4;
}

public enum FailoverMode
{
    /// <summary>The nodes with the newest copies take a dead node's dots.</summary>
    Automatic,

    /// <summary>They wait for the node, or for an administrator.</summary>
    Manual,
}

public sealed record FailoverOptions
{
    [Option("What happens to the dots of a dead node: automatic gives them to the nodes with the newest copies, manual leaves them.")]
    public FailoverMode Mode { get; init; } = FailoverMode.Automatic;

    [Option("A node that stops hands its dots over to the others for at most this long.", Unit = "s", Max = 3600)]
    public int DrainSeconds { get; init; } = 20;
}

public sealed record AdminOptions
{
    [Option(
        "Password that admin is given at every start; as a variable of the original in base64.",
        Secret = true,
        OriginalVariable = "INITIAL_ADMIN_PASSWORD")]
    public string InitialPassword { get; init; } = "";

    [Option("File with that password, in clear.", OriginalVariable = "INITIAL_ADMIN_PASSWORD_FILE")]
    public string InitialPasswordFile { get; init; } = "";

    [Option(
        "API key that admin is given at every start; as a variable of the original in base64.",
        Secret = true,
        OriginalVariable = "INITIAL_ADMIN_API_KEY")]
    public string InitialApiKey { get; init; } = "";

    [Option("File with that API key, in clear.", OriginalVariable = "INITIAL_ADMIN_API_KEY_FILE")]
    public string InitialApiKeyFile { get; init; } = "";

    // not the generated one, which would print the secrets into a log
    public override string ToString() => "AdminOptions";
}

public sealed record RpcOptions
{
    [Option("A request is answered within this time, whatever happens.", Unit = "s", Min = 1, Max = 86_400)]
    public int DeadlineSeconds { get; init; } = 30;

    [Option("Requests worked on at once; more are refused as overload.", Min = 1, Max = 1_000_000)]
    public int MaxInFlight { get; init; } = 1024;

    [Option("Largest request body.", Unit = "bytes", Min = 1024, Max = 1 << 30)]
    public int MaxBodyBytes { get; init; } = 1 << 20;

    [Option("Most requests in one batch.", Min = 1, Max = 100_000)]
    public int MaxBatch { get; init; } = 100;

    [Option("Deepest nesting of a request.", Min = 4, Max = 1000)]
    public int MaxDepth { get; init; } = 64;
}

public sealed record BillingOptions
{
    [Option("Where SubmitPayment posts to; empty turns it off.", Form = OptionForm.Url)]
    public string Endpoint { get; init; } = "";

    [Option("Plans as Config answers them, in JSON.", Form = OptionForm.Json)]
    public string Plans { get; init; } = "null";

    [Option("Stripe's public key as Config answers it.")]
    public string StripePublicKey { get; init; } = "";
}

public enum OtlpProtocol
{
    /// <summary>gRPC, collectors listen on port 4317.</summary>
    Grpc,

    /// <summary>Protobuf over HTTP, collectors listen on port 4318.</summary>
    Http,
}

public sealed record TelemetryOptions
{
    [Option("OpenTelemetry collector that traces and metrics are sent to (OTLP); empty sends none.", Form = OptionForm.Url)]
    public string OtlpEndpoint { get; init; } = "";

    [Option("How the collector is spoken to: grpc, or http (protobuf to /v1/traces and /v1/metrics below the endpoint).")]
    public OtlpProtocol OtlpProtocol { get; init; } = OtlpProtocol.Grpc;
}

public enum LogFormat
{
    /// <summary>A line for people.</summary>
    Text,

    /// <summary>A JSON object a line.</summary>
    Json,
}

public sealed record LogOptions
{
    [Option(
        "Least severe level logged: trace, debug, information, warning, error, critical or none.",
        OriginalVariable = "LOG_LEVEL")]
    public LogLevel Level { get; init; } = LogLevel.Information;

    [Option("How log lines look: text or json.")]
    public LogFormat Format { get; init; } = LogFormat.Text;
}

public sealed record DebugOptions
{
    [Option("Fault points armed at start, for tests: NAME=error or NAME=kill, with commas between.")]
    public ImmutableSortedDictionary<string, FaultAction> FaultPoints { get; init; } =
        ImmutableSortedDictionary<string, FaultAction>.Empty;
}
