using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Naming;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>Which dots there are, a new one, and the one to work with (contract 7.3, 7.4).</summary>
internal static class DotLists
{
    private const int LongestNewName = 50;

    private static readonly Option<bool> Scripting = Options.Flag("--scripting", "-H", "Scripting mode: no header, a TAB after each cell, bytes.");

    public static Verb List() => new Verb("list", "[-H]", "List the dots.")
        .Example("dm list")
        .Example("dm list -o json")
        .Example("dm list -H | cut -f 1", "names only; so does -o name")
        .With(Scripting, Watch.Option)
        .Does(run =>
        {
            run.NoWords();
            return Watch.Shown(run, () => Text(run));
        });

    public static Verb Init() => new Verb("init", "DOT", "Make an empty dot, and the current one of it.", Word.Text) { Changes = true }
        .Example("dm init apples")
        .Example("dm init alice/apples", "in another namespace than admin")
        .Does(async run =>
        {
            run.AtMost(1, "Too many arguments specified (more than 1).");
            var text = run.Words.FirstOrDefault() ?? throw CommandFailure.Usage("No dot name specified.");
            var name = DotName.Parse(text);
            if (text.Length > LongestNewName)
            {
                throw CommandFailure.Usage($"Error: {text} is an invalid name: dot names must be <{LongestNewName} characters");
            }

            await Make(run, name);
            await Select(run, name);
        });

    public static Verb Switch() => new Verb("switch", "DOT", "Choose the dot to work with.", Word.Dot)
        .Example("dm switch apples")
        .Does(async run =>
        {
            run.AtMost(1, "Too many arguments specified (more than 1).");
            var text = run.Words.FirstOrDefault() ?? throw CommandFailure.Usage("No dot name specified.");
            var name = DotName.Parse(text);
            var names = (await run.Client.List(run.Stop)).Select(branch => branch.Name).ToList();
            if (!names.Contains(name))
            {
                throw new CommandFailure(
                    ExitCodes.NotFound, $"Error: {text} doesn't exist", Nearest.Hint(text, names.Select(known => known.Short), "dm list"));
            }

            var remote = run.RemoteName;
            await run.Change(config => config.SetCurrentDot(remote, name));
        });

    /// <summary>Scripts look for <c>Error: ...</c>.</summary>
    internal static async Task Make(Run run, DotName name)
    {
        try
        {
            await run.Client.Create(name, run.Stop);
        }
        catch (DotmeshException failure) when (failure.Kind == FailureKind.AlreadyExists)
        {
            throw new CommandFailure(ExitCodes.Conflict, $"Error: {name.Short} exists already", $"'dm switch {name.Short}' selects it.");
        }
        catch (DotmeshException failure) when (failure.Kind is not (FailureKind.Unauthorized or FailureKind.Unreachable))
        {
            throw CommandFailure.Of(failure, $"Error: {failure.Message}");
        }
    }

    /// <summary>A dot of that name may have been there before: its branch then is not that of this one.</summary>
    internal static Task Select(Run run, DotName name)
    {
        var remote = run.RemoteName;
        return run.Change(config =>
        {
            config.SetCurrentDot(remote, name);
            config.SetCurrentBranch(remote, name, DotmeshClient.MasterBranch);
        });
    }

    private static async Task<string> Text(Run run)
    {
        var remote = run.RemoteName;
        var dots = await OnTheirBranches(run, await run.Client.ListWithContainers(run.Stop));
        if (run.Config.CurrentDot(remote) is null && dots is [var only])
        {
            await run.Remember(config => config.SetCurrentDot(remote, only.Volume.Name));
        }

        var listing = Shown(run);
        if (run.Value(Scripting))
        {
            return string.Concat(dots.Select(dot => string.Concat(Raw(run, dot).Select(cell => cell + "\t")) + "\n"));
        }

        var text = listing.Text(dots, run.Format, run.Terminal);
        return run.Format == OutputFormat.Table
            ? $"Current remote: {remote} (use 'dm remote -v' to list and 'dm remote switch' to switch)\n\n{text}"
            : text;
    }

    /// <summary>Of dots whose current branch is another than master, that branch: sizes and containers are of what is worked on.</summary>
    private static async Task<List<DotListing>> OnTheirBranches(Run run, IReadOnlyList<DotListing> masters)
    {
        var shown = masters.ToList();
        if (!shown.Exists(dot => run.BranchOf(dot.Volume.Name) != DotmeshClient.MasterBranch))
        {
            return shown;
        }

        var branches = ((await run.Client.AllDots(run.Stop)).Dots ?? []).SelectMany(dot => dot.OtherBranches ?? []).ToLookup(branch => branch.Name);
        for (var i = 0; i < shown.Count; i++)
        {
            var (name, branch) = (shown[i].Volume.Name, run.BranchOf(shown[i].Volume.Name));
            if (branches[name].FirstOrDefault(found => found.Branch == branch) is { } current)
            {
                shown[i] = new DotListing { Volume = current, Containers = await run.Client.Containers(name, branch, run.Stop) };
            }
        }

        return shown;
    }

    private static Listing<DotListing> Shown(Run run) => new(
        dot => dot.Volume.Name.Short,
        dot => new JsonObject
        {
            ["name"] = dot.Volume.Name.ToString(),
            ["id"] = dot.Volume.Id,
            ["current"] = run.Config.CurrentDot(run.RemoteName) == dot.Volume.Name,
            ["branch"] = run.BranchOf(dot.Volume.Name),
            ["server"] = dot.Volume.Master,
            ["containers"] = JsonText.Array((dot.Containers ?? []).Select(container => container.Name)),
            ["sizeBytes"] = dot.Volume.SizeBytes,
            ["commits"] = dot.Volume.CommitCount,
            ["dirtyBytes"] = dot.Volume.DirtyBytes,
        },
        new("DOT", dot => dot.Volume.Name.Short),
        new("BRANCH", dot => run.BranchOf(dot.Volume.Name)),
        new("SERVER", dot => dot.Volume.Master),
        new("CONTAINERS", Containers),
        new("SIZE", dot => Sizes.Text(dot.Volume.SizeBytes)),
        new("COMMITS", dot => Number(dot.Volume.CommitCount)),
        new("DIRTY", dot => Sizes.Text(dot.Volume.DirtyBytes)))
    {
        IsCurrent = dot => run.Config.CurrentDot(run.RemoteName) == dot.Volume.Name,
    };

    private static string[] Raw(Run run, DotListing dot) =>
    [
        dot.Volume.Name.Short,
        run.BranchOf(dot.Volume.Name),
        dot.Volume.Master,
        Containers(dot),
        Number(dot.Volume.SizeBytes),
        Number(dot.Volume.CommitCount),
        Number(dot.Volume.DirtyBytes),
    ];

    private static string Containers(DotListing dot) => string.Join(',', (dot.Containers ?? []).Select(container => container.Name));

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);
}
