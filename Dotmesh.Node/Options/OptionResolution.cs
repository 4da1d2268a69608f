using Dotmesh.Actors;

namespace Dotmesh.Node.Options;

/// <summary>
/// Completes options: home folders, defaults that are made from other options, the driver, secrets from files; and checks
/// what options say together.
/// </summary>
internal sealed class OptionResolution(
    NodeOptions options,
    Dictionary<OptionEntry, string> sources,
    IReadOnlySet<OptionEntry> wrong,
    string? home,
    Func<string, Outcome<string>> readFile,
    List<string> errors)
{
    public void Run()
    {
        Derive("Node:DataFolder", options.Node.ConfigFolder, "data");
        foreach (var (name, file) in new[]
        {
            ("Storage:Root", "pool"),
            ("Storage:MountPrefix", "mnt"),
            ("Storage:ContainerMountPrefix", "container_mnt"),
            ("Database:Path", "dotmesh.db"),
            ("Cluster:SecretFile", "cluster-secret"),
        })
        {
            Derive(name, options.Node.DataFolder, file);
        }

        foreach (var entry in OptionTable.All.Where(entry => entry.Option.Form == OptionForm.Path))
        {
            ExpandHome(entry);
        }

        ReadSecret("Admin:InitialPassword", "Admin:InitialPasswordFile");
        ReadSecret("Admin:InitialApiKey", "Admin:InitialApiKeyFile");
        ReadSecret("Database:Password", "Database:PasswordFile");
        ReadSecret("Tls:Password", "Tls:PasswordFile");
        // what options say together is only worth checking where each of them is right by itself
        When(ChooseDriver, "Storage:Driver", "Storage:Pool");
        CheckPorts();
        When(CheckCluster, "Cluster:Seeds", "Cluster:BindAddress", "Database:Host");
        When(CheckTls, "Tls:CertificateFile", "Tls:KeyFile", "Tls:CaFile", "Tls:Password", "Tls:PasswordFile");
    }

    /// <summary>Null when the text begins with <c>~</c> and there is no home folder.</summary>
    public static string? ExpandHome(string path, string? home) => path switch
    {
        "~" => home,
        _ when path.StartsWith("~/", StringComparison.Ordinal) => home is null ? null : Path.Join(home, path[2..]),
        _ => path,
    };

    private void When(Action check, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (wrong.Contains(OptionTable.Get(name)))
            {
                return;
            }
        }

        check();
    }

    private void Derive(string name, string folder, string file)
    {
        var entry = OptionTable.Get(name);
        if (entry.Get(options) is "")
        {
            entry.Set(options, Path.Join(folder, file));
        }
    }

    private void ExpandHome(OptionEntry entry)
    {
        var path = (string)entry.Get(options)!;
        if (ExpandHome(path, home) is { } expanded)
        {
            entry.Set(options, expanded);
        }
        else if (sources.ContainsKey(entry) || entry.Name == "Node:ConfigFolder")
        {
            // said once, not for each folder below it
            errors.Add($"{entry.Name} is {path}, but HOME is not set: set it, or give an absolute path");
        }
    }

    private void ChooseDriver()
    {
        var driver = OptionTable.Get("Storage:Driver");
        var pool = options.Storage.Pool;
        switch (options.Storage.Driver)
        {
            case StorageDriver.Auto:
                driver.Set(options, pool.Length > 0 ? StorageDriver.Zfs : StorageDriver.Directory);
                sources[driver] = pool.Length > 0 ? "because Storage:Pool is given" : "default";
                break;
            case StorageDriver.Zfs when pool.Length == 0:
                errors.Add("Storage:Driver is zfs, but no pool is named: give Storage:Pool (or the variable POOL)");
                break;
            case StorageDriver.Directory when pool.Length > 0:
                errors.Add(
                    $"Storage:Pool ({sources[OptionTable.Get("Storage:Pool")]}) is given, but Storage:Driver "
                    + $"({sources[driver]}) is directory: remove one of the two");
                break;
        }
    }

    private void ReadSecret(string name, string fileName)
    {
        var entry = OptionTable.Get(name);
        var fileEntry = OptionTable.Get(fileName);
        if (fileEntry.Get(options) is not string { Length: > 0 } file)
        {
            return;
        }

        if (entry.Get(options) is string { Length: > 0 })
        {
            errors.Add($"{name} ({sources[entry]}) and {fileName} ({sources[fileEntry]}) are both given: remove one of the two");
            return;
        }

        var path = ExpandHome(file, home) ?? file;
        var read = readFile(path);
        if (read.Refused(out var refusal))
        {
            errors.Add($"{fileName} ({sources[fileEntry]}): {refusal.Message}");
        }
        else if (read.Value.Trim() is { Length: > 0 } secret)
        {
            entry.Set(options, secret);
            sources[entry] = path;
        }
        else
        {
            errors.Add($"{fileName} ({sources[fileEntry]}): {path} is empty");
        }
    }

    private void CheckCluster()
    {
        var seeds = options.Cluster.Seeds.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (seeds.Length > 0 && options.Database.Host.Length == 0)
        {
            errors.Add(
                $"Cluster:Seeds ({sources[OptionTable.Get("Cluster:Seeds")]}) is given, but this node uses SQLite, which only one "
                + "node can: give Database:Host, the PostgreSQL server that the cluster shares");
        }

        foreach (var seed in seeds.Where(seed => !IsHostAndPort(seed)))
        {
            errors.Add($"Cluster:Seeds: '{seed}' is not of the form HOST:PORT");
        }

        if (options.Cluster.BindAddress.Length > 0 && !System.Net.IPAddress.TryParse(options.Cluster.BindAddress, out _))
        {
            errors.Add($"Cluster:BindAddress: '{options.Cluster.BindAddress}' is not an IP address (0.0.0.0 for all of this machine)");
        }
    }

    private void CheckTls()
    {
        var given = new[] { "Tls:KeyFile", "Tls:CaFile", "Tls:Password" }.Where(name => OptionTable.Get(name).Get(options) is not "");
        if (!options.Tls.IsOn && given.FirstOrDefault() is { } alone)
        {
            errors.Add($"{alone} ({sources[OptionTable.Get(alone)]}) is given without Tls:CertificateFile: give that too, or neither");
        }

        if (options.Tls.IsOn && options.Tls.CaFile.Length == 0)
        {
            errors.Add(
                "Tls:CertificateFile is given without Tls:CaFile, the authority whose nodes are let in: give it "
                + "(--make-certificates FOLDER --hosts a,b,c makes all that is needed)");
        }
    }

    private static bool IsHostAndPort(string text) =>
        text.LastIndexOf(':') is var colon and > 0 && ushort.TryParse(text[(colon + 1)..], out var port) && port > 0;

    private void CheckPorts()
    {
        // a node without a cluster does not open the port for other nodes
        string[] opened = options.Database.Host.Length == 0 ? [] : ["Listen:NodePort"];
        var given = new[] { "Listen:ReferencePort", "Listen:ClientPort", "Cluster:Port" }
            .Concat(opened)
            .Select(OptionTable.Get)
            .Where(entry => entry.Get(options) is not 0 && !wrong.Contains(entry))
            .GroupBy(entry => entry.Get(options));
        foreach (var clash in given.Where(group => group.Count() > 1))
        {
            errors.Add($"{string.Join(" and ", clash.Select(entry => entry.Name))} are the same port: {clash.Key}");
        }
    }
}
