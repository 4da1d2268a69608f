// The build. `dotnet tool restore && dotnet cake` checks the format, builds and runs every spec.
//
//   dotnet cake --target=Quick     build and the fast specs, under two minutes
//   dotnet cake --target=History   only the history checker, for DOTMESH_HISTORY_ROUNDS rounds
//   dotnet cake --target=Node      one node in the foreground
//   dotnet cake --target=Up        a cluster of three nodes in the foreground
//   dotnet cake --target=Bench     the table of figures (artifacts/bench.md)
//   dotnet cake --target=OpenZfs   the storage specs beside a real OpenZFS kernel module, in a virtual machine
//   dotnet cake --target=Publish   a framework-dependent node in artifacts/node
//   dotnet cake --target=Cli       dm as a native binary, with manual pages, in artifacts/cli
//   dotnet cake --target=Pack      NuGet packages in artifacts/packages: the client library, and dm as a dotnet tool
//   dotnet cake --target=DockerPlugin   a managed plugin for `docker plugin create` in artifacts/docker-plugin
//
// DOTMESH_SPEC_LANES picks the lanes that need something of the machine (a comma list; `zfs` is a running zfs-fuse
// or OpenZFS). Specs of a lane that is not picked are skipped and counted as such.

using System.Xml.Linq;

var target = Argument("target", "Default");
var configuration = Argument("configuration", "Release");
var solution = "Dotmesh.slnx";
var artifacts = Directory("artifacts");
var results = artifacts + Directory("specs");

void Run(string program, ProcessArgumentBuilder arguments, IDictionary<string, string> environment = null)
{
    var settings = new ProcessSettings { Arguments = arguments };
    if (environment is not null)
    {
        settings.EnvironmentVariables = environment;
    }

    var exit = StartProcess(program, settings);
    if (exit != 0)
    {
        throw new CakeException(exit, $"`{program} {arguments.RenderSafe()}` ended with {exit}");
    }
}

// What failed and why, short enough to be read where only the end of a log is kept; all of it is in specs.trx.
string Digest(List<XElement> failures)
{
    string Begin(XElement failure, string name, int most)
    {
        var text = failure.Descendants().FirstOrDefault(e => e.Name.LocalName == name)?.Value ?? "";
        return text.Length <= most ? text : text[..most] + " ...";
    }

    var most = 6000 / Math.Max(1, failures.Count);
    return string.Concat(failures.Take(40).Select(failure =>
        $"FAILED {(string)failure.Attribute("testName")} after {(string)failure.Attribute("duration")}\n"
        + $"{Begin(failure, "Message", most / 2)}\n{Begin(failure, "StackTrace", most / 4)}\n{Begin(failure, "StdOut", most / 4)}\n\n"));
}

// What has to be given again for the same to happen again.
IEnumerable<string> Seeds(XElement result) => result.Descendants().Where(e => e.Name.LocalName == "StdOut")
    .SelectMany(output => output.Value.Split('\n')).Where(line => line.Contains("  seed ", StringComparison.Ordinal)).Select(line => line.Trim());

// One run of the runner: its results by outcome, and whether it came to its end. The exit code is 1 for a failure as for a run that broke
// off; what tells them apart is the list of what was begun, which is left behind by the second only.
(ILookup<string, XElement> Ran, bool Ended) RunOnce(string filter, ConvertableDirectoryPath folder)
{
    EnsureDirectoryExists(folder);
    CleanDirectory(folder);
    var arguments = new ProcessArgumentBuilder()
        .Append("test").AppendQuoted("specs/Dotmesh.Specs.csproj")
        .Append("--no-build").Append("--nologo").Append("-c").Append(configuration)
        .Append("--logger").AppendQuoted("trx;LogFileName=specs.trx")
        .Append("--logger").AppendQuoted("console;verbosity=minimal")
        .Append("--results-directory").AppendQuoted(MakeAbsolute(folder).FullPath)
        .Append("--blame-hang-timeout").Append("10m").Append("--blame-hang-dump-type").Append("none");
    if (filter is not null)
    {
        arguments.Append("--filter").AppendQuoted(filter);
    }

    var exit = StartProcess("dotnet", new ProcessSettings { Arguments = arguments });
    var ran = GetFiles($"{folder}/**/*.trx")
        .SelectMany(file => XDocument.Load(file.FullPath).Descendants().Where(e => e.Name.LocalName == "UnitTestResult"))
        .ToLookup(e => (string)e.Attribute("outcome"));
    return (ran, exit is 0 or 1 && !GetFiles($"{folder}/**/Sequence_*.xml").Any());
}

List<XElement> Failures(ILookup<string, XElement> ran) =>
    ran.Where(outcome => outcome.Key is not ("Passed" or "NotExecuted")).SelectMany(outcome => outcome).ToList();

string NameOf(XElement result) => (string)result.Attribute("testName");

