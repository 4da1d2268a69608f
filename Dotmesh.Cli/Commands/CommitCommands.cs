using System.CommandLine;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Naming;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>A commit, and back to an earlier one (contract 7.3).</summary>
internal static class CommitCommands
{
    private static readonly Option<string> Message = new("--message", "-m") { Description = "What this commit is about.", HelpName = "MESSAGE" };

    private static readonly Option<string[]> Metadata = new("--metadata", "-d")
    {
        Description = "Metadata; may be repeated, or several with commas between them.",
        HelpName = "KEY=VALUE",
        AllowMultipleArgumentsPerToken = false,
    };

    private static readonly Option<string> Durability = Options.Text(
        "--durability", "local (when this node has it) or replicated (when the copies have it).", "WHERE");

    private static readonly Option<bool> Hard = Options.Flag("--hard", null, "Do not ask.");

    public static Verb Commit() => new Verb("commit", "-m MESSAGE [-d KEY=VALUE]...", "Commit what is in the current branch now; prints the commit's id.") { Changes = true }
        .Example("dm commit -m 'Two apples'")
        .Example("dm commit -m 'Nightly' -d source=cron -d run=17")
        .Example("dm commit -m 'Before the upgrade' --durability replicated", "answers when the copies have it")
        .With(Message, Metadata, Durability)
        .Does(async run =>
        {
            run.NoWords();
            if (run.Value(Message) is not { Length: > 0 } message)
            {
                throw CommandFailure.Usage("Please provide a commit message");
            }

            var metadata = Pairs(run.Value(Metadata) ?? []);
            var replicated = run.Value(Durability) switch
            {
                null or "local" => false,
                "replicated" => true,
                var other => throw CommandFailure.Usage($"--durability is local or replicated, not {other}."),
            };
            var (dot, branch) = await run.Current();
            var id = await run.Client.Commit(dot, branch, message, metadata, replicated, run.Stop);
            run.Show(id + "\n", new JsonObject { ["id"] = id, ["dot"] = dot.ToString(), ["branch"] = branch }, id);
        });

    public static Verb Reset() => new Verb("reset", "[--hard] REF", "Take the current branch back to a commit.", Word.Commit)
    {
        Changes = true,
        Remarks = "Later commits and what was not committed are gone; containers that use the branch are stopped and started again. "
            + "REF is a commit's id or the beginning of one, HEAD, HEAD^ (the one before), HEAD~2. On a terminal it asks, unless --hard or --yes is given.",
    }
        .Example("dm reset --hard HEAD", "undo what was not committed")
        .Example("dm reset --hard HEAD^", "undo the last commit too")
        .With(Hard)
        .Does(async run =>
        {
            if (run.Words is not [var reference])
            {
                throw CommandFailure.Usage("Please specify one ref only.");
            }

            var (dot, branch) = await CurrentToReset(run);
            var commits = await run.Client.Commits(dot, branch, run.Stop);
            var commit = CommitReference.Resolve(reference, commits);
            if (!run.Value(Hard) && run.Terminal.InIsTerminal)
            {
                await Ask(run, dot, branch, commit, commits);
            }

            await run.Client.Rollback(dot, branch, commit, run.Stop);
        });

    private static async Task<(DotName Dot, string Branch)> CurrentToReset(Run run) => run.Config.CurrentDot(run.RemoteName) is null
        && (await run.Client.List(run.Stop)).Count != 1
        ? throw new CommandFailure(
            ExitCodes.Error, "No current volume is selected. List them with 'dm list' and select one with 'dm switch'.")
        : await run.Current();

    private static async Task Ask(Run run, DotName dot, string branch, string commit, Commit[] commits)
    {
        var at = Array.FindIndex(commits, known => known.Id == commit);
        if (at < 0)
        {
            return;
        }

        var dirty = (await run.Client.Get(await run.Client.Lookup(dot, branch, run.Stop), run.Stop)).DirtyBytes;
        var later = commits.Length - 1 - at;
        if (later == 0 && dirty == 0)
        {
            return;
        }

        var lost = string.Join(" and ", new[]
        {
            later > 0 ? Output.Sizes.Count(later, "later commit") : "", dirty > 0 ? $"{Output.Sizes.Exact(dirty)} that were not committed" : "",
        }.Where(part => part.Length > 0));
        if (!await run.Confirm($"This takes {dot.Short}@{branch} back to {commit[..Math.Min(8, commit.Length)]} \"{commits[at].Message}\". {lost} will be gone. Go on?"))
        {
            throw new CommandFailure(ExitCodes.Error, "Aborted.");
        }
    }

    /// <summary>Commas separate, as in the original; unlike there a value may have <c>=</c> in it.</summary>
    internal static SortedDictionary<string, string> Pairs(IEnumerable<string> given)
    {
        var pairs = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in given.SelectMany(text => text.Split(',')))
        {
            var split = pair.IndexOf('=');
            if (split <= 0)
            {
                throw CommandFailure.Usage($"Each metadata value must be a name=value pair: {pair}");
            }

            pairs[pair[..split]] = pair[(split + 1)..];
        }

        return pairs;
    }
}
