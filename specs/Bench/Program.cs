using System.Text;
using Dotmesh.Bench;

var options = new Dictionary<string, string>(StringComparer.Ordinal) { ["--node"] = "", ["--report"] = "artifacts/bench.md" };
var what = "all";
for (var i = 0; i < args.Length; i++)
{
    if (options.ContainsKey(args[i]))
    {
        options[args[i]] = args[++i];
    }
    else
    {
        what = args[i];
    }
}

var folder = Directory.CreateTempSubdirectory("dotmesh-bench-").FullName;
try
{
    var node = Path.GetFullPath(options["--node"]);
    var figures = new List<Figure>();
    if (what is "all" or "directory")
    {
        figures.AddRange(await DirectoryBench.Run(node, folder));
    }

    if (what is "all" or "many")
    {
        figures.AddRange(await ManyDotsBench.Run(node, folder));
    }

    if (what is "all" or "zfs")
    {
        figures.AddRange(await StorageBench.Zfs(node, folder));
    }

    Environment.SetEnvironmentVariable("DOTMESH_SPEC_NODE", node);
    Environment.SetEnvironmentVariable("DOTMESH_SPEC_LANES", "zfs,postgres");
    if (what is "all" or "transfers")
    {
        figures.AddRange(await TransferBench.Folders());
    }

    if (what is "all" or "transfers" or "transfers-zfs")
    {
        figures.AddRange(await TransferBench.Zfs());
    }

    if (what is "all" or "cluster")
    {
        figures.AddRange(await ClusterBench.Run());
    }

    if (what is "console")
    {
        Environment.SetEnvironmentVariable("DOTMESH_SPEC_LANES", "browser");
        figures.AddRange(await ConsoleBench.Run());
    }

    if (what is "all" or "docker")
    {
        figures.AddRange(await DockerBench.Run());
    }

    if (what is "all" or "cluster-many")
    {
        figures.AddRange(await ManyDotsClusterBench.Run());
    }

    var table = new StringBuilder("| figure | measured | raw | ratio | goal | met |\n|---|---|---|---|---|---|\n");
    foreach (var figure in figures)
    {
        table.Append($"| {figure.Name} | {figure.Measured} | {figure.Against} | {figure.Ratio:F2} | {figure.Goal} | {(figure.Met ? "yes" : "NO")} |\n");
    }

    Console.Write(table);
    Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(options["--report"]))!);
    await File.WriteAllTextAsync(options["--report"], table.ToString());
    return figures.TrueForAll(figure => figure.Met) ? 0 : 1;
}
finally
{
    Directory.Delete(folder, recursive: true);
}
