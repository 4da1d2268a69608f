using System.CommandLine;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>One dot: what it is, its end, where it is exchanged with, who controls it (contract 7.3).</summary>
internal static class DotCommands
{
    private const int DeleteTries = 5;

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);

    private static readonly Option<bool> Force = Options.Flag("--force", "-f", "Do not ask.");

    public static Verb Dot() => new Verb("dot", "", "Show, delete and arrange single dots.")
        .Example("dm dot show apples")
        .Example("dm dot delete apples")
        .With(DotShow.Verb(), HistoryCommands.OfDot(), Delete(), SetUpstream(), SmashBranchMaster());

    private static Verb Delete() => new Verb("delete", "[-f] DOT", "Delete a dot with all its branches and commits.", Word.Dot) { Changes = true }
        .Example("dm dot delete apples", "asks")
        .Example("dm dot delete -f apples")
        .With(Force)
        .Does(async run =>
        {
            if (run.Words is not [var text])
            {
                throw CommandFailure.Usage("Please specify one dot to delete.");
            }

            var name = DotName.Parse(text);
            if (!run.Value(Force) && !await run.Confirm($"Please confirm that you really want to delete the dot {text}, including all branches and commits?"))
            {
                throw new CommandFailure(ExitCodes.Error, "Aborted.");
            }

            await Delete(run, name);
            var remote = run.RemoteName;
            await run.Change(config => config.Forget(remote, name));
        });

    /// <summary>A node that is away for a moment is waited for; a no is a no.</summary>
    private static async Task Delete(Run run, DotName name)
    {
        for (var tried = 1; ; tried++)
        {
            try
            {
                await run.Client.Delete(name, run.Stop);
                return;
            }
            catch (DotmeshException gone) when (gone.Kind == FailureKind.NotFound && tried > 1)
            {
                // an earlier try did it, and its answer was lost
                return;
            }
            catch (DotmeshException failure) when (
                failure.Kind is FailureKind.Unavailable or FailureKind.Expired or FailureKind.Failed && tried < DeleteTries)
            {
                run.Note($"{failure.Message} Trying again ...");
                await Task.Delay(FirstPause * (1 << (tried - 1)), run.Clock, run.Stop);
            }
        }
    }

    private static Verb SetUpstream() => new Verb(
        "set-upstream", "[DOT] REMOTE REMOTE-DOT", "Choose which dot of a remote a dot is pushed to and pulled from.", Word.Dot, Word.Remote, Word.RemoteDot)
        .Example("dm dot set-upstream hub alice/apples", "the current dot")
        .Example("dm dot set-upstream apples hub alice/apples")
        .Does(async run =>
        {
            if (run.Words.Length is not (2 or 3))
            {
                throw CommandFailure.Usage("Please specify [<dot>] <remote> <remote-dot> as arguments.");
            }

            var local = run.Words.Length == 3 ? DotName.Parse(run.Words[0]) : await run.CurrentDot();
            var (name, there) = (run.Words[^2], run.Words[^1]);
            var remote = run.Remote(name);
            await run.Change(config => config.SetUpstream(name, local, DotName.Parse(there, remote.User)));
        });

    private static Verb SmashBranchMaster() => new Verb(
        "smash-branch-master", "[DOT] BRANCH [SERVER]", "Make a node control a dot whatever its node says.", Word.Dot, Word.Branch, Word.Node)
    {
        Changes = true,
        Remarks = "For a dot whose node is dead for good. What only that node has comes back as a branch NAME-DIVERGED-TIME when it does. "
            + "Of a node that is alive, 'dm move' loses nothing and needs no mending. Without SERVER it is the node that is asked.",
    }
        .Example("dm dot smash-branch-master apples master 504954d09db78174")
        .Does(async run =>
        {
            if (run.Words.Length is not (>= 1 and <= 3))
            {
                throw CommandFailure.Usage("Please specify [<dot>] <branch> [<server>] as arguments.");
            }

            var dot = run.Words.Length == 1 ? await run.CurrentDot() : DotName.Parse(run.Words[0]);
            var branch = run.Words.Length == 1 ? run.Words[0] : run.Words[1];
            var id = await run.Client.Lookup(dot, branch, run.Stop);
            await run.Client.ForceMaster(id, run.Words.ElementAtOrDefault(2) ?? "", run.Stop);
        });

    public static Verb Share()
    {
        var remove = Options.Flag("--remove", null, "Take that back.");
        return new Verb("share", "DOT USER [--remove]", "Let another user read and change a dot.", Word.Dot, Word.User) { Changes = true }
            .Example("dm share apples bob")
            .Example("dm share apples bob --remove")
            .With(remove)
            .Does(async run =>
            {
                run.Exactly(2);
                var id = await run.Client.Lookup(DotName.Parse(run.Words[0]), "", run.Stop);
                await (run.Value(remove)
                    ? run.Client.RemoveCollaborator(id, run.Words[1], run.Stop)
                    : run.Client.AddCollaborator(id, run.Words[1], run.Stop));
            });
    }

    public static Verb Move() => new Verb("move", "DOT NODE", "Hand a dot over to another node of the cluster.", Word.Dot, Word.Node)
    {
        Changes = true,
        Remarks = "With what was not committed. A dot that containers use stays where it is.",
    }
        .Example("dm move apples 504954d09db78174", "'dm node ls' lists the nodes")
        .Does(run =>
        {
            run.Exactly(2);
            return run.Client.MoveDot(DotName.Parse(run.Words[0]), run.Words[1], run.Stop);
        });
}
