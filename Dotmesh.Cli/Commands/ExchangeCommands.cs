using System.CommandLine;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>Push, pull and clone between the current cluster and another one (contract 4.2, 6.1, 7.3).</summary>
internal static class ExchangeCommands
{
    private static readonly Option<bool> Stash = Options.Flag("--stash-on-divergence", null, "What diverged where the data go is put aside as a branch NAME-DIVERGED-TIME.");

    private static readonly Option<bool> StopContainers = Options.Flag(
        "--stop-containers", null, "Containers here that use the branch are stopped for as long as it takes, and started again.");

    private static readonly Option<string> RemoteName = Options.Text("--remote-name", "Name of the dot on the remote.", "DOT");
    private static readonly Option<string> LocalName = Options.Text("--local-name", "Name of the dot here.", "DOT");
    private static readonly Option<bool> Detach = Options.Flag("--detach", null, "Do not wait: print the transfer's id.");
    private static readonly Option<int> Limit = Options.Number("--limit", null, "At most so many MiB a second.", "MIB");

    public static Verb Push() => new Verb("push", "REMOTE [DOT [BRANCH]]", "Send the commits of a branch to another cluster.", Word.Remote, Word.Dot, Word.Branch)
    {
        Changes = true,
        Remarks = "The first push makes the dot there; later ones send what is new. Without DOT it is the current dot and branch. "
            + "Where it was pushed to is remembered for the next time.",
    }
        .Example("dm push backup")
        .Example("dm push backup apples pears", "another dot and branch than the current one")
        .Example("dm push hub --remote-name alice/apples")
        .With(RemoteName, Stash, Detach, Limit)
        .Ends(run => Exchange(run, TransferRequest.Push, "push"));

    public static Verb Pull() => new Verb("pull", "REMOTE [DOT [BRANCH]]", "Get new commits of a branch from another cluster.", Word.Remote, Word.Dot, Word.Branch) { Changes = true }
        .Example("dm pull backup")
        .Example("dm pull hub --remote-name bob/apples")
        .Example("dm pull backup --stop-containers", "containers that use the dot would be in the way")
        .With(RemoteName, Stash, StopContainers, Detach, Limit)
        .Ends(run => Exchange(run, TransferRequest.Pull, "pull"));

    public static Verb Clone() => new Verb("clone", "REMOTE [DOT [BRANCH]]", "Get a dot from another cluster.", Word.Remote, Word.RemoteDot, Word.Branch) { Changes = true }
        .Example("dm clone backup apples")
        .Example("dm clone hub alice/apples --local-name alices-apples")
        .Example("dm clone backup apples pears", "the branch pears, and those that it grew from")
        .With(LocalName, Stash, Detach, Limit)
        .Ends(run => Exchange(run, TransferRequest.Pull, "clone"));

    private static async Task<int> Exchange(Run run, string direction, string verb)
    {
        run.AtMost(3, "Too many arguments specified (more than 3).");
        var name = run.Words.FirstOrDefault() ?? (verb == "clone" ? null : OnlyUpstream(run, direction)) ?? throw CommandFailure.Usage(
            $"Please specify which remote you want to {verb} to/from. Use 'dm remote -v' to list remotes.");
        if (verb == "clone" && run.Words.Length == 1 && run.Value(LocalName) is { Length: > 0 })
        {
            throw CommandFailure.Usage("Which dot is to have that name here? dm clone REMOTE DOT --local-name NAME");
        }

        if (run.Config.S3RemoteNames.Contains(name))
        {
            throw CommandFailure.Usage($"'{name}' is an S3 remote, which this version does not exchange data with.");
        }

        var peer = run.Remote(name);
        var (local, localBranch, there, thereBranch) = verb == "clone" && run.Words.Length > 1 ? Cloned(run, peer) : await Exchanged(run, name, peer);
        var request = new TransferRequest(direction, peer, local, localBranch, there, thereBranch)
        {
            StashOnDivergence = run.Value(Stash),
            StopContainers = verb == "pull" && run.Value(StopContainers),
            MaxBytesPerSecond = run.Value(Limit) * 1024L * 1024L,
        };
        var id = await Begun(run, request);
        if (run.Value(Detach))
        {
            await Remember();
            run.Show(id + "\n", new JsonObject { ["id"] = id }, id);
            return ExitCodes.Done;
        }

        if (run.Format == OutputFormat.Table)
        {
            run.Print(direction == TransferRequest.Push ? $"Pushing {local} to {name}:{there}" : $"Pulling {local} from {name}:{there}");
            await run.Terminal.Out.FlushAsync();
        }

        var ended = await TransferWatch.ToItsEnd(run, id);
        await Remember();
        return ended;

        // the first one counts, when it went well: another name given once, or a wrong one, is not where it goes from now on
        Task Remember() => run.Remember(config =>
        {
            if (config.HasRemote(name) && config.Upstream(name, local) is null)
            {
                config.SetUpstream(name, local, there);
            }
        });
    }

    private static async Task<string> Begun(Run run, TransferRequest request)
    {
        try
        {
            return await run.Client.Begin(request, run.Stop);
        }
        catch (DotmeshException failure) when (TransferWatch.Hint(request.Direction, failure.Message) is { } hint)
        {
            throw CommandFailure.Of(failure, failure.Message, hint);
        }
    }

    /// <summary>Kinder to people than to ask for what is known: the one remote that the current dot was exchanged with.</summary>
    private static string? OnlyUpstream(Run run, string direction)
    {
        if (!run.Terminal.OutIsTerminal || run.Config.CurrentDot(run.RemoteName) is not { } dot)
        {
            return null;
        }

        var known = run.Config.RemoteNames.Where(name => name != run.RemoteName && run.Config.Upstream(name, dot) is not null).ToList();
        if (known is not [var only])
        {
            return null;
        }

        run.Note($"({direction} {(direction == TransferRequest.Push ? "to" : "from")} {only}, where {dot.Short} was exchanged with before)");
        return only;
    }

    private static (DotName Local, string LocalBranch, DotName There, string ThereBranch) Cloned(Run run, Remote peer)
    {
        var words = run.Words;
        var there = DotName.Parse(words[1], peer.User);
        var local = run.Value(LocalName) is { Length: > 0 } given ? DotName.Parse(given) : new DotName(DotName.Admin, there.Name);
        var branch = words.ElementAtOrDefault(2) ?? DotmeshClient.MasterBranch;
        return (local, branch, there, branch);
    }

    private static async Task<(DotName Local, string LocalBranch, DotName There, string ThereBranch)> Exchanged(Run run, string name, Remote peer)
    {
        var words = run.Words;
        DotName local;
        string branch;
        if (words.Length < 2)
        {
            (local, branch) = await run.Current();
        }
        else
        {
            (local, branch) = (DotName.Parse(words[1]), words.ElementAtOrDefault(2) ?? DotmeshClient.MasterBranch);
        }

        var there = run.Value(RemoteName) is { Length: > 0 } given ? DotName.Parse(given, peer.User)
            : run.Config.Upstream(name, local) ?? new DotName(peer.User, local.Name);
        return (local, branch, there, branch);
    }
}
