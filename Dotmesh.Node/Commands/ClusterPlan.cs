using System.Globalization;
using Dotmesh.Actors;
using Dotmesh.Node.Options;

namespace Dotmesh.Node.Commands;

/// <summary>The private database of a cluster on one machine.</summary>
internal sealed record PrivateDatabase(int Port, string PasswordFile);

/// <summary>
/// What each node of a cluster on one machine is started with: the options that were given, and over them what has to differ
/// between the nodes. Pure.
/// </summary>
/// <param name="Nodes">How many.</param>
/// <param name="Given">Arguments that are passed on.</param>
/// <param name="Options">As they were given, for one node.</param>
/// <param name="Drains">Whether the user said how long nodes hand their dots over.</param>
internal sealed record ClusterPlan(int Nodes, IReadOnlyList<string> Given, NodeOptions Options, bool Drains)
{
    private const string Name = "--cluster-of";
    private const int MaxNodes = 9;

    // leaves room between a node's ports and the next node's
    private const int PortStep = 10;

    public string Folder => Path.Join(Options.Node.DataFolder, "cluster");

    public string SecretFile => Path.Join(Folder, "cluster-secret");

    public static bool Asked(IReadOnlyList<string> arguments) => arguments.Any(argument => argument.Split('=')[0] == Name);

    /// <summary>The number of nodes and the arguments that are left.</summary>
    public static Outcome<(int Nodes, IReadOnlyList<string> Given)> Parse(IReadOnlyList<string> arguments)
    {
        var at = arguments.TakeWhile(argument => argument.Split('=')[0] != Name).Count();
        var joined = arguments[at].Split('=', 2) is [_, var value] ? value : null;
        var text = joined ?? arguments.ElementAtOrDefault(at + 1) ?? "";
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var nodes) && nodes is > 0 and <= MaxNodes
            ? (nodes, (IReadOnlyList<string>)[.. arguments.Take(at), .. arguments.Skip(at + (joined is null ? 2 : 1))])
            : new Refusal(RefusalCode.Invalid, $"{Name} needs a number of nodes from 1 to {MaxNodes}, not '{text}': {Name} 3");
    }

    /// <summary>Null: these options can be those of several nodes on one machine.</summary>
    public string? Fault => Options.Storage.Driver == StorageDriver.Zfs
        ? $"{Name} keeps dots in folders: nodes cannot share the pool {Options.Storage.Pool}, remove Storage:Pool (POOL)"
        : null;

    public string NodeFolder(int node) => Path.Join(Folder, $"node{Text(node)}");

    /// <param name="node">From 1.</param>
    /// <param name="database">Null: the one that the options name.</param>
    public IReadOnlyList<string> Arguments(int node, PrivateDatabase? database)
    {
        var own = Own(node).Concat(database is null ? [] : Of(database)).ToDictionary(StringComparer.OrdinalIgnoreCase);
        return
        [
            .. Given.Where(argument => !own.ContainsKey(argument.TrimStart('-').Split('=')[0])),
            .. own.Select(option => $"--{option.Key}={option.Value}"),
        ];
    }

    private IEnumerable<KeyValuePair<string, string>> Own(int node)
    {
        var folder = NodeFolder(node);
        var data = Path.Join(folder, "data");
        yield return new("node:configfolder", folder);
        yield return new("node:datafolder", data);
        yield return new("node:stopatendofinput", "yes");
        yield return new("listen:referenceport", Port(Options.Listen.ReferencePort, node));
        yield return new("listen:clientport", Port(Options.Listen.ClientPort, node));
        yield return new("listen:nodeport", Port(Options.Listen.NodePort, node));
        yield return new("storage:driver", "directory");
        yield return new("storage:root", Path.Join(data, "pool"));
        yield return new("storage:mountprefix", Path.Join(data, "mnt"));
        yield return new("storage:containermountprefix", Path.Join(data, "container_mnt"));
        yield return new("cluster:hostname", "127.0.0.1");
        yield return new("cluster:bindaddress", "");
        yield return new("cluster:port", "0");
        yield return new("cluster:publicport", "0");
        yield return new("cluster:seeds", "");
        yield return new("cluster:secretfile", SecretFile);
        if (!Drains)
        {
            // all of them stop: nothing is gained by handing dots from one to the next
            yield return new("failover:drainseconds", "0");
        }
    }

    private static IEnumerable<KeyValuePair<string, string>> Of(PrivateDatabase database)
    {
        yield return new("database:host", "127.0.0.1");
        yield return new("database:port", Text(database.Port));
        yield return new("database:name", PostgresKeeper.Database);
        yield return new("database:user", PostgresKeeper.User);
        yield return new("database:passwordfile", database.PasswordFile);
    }

    private static string Port(int first, int node) => Text(first == 0 ? 0 : first + ((node - 1) * PortStep));

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