// Few failures of a whole run are tried once more where DOTMESH_SPEC_REPEAT says so: a machine that was busy elsewhere, or a
// zfs-fuse that died, then costs a line in the log and not the run. What needed it is named.
List<XElement> FailedAgain(List<XElement> failures)
{
    const int most = 40;
    if (EnvironmentVariable("DOTMESH_SPEC_REPEAT") is null || failures.Count is 0 or > most)
    {
        return failures;
    }

    var methods = failures.Select(failure => NameOf(failure).Split('(')[0]).Distinct();
    var (ran, _) = RunOnce(string.Join('|', methods.Select(method => $"FullyQualifiedName={method}")), artifacts + Directory("specs-repeated"));
    // rows of a theory may have one name, when their arguments are too long to be shown
    var well = ran["Passed"].Select(NameOf).Except(Failures(ran).Select(NameOf)).ToHashSet();
    var again = failures.ToLookup(failure => !well.Contains(NameOf(failure)));
    foreach (var failure in again[false])
    {
        Warning($"REPEATED: passed at the second try, {Digest([failure])}");
    }

    return again[true].ToList();
}

// Runs the specs and writes `N passed, N failed, N skipped`, counted from the result file, to artifacts/specs/summary.txt.
void RunSpecs(string filter)
{
    var (ran, ended) = RunOnce(filter, results);
    var skipped = ran["NotExecuted"].Count();
    var first = Failures(ran);
    var failures = ended ? FailedAgain(first) : first;
    var passed = ran["Passed"].Count() + first.Count - failures.Count;
    var failed = failures.Count;
    var summary = $"{passed} passed, {failed} failed, {skipped} skipped";
    System.IO.File.WriteAllText($"{results}/summary.txt", summary + "\n");
    System.IO.File.WriteAllText($"{results}/failures.txt", Digest(failures));
    foreach (var seed in ran.SelectMany(outcome => outcome).SelectMany(Seeds))
    {
        Information(seed);
    }

    if (first.Count > failed)
    {
        Information($"{first.Count - failed} of those that passed failed at first (REPEATED above)");
    }

    Information(summary);
    if (failed > 0 || !ended)
    {
        throw new CakeException(1, $"specs: {summary}{(ended ? "" : " (the run broke off before its end)")}");
    }

    if (passed == 0)
    {
        throw new CakeException(1, "no spec ran");
    }
}

Task("Restore").Does(() =>
    Run("dotnet", new ProcessArgumentBuilder().Append("restore").Append(solution).Append("-v").Append("quiet")));

// Analyzers run in the build, where they are errors; here only what the build does not see.
Task("Format").IsDependentOn("Restore").Does(() =>
{
    foreach (var part in new[] { "whitespace", "style" })
    {
        Run("dotnet", new ProcessArgumentBuilder()
            .Append("format").Append(part).Append(solution).Append("--no-restore").Append("--verify-no-changes"));
    }
});

Task("Build").IsDependentOn("Restore").Does(() =>
    Run("dotnet", new ProcessArgumentBuilder()
        .Append("build").Append(solution).Append("--no-restore").Append("--nologo")
        .Append("-c").Append(configuration).Append("-v").Append("quiet")));

Task("Specs").IsDependentOn("Build").Does(() => RunSpecs(null));

Task("Default").IsDependentOn("Format").IsDependentOn("Build").IsDependentOn("Specs");

Task("Quick").IsDependentOn("Build").Does(() => RunSpecs("Speed!=slow"));

// As long as wanted: DOTMESH_HISTORY_ROUNDS; the same again: DOTMESH_HISTORY_SEED.
Task("History").IsDependentOn("Build").Does(() => RunSpecs("FullyQualifiedName~HistorySpec"));

// Screenshots of every page, in both colour schemes, wide and narrow, in artifacts/pictures; the README's are taken from them.
Task("Pictures").IsDependentOn("Build").Does(() =>
{
    var all = MakeAbsolute(artifacts + Directory("pictures")).FullPath;
    EnsureDirectoryExists(all);
    CleanDirectory(all);
    System.Environment.SetEnvironmentVariable("DOTMESH_SPEC_PICTURES", all);
    System.Environment.SetEnvironmentVariable("DOTMESH_SPEC_LANES", "browser");
    RunSpecs("FullyQualifiedName~ConsoleAccessSpec.No_page");
    EnsureDirectoryExists("docs/pictures");
    foreach (var (page, picture) in new[] { ("wide-light", "overview"), ("dots-admin-apples-wide-light", "dot"), ("dots-wide-dark", "dots") })
    {
        CopyFile($"{all}/{page}.png", $"docs/pictures/{picture}.png");
    }
});

Task("Node").IsDependentOn("Restore").Does(() =>
    Run("dotnet", new ProcessArgumentBuilder().Append("run").Append("--project").Append("Dotmesh.Node")));

Task("Up").IsDependentOn("Restore").Does(() =>
    Run("dotnet", new ProcessArgumentBuilder()
        .Append("run").Append("--project").Append("Dotmesh.Node").Append("--").Append("--cluster-of").Append(Argument("nodes", "3"))));

