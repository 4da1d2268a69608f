using System.Text;
using Dotmesh.Actors;
using Dotmesh.Node.Options;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class OptionsSpec
{
    private readonly Dictionary<string, string> _variables = new(StringComparer.Ordinal) { ["HOME"] = "/home/ann" };
    private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);

    [Fact]
    public void Nothing_given_is_enough()
    {
        var options = Load();

        Assert.Equal(("/home/ann/.dotmesh", "/home/ann/.dotmesh/data"), (options.Node.ConfigFolder, options.Node.DataFolder));
        Assert.Equal(("127.0.0.1", 6969, 32607), (options.Listen.Address, options.Listen.ReferencePort, options.Listen.ClientPort));
        Assert.Equal((StorageDriver.Directory, ""), (options.Storage.Driver, options.Storage.Pool));
        Assert.Equal("/home/ann/.dotmesh/data/pool", options.Storage.Root);
        Assert.Equal("/home/ann/.dotmesh/data/mnt", options.Storage.MountPrefix);
        Assert.Equal("/home/ann/.dotmesh/data/container_mnt", options.Storage.ContainerMountPrefix);
        Assert.Equal("/home/ann/.dotmesh/data/dotmesh.db", options.Database.Path);
        Assert.Equal("/home/ann/.dotmesh/data/cluster-secret", options.Cluster.SecretFile);
        Assert.Equal((30, 1 << 20, 100), (options.Rpc.DeadlineSeconds, options.Rpc.MaxBodyBytes, options.Rpc.MaxBatch));
        Assert.Equal(("", ""), (options.Admin.InitialPassword, options.Admin.InitialApiKey));
        Assert.Empty(options.Debug.FaultPoints);
    }

    [Fact]
    public void Of_all_sources_the_later_one_wins()
    {
        _files["/home/ann/.dotmesh/node.json"] =
            """
            {
              // a comment
              "listen": { "ReferencePort": 1001, "ClientPort": 1002 },
              "Storage": { "Pool": "from-file", "MountPrefix": "/file/mnt", "Root": "~/pool", },
              "Rpc": { "MaxBatch": "7" }
            }
            """;
        _variables["DOTMESH__LISTEN__CLIENTPORT"] = "2002";
        _variables["DOTMESH__STORAGE__MOUNTPREFIX"] = "/variable/mnt";
        _variables["DOTMESH__Storage__Pool"] = "from-variable";
        _variables["DOTMESH_SERVER_PORT"] = "3002";
        _variables["POOL"] = "from-original";

        var options = Load("--Storage:Pool=from-line");

        Assert.Equal((1001, 3002), (options.Listen.ReferencePort, options.Listen.ClientPort));
        Assert.Equal(("from-line", "/variable/mnt", "/home/ann/pool"), (options.Storage.Pool, options.Storage.MountPrefix, options.Storage.Root));
        Assert.Equal(7, options.Rpc.MaxBatch);
        Assert.Equal(StorageDriver.Zfs, options.Storage.Driver);
    }

    [Fact]
    public void The_variables_of_the_original_server_are_understood()
    {
        _variables["POOL"] = "pool";
        _variables["MOUNT_PREFIX"] = "/var/lib/dotmesh/mnt";
        _variables["CONTAINER_MOUNT_PREFIX"] = "/var/lib/dotmesh/container_mnt";
        _variables["ZFS_USERLAND_ROOT"] = "/opt/zfs-0.7";
        _variables["DOTMESH_SERVER_PORT"] = "32608";
        _variables["LOG_LEVEL"] = "warn";
        _variables["INITIAL_ADMIN_PASSWORD"] = Base64("pass word");
        _variables["INITIAL_ADMIN_API_KEY"] = Base64("VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD");

        var options = Load();

        Assert.Equal((StorageDriver.Zfs, "pool"), (options.Storage.Driver, options.Storage.Pool));
        Assert.Equal("/var/lib/dotmesh/mnt", options.Storage.MountPrefix);
        Assert.Equal("/var/lib/dotmesh/container_mnt", options.Storage.ContainerMountPrefix);
        Assert.Equal("/opt/zfs-0.7", options.Storage.ZfsRoot);
        Assert.Equal(32608, options.Listen.ClientPort);
        Assert.Equal(LogLevel.Warning, options.Log.Level);
        Assert.Equal(("pass word", "VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD"), (options.Admin.InitialPassword, options.Admin.InitialApiKey));
    }

    [Fact]
    public void The_secrets_of_the_reference_are_base64_of_a_line_and_lose_its_end()
    {
        _variables["INITIAL_ADMIN_PASSWORD"] = Base64("pass word\n");
        _variables["INITIAL_ADMIN_API_KEY"] = Base64("VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD\n");

        var options = Load();

        Assert.Equal(("pass word", "VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD"), (options.Admin.InitialPassword, options.Admin.InitialApiKey));
    }

    [Fact]
    public void A_variable_of_the_original_that_is_misspelt_is_refused_and_a_strange_one_is_not_ours()
    {
        _variables["DOTMESH_SERVER_PROT"] = "1";
        _variables["INITIAL_ADMIN_PASWORD"] = "x";
        _variables["DOTMESH_SPEC_LANES"] = "zfs";

        Assert.Equal(
            [
                "Unknown variable DOTMESH_SERVER_PROT. Did you mean DOTMESH_SERVER_PORT?",
                "Unknown variable INITIAL_ADMIN_PASWORD. Did you mean INITIAL_ADMIN_PASSWORD?",
            ],
            Errors());
    }

    [Fact]
    public void What_options_say_together_is_checked_although_another_one_is_wrong() => Assert.Equal(
        [
            "Log:Level (command line): 'loud' is none of trace, debug, information, warning, error, critical, none",
            "Storage:Driver is zfs, but no pool is named: give Storage:Pool (or the variable POOL)",
            "Listen:ReferencePort and Listen:ClientPort are the same port: 7000",
        ],
        Errors("--log:level=loud", "--storage:driver=zfs", "--listen:referenceport=7000", "--listen:clientport=7000"));

    [Fact]
    public void Secrets_come_from_files_in_clear_without_their_newline()
    {
        _files["/secret/password.txt"] = "pass word\n";
        _files["/secret/key.txt"] = "VVKG\n";
        _variables["INITIAL_ADMIN_PASSWORD_FILE"] = "/secret/password.txt";
        _variables["DOTMESH__ADMIN__INITIALAPIKEYFILE"] = "/secret/key.txt";

        var options = Load();

        Assert.Equal(("pass word", "VVKG"), (options.Admin.InitialPassword, options.Admin.InitialApiKey));
    }

    [Fact]
    public void A_variable_that_is_set_but_empty_counts_as_not_set()
    {
        foreach (var variable in new[]
        {
            "POOL", "MOUNT_PREFIX", "DOTMESH_SERVER_PORT", "LOG_LEVEL", "INITIAL_ADMIN_PASSWORD", "INITIAL_ADMIN_API_KEY_FILE",
            "DOTMESH__LISTEN__ADDRESS", "DOTMESH__NO__SUCH",
        })
        {
            _variables[variable] = "";
        }

        Assert.Equal((StorageDriver.Directory, 32607), Load() is var options ? (options.Storage.Driver, options.Listen.ClientPort) : default);
    }

    [Fact]
    public void All_errors_are_said_at_once_each_with_its_source_and_no_secret()
    {
        _files["my.json"] = """{"Listen": {"ReferencePort": 70000, "Adress": "::1"}, "Rpc": 5, "Storage": {"Root": ["/a"]}}""";
        _variables["DOTMESH__STORAGE__DRVER"] = "zfs";
        _variables["DOTMESH__STORAGE__MOUNTPREFIX"] = "mnt";
        _variables["DOTMESH_SERVER_PORT"] = "http";
        _variables["INITIAL_ADMIN_API_KEY"] = "se-cret";
        _variables["INITIAL_ADMIN_PASSWORD_FILE"] = "/secret/none.txt";

        var errors = Errors(
            "--config=my.json",
            "--listen:address=localhost",
            "--log:level",
            "--pool=p",
            "--storage:driver=1",
            "--admin:initialpasword=hidden",
            "--billing:endpoint=ftp://x",
            "--billing:plans={",
            "--debug:faultpoints=create.after-storage=error,b",
            "--rpc:maxbatch=1",
            "--rpc:maxbatch=2",
            "--frobnicate:everything=1",
            "serve");

        Assert.Equal(
            [
                "--log:level needs a value: --log:level=VALUE",
                "Unknown argument --pool. Did you mean --storage:pool?",
                "Unknown argument --admin:initialpasword. Did you mean --admin:initialpassword?",
                "Rpc:MaxBatch is given twice on the command line",
                "Unknown argument --frobnicate:everything. --help lists all options.",
                "Unknown argument serve. --help lists all options.",
                "Unknown variable DOTMESH__STORAGE__DRVER. Did you mean DOTMESH__STORAGE__DRIVER?",
                "INITIAL_ADMIN_API_KEY: the value is not base64 of a text (make it with: printf %s SECRET | base64)",
                "my.json: Unknown option Listen:Adress. Did you mean Listen:Address?",
                "my.json: Rpc is not an object of options",
                "my.json: Storage:Root is not a single value",
                "Listen:ReferencePort (my.json): '70000' is not a whole number from 0 to 65535",
                "Storage:MountPrefix (DOTMESH__STORAGE__MOUNTPREFIX): 'mnt' is not an absolute path (one that begins with / or ~/)",
                "Listen:ClientPort (DOTMESH_SERVER_PORT): 'http' is not a whole number from 0 to 65535",
                "Listen:Address (command line): 'localhost' is not an IP address (127.0.0.1 for this machine only, 0.0.0.0 for all)",
                "Storage:Driver (command line): '1' is none of auto, directory, zfs",
                "Billing:Endpoint (command line): 'ftp://x' is not an http or https address",
                "Billing:Plans (command line): the text is not JSON",
                "Debug:FaultPoints (command line): 'b' is not of the form NAME=error or NAME=kill",
                "Admin:InitialPasswordFile (INITIAL_ADMIN_PASSWORD_FILE): there is no file /secret/none.txt",
            ],
            errors);
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        _files["/p"] = "x";
        Assert.Equal(
            ["Storage:Driver is zfs, but no pool is named: give Storage:Pool (or the variable POOL)"],
            Errors("--storage:driver=zfs"));
        Assert.Equal(
            ["Listen:ReferencePort and Listen:ClientPort are the same port: 7000"],
            Errors("--listen:referenceport=7000", "--listen:clientport=7000"));
        Assert.Equal(
            ["Admin:InitialPassword (command line) and Admin:InitialPasswordFile (command line) are both given: remove one of the two"],
            Errors("--admin:initialpassword=s", "--admin:initialpasswordfile=/p"));
        _variables["POOL"] = "tank";
        Assert.Equal(
            ["Storage:Pool (POOL) is given, but Storage:Driver (command line) is directory: remove one of the two"],
            Errors("--storage:driver=directory"));
    }

    [Fact]
    public void A_file_that_is_asked_for_has_to_be_there_and_to_be_JSON()
    {
        Assert.Equal(["--config: there is no file x.json"], Errors("--config", "x.json"));
        Assert.Equal(["--config needs a value: --config FILE"], Errors("--config"));
        _files["x.json"] = "{\n\"Listen\": {\n,";
        Assert.Equal(["x.json: line 3 is not JSON"], Errors("--config", "x.json"));
        _files["x.json"] = "[]";
        Assert.Equal(["x.json: is not an object of sections"], Errors("--config", "x.json"));
    }

    [Fact]
    public void Without_a_home_folder_an_absolute_one_has_to_be_given()
    {
        _variables.Remove("HOME");

        Assert.Equal(
            ["Node:ConfigFolder is ~/.dotmesh, but HOME is not set: set it, or give an absolute path"], Errors());
        Assert.Equal("/etc/dotmesh/data/pool", Load("--node:configfolder=/etc/dotmesh").Storage.Root);
    }

    [Fact]
    public void Plans_may_be_any_JSON_and_fault_points_are_a_list()
    {
        _files["my.json"] = """{"Billing": {"Plans": [{"Id": "free"}]}, "Debug": {"FaultPoints": "create.after-storage=kill, commit.before-storage=error"}}""";

        var options = Load("--config", "my.json");

        Assert.Equal("""[{"Id": "free"}]""", options.Billing.Plans);
        Assert.Equal(
            [
                KeyValuePair.Create("commit.before-storage", FaultAction.Error),
                KeyValuePair.Create("create.after-storage", FaultAction.Kill),
            ],
            options.Debug.FaultPoints);
    }

    [Fact]
    public void A_node_on_SQLite_does_not_join_others()
    {
        AssertRefused(
            ["--cluster:seeds=node1:32609"],
            "Cluster:Seeds (command line) is given, but this node uses SQLite, which only one node can: give Database:Host");
        Assert.Equal("node1:32609", Load("--cluster:seeds=node1:32609", "--database:host=db").Cluster.Seeds);
        AssertRefused(["--cluster:seeds=node1", "--database:host=db"], "'node1' is not of the form HOST:PORT");
    }

    [Fact]
    public void A_certificate_needs_its_authority_and_the_other_way_round()
    {
        AssertRefused(["--tls:certificatefile=/a.pem"], "Tls:CertificateFile is given without Tls:CaFile");
        AssertRefused(["--tls:cafile=/ca.pem"], "Tls:CaFile (command line) is given without Tls:CertificateFile");
        AssertRefused(["--tls:graceDays=-1"], "Tls:GraceDays");
        Assert.True(Load("--tls:certificatefile=/a.pem", "--tls:cafile=/ca.pem").Tls.IsOn);
        Assert.False(Load().Tls.IsOn);
    }

    [Theory]
    [InlineData("10.0.0.1", "", "no", true)]
    [InlineData("node1", "0.0.0.0", "no", true)]
    [InlineData("node1", "0.0.0.0", "yes", false)]
    [InlineData("127.0.0.1", "", "no", null)]
    [InlineData("node1", "127.0.0.1", "no", null)]
    public void Traffic_in_clear_over_a_network_is_warned_of(string host, string bind, string accepted, bool? loudly)
    {
        var options = Load(
            "--database:host=db", $"--cluster:hostname={host}", $"--cluster:bindaddress={bind}", $"--cluster:acceptplaintext={accepted}");

        var warning = Dotmesh.Node.Hosting.TlsOpening.Warning(options);

        Assert.Equal(loudly, warning?.StartsWith("WARNING", StringComparison.Ordinal));
        Assert.Null(Dotmesh.Node.Hosting.TlsOpening.Warning(Load($"--cluster:hostname={host}")));
    }

    [Fact]
    public void The_effective_options_are_logged_with_their_source_and_secrets_masked()
    {
        _variables["INITIAL_ADMIN_PASSWORD"] = Base64("pass word");
        _variables["POOL"] = "tank";
        var loaded = Assert.IsType<OptionsResult.Loaded>(
            NodeOptions.Load(["--listen:clientport=0", "--debug:faultpoints=commit.after-persist=kill"], _variables, Read));

        Assert.Equal(
            "Options set: Listen:ClientPort=0 (command line), Storage:Driver=zfs (because Storage:Pool is given), "
            + "Storage:Pool=tank (POOL), Admin:InitialPassword=******** (INITIAL_ADMIN_PASSWORD), "
            + "Debug:FaultPoints=commit.after-persist=kill (command line). "
            + "Defaults: Node:ConfigFolder=/home/ann/.dotmesh, Node:DataFolder=/home/ann/.dotmesh/data, Node:StopAtEndOfInput=no, "
            + "Listen:Address=127.0.0.1, Listen:ReferencePort=6969, Listen:NodePort=32608, Listen:Console=yes, "
            + "Storage:Root=/home/ann/.dotmesh/data/pool, Storage:MountPrefix=/home/ann/.dotmesh/data/mnt, "
            + "Storage:ContainerMountPrefix=/home/ann/.dotmesh/data/container_mnt, Storage:ZfsRoot=, "
            + "Storage:StallSeconds=60 s, Database:Path=/home/ann/.dotmesh/data/dotmesh.db, Database:Host=, "
            + "Database:Port=5432, Database:Name=dotmesh, Database:User=dotmesh, Database:Password=, Database:PasswordFile=, "
            + "Admin:InitialPasswordFile=, Admin:InitialApiKey=, Admin:InitialApiKeyFile=, Rpc:DeadlineSeconds=30 s, "
            + "Rpc:MaxInFlight=1024, Rpc:MaxBodyBytes=1048576 bytes, Rpc:MaxBatch=100, Rpc:MaxDepth=64, "
            + "Cluster:Hostname=127.0.0.1, Cluster:BindAddress=, Cluster:Port=0, Cluster:PublicPort=0, Cluster:Seeds=, "
            + "Cluster:AcceptPlaintext=no, Cluster:LeaseSeconds=6 s, "
            + "Cluster:SecretFile=/home/ann/.dotmesh/data/cluster-secret, Tls:CertificateFile=, Tls:KeyFile=, Tls:CaFile=, "
            + "Tls:Password=, Tls:PasswordFile=, Tls:GraceDays=30 days, Replication:Copies=0, Replication:AtOnce=4, "
            + "Failover:Mode=automatic, Failover:DrainSeconds=20 s, Transfers:MaxBytesPerSecond=0 bytes/s, Transfers:AtOnce=8, Transfers:CaFile=, "
            + "Docker:Plugin=no, Docker:PluginSocket=/run/docker/plugins/dm.sock, Docker:Driver=, Docker:EngineSocket=/var/run/docker.sock, "
            + "Docker:StartWaitSeconds=0 s, Docker:StopSeconds=10 s, Billing:Endpoint=, Billing:Plans=null, "
            + "Billing:StripePublicKey=, Telemetry:OtlpEndpoint=, Telemetry:OtlpProtocol=grpc, Log:Level=information, "
            + "Log:Format=text",
            OptionTexts.Line(loaded.Effective));
        Assert.DoesNotContain("pass word", loaded.Options.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Help_and_version_are_answered_whatever_else_is_wrong()
    {
        var help = Assert.IsType<OptionsResult.Answered>(NodeOptions.Load(["--nonsense", "--help"], _variables, Read)).Text;

        Assert.Contains(
            """
              --listen:clientport=NUMBER
                  Port that existing dm clients and servers use; 0 takes any free one. (default 32607; original DOTMESH_SERVER_PORT)

            """,
            help,
            StringComparison.Ordinal);
        Assert.Contains("(default <Node:DataFolder>/dotmesh.db)", help, StringComparison.Ordinal);
        Assert.Matches(
            @"^Dotmesh\.Node \d+\.\d+\.\d+\n\z",
            Assert.IsType<OptionsResult.Answered>(NodeOptions.Load(["--version"], _variables, Read)).Text);
    }

    private void AssertRefused(string[] arguments, string error)
    {
        var refused = Assert.IsType<OptionsResult.Refused>(NodeOptions.Load(arguments, _variables, Read));
        Assert.Contains(refused.Errors, line => line.Contains(error, StringComparison.Ordinal));
    }

    private static string Base64(string text) => Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    private NodeOptions Load(params string[] arguments) => NodeOptions.Load(arguments, _variables, Read) switch
    {
        OptionsResult.Loaded loaded => loaded.Options,
        OptionsResult.Refused refused => throw new InvalidOperationException(string.Join('\n', refused.Errors)),
        var other => throw new InvalidOperationException($"{other}"),
    };

    private string[] Errors(params string[] arguments) =>
        [.. Assert.IsType<OptionsResult.Refused>(NodeOptions.Load(arguments, _variables, Read)).Errors];

    private Outcome<string> Read(string path) => _files.TryGetValue(path, out var text)
        ? text
        : new Refusal(RefusalCode.NotFound, $"there is no file {path}");
}