Task("Bench").IsDependentOn("Build").Does(() =>
{
    EnsureDirectoryExists(artifacts);
    Run("dotnet", new ProcessArgumentBuilder()
        .AppendQuoted($"specs/Bench/bin/{configuration}/net10.0/Dotmesh.Bench.dll")
        .Append("--node").AppendQuoted($"Dotmesh.Node/bin/{configuration}/net10.0/Dotmesh.Node.dll")
        .Append("--report").AppendQuoted($"{artifacts}/bench.md")
        .Append(Argument("bench", "all")));
});

// Behaviour on the kernels of the two supported Debian releases; emulated, so never for figures.
Task("OpenZfs").Does(() =>
{
    var machine = EnvironmentVariable("OPENZFS_VM") ?? MakeAbsolute(File("../shared/tools/openzfs-vm")).FullPath;
    if (!FileExists(machine))
    {
        throw new CakeException(1, $"no virtual machine tool at {machine}: set OPENZFS_VM to its path");
    }

    foreach (var suite in Argument("suite", "bookworm,trixie").Split(','))
    {
        Information($"OpenZFS of {suite}");
        Run("bash", new ProcessArgumentBuilder().Append("specs/Lane/openzfs.sh").Append(suite),
            new Dictionary<string, string> { ["OPENZFS_VM"] = machine });
    }
});

// --runtime=linux-x64: for that platform only, compiled ahead of time, which halves the work of a start
Task("Publish").Does(() =>
{
    var arguments = new ProcessArgumentBuilder()
        .Append("publish").Append("Dotmesh.Node").Append("--nologo").Append("-v").Append("quiet")
        .Append("-c").Append(configuration).Append("-o").AppendQuoted($"{artifacts}/node");
    var runtime = Argument("runtime", "");
    if (runtime.Length > 0)
    {
        arguments.Append("-r").Append(runtime).Append("--self-contained").Append("false").Append("-p:PublishReadyToRun=true");
    }

    Run("dotnet", arguments);
});

// Native binary of this platform in artifacts/cli; needs clang or gcc, and zlib's headers.
Task("Cli").Does(() =>
{
    Run("dotnet", new ProcessArgumentBuilder()
        .Append("publish").Append("Dotmesh.Cli").Append("--nologo").Append("-v").Append("quiet")
        .Append("-c").Append(configuration).Append("-r").Append(Argument("runtime", "linux-x64")).Append("-o").AppendQuoted($"{artifacts}/cli"));
    Run($"{artifacts}/cli/dm", new ProcessArgumentBuilder().Append("man").AppendQuoted($"{artifacts}/cli/man"));
});

// NuGet packages in artifacts/packages: the client library, and dm as a tool (`dotnet tool install`).
Task("Pack").Does(() =>
{
    foreach (var project in new[] { "Dotmesh.Rpc/Client", "Dotmesh.Cli" })
    {
        Run("dotnet", new ProcessArgumentBuilder()
            .Append("pack").Append(project).Append("--nologo").Append("-v").Append("quiet").Append("-c").Append(configuration)
            // a tool runs on every platform: not the native binary of this one
            .Append("-p:PublishAot=false").Append("-o").AppendQuoted($"{artifacts}/packages"));
    }
});

// Config and root filesystem of a managed plugin. --image=NAME takes an image of the node that is there; else it is built.
Task("DockerPlugin").Does(() =>
{
    var image = Argument("image", "");
    if (image.Length == 0)
    {
        image = "dotmesh-node";
        Run("docker", new ProcessArgumentBuilder()
            .Append("build").Append("-q").Append("-f").Append("Dotmesh.Node/Dockerfile").Append("-t").Append(image)
            // without a value: from the environment, else from the Dockerfile
            .Append("--build-arg").Append("SDK_IMAGE").Append("--build-arg").Append("RUNTIME_IMAGE").Append("--build-arg").Append("PROGRAM")
            .Append("."));
    }

    var plugin = artifacts + Directory("docker-plugin");
    var rootfs = plugin + Directory("rootfs");
    // not CleanDirectory, which follows links, and in there /var/run leads to this machine's own /run
    Run("rm", new ProcessArgumentBuilder().Append("-rf").AppendQuoted(plugin.ToString()));
    CreateDirectory(rootfs);
    CopyFile("packaging/docker-plugin/config.json", plugin + File("config.json"));
    var container = $"dotmesh-plugin-{Guid.NewGuid():N}";
    Run("docker", new ProcessArgumentBuilder().Append("create").Append("--name").Append(container).AppendQuoted(image));
    try
    {
        var tar = $"{artifacts}/docker-plugin.tar";
        Run("docker", new ProcessArgumentBuilder().Append("export").Append("-o").AppendQuoted(tar).Append(container));
        Run("tar", new ProcessArgumentBuilder().Append("-xf").AppendQuoted(tar).Append("-C").AppendQuoted(rootfs.ToString()));
        DeleteFile(tar);
    }
    finally
    {
        Run("docker", new ProcessArgumentBuilder().Append("rm").Append("-v").Append(container));
    }

    Information($"docker plugin create dotmesh {plugin} && docker plugin enable dotmesh");
});

RunTarget(target);
