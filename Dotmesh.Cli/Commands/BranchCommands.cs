using System.CommandLine;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Naming;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>Branches of the current dot (contract 7.3).</summary>
internal static class BranchCommands
{
    private static readonly Option<bool> New = Options.Flag("--new", "-b", "Make the branch first.");

    public static Verb Branch() => new Verb("branch", "", "List the branches of the current dot.")
        .Example("dm branch")
        .With(Watch.Option)
        .Does(run =>
        {
            run.NoWords();
            return Watch.Shown(run, () => Listed(run));
        });

    private static async Task<string> Listed(Run run)
    {
        var (dot, current) = await run.Current();
        var names = await Names(run, dot);
        return run.Format == OutputFormat.Table
            ? string.Concat(names.Select(name =>
                run.Terminal.Painted(name == current ? $"* {name}" : $"  {name}", name == current ? Paint.Green : Paint.None) + "\n"))
            : new Listing<string>(
                name => name, name => new JsonObject { ["name"] = name, ["current"] = name == current }).Text(names, run.Format, run.Terminal);
    }

    public static Verb Checkout() => new Verb("checkout", "[-b] BRANCH [REF]", "Work with another branch; with -b a new one.", Word.Branch, Word.Commit)
    {
        Changes = true,
        Remarks = "Containers that mount the dot by its plain name are stopped, get the branch, and are started again. "
            + "A new branch starts at the newest commit of the current one, or at REF.",
    }
        .Example("dm checkout -b pears", "a branch that starts at the newest commit")
        .Example("dm checkout -b before HEAD^", "one that starts at the commit before")
        .Example("dm checkout master")
        .With(New)
        .Does(Checkout);

    private static async Task Checkout(Run run)
    {
        var create = run.Value(New);
        if (run.Words is not [var branch] && !(create && run.Words is [_, _]))
        {
            throw CommandFailure.Usage("Please give me a branch name.");
        }

        branch = run.Words[0];
        var (dot, current) = await run.Current();
        var names = await Names(run, dot);
        if (create)
        {
            if (names.Contains(branch))
            {
                throw new CommandFailure(ExitCodes.Conflict, $"Branch already exists: {branch}", $"'dm checkout {branch}' works with it.");
            }

            var commit = CommitReference.Resolve(run.Words.ElementAtOrDefault(1) ?? "HEAD", await run.Client.Commits(dot, current, run.Stop));
            await run.Client.CreateBranch(dot, current, commit, branch, run.Stop);
        }
        else if (!names.Contains(branch))
        {
            throw new CommandFailure(ExitCodes.NotFound, $"Branch does not exist: {branch}", Nearest.Hint(branch, names, "dm branch"));
        }

        var remote = run.RemoteName;
        await run.Change(config => config.SetCurrentBranch(remote, dot, branch));
        try
        {
            await run.Client.SwitchContainers(dot, branch, run.Stop);
        }
        catch (DotmeshException denied) when (denied.Kind == FailureKind.Denied)
        {
            run.Note($"{branch} is the current branch; containers were not switched, which only admin may do.");
        }
        catch (DotmeshException failure)
        {
            throw CommandFailure.Of(
                failure, failure.Message, $"{branch} is the current branch all the same; repeat the command to switch the containers.");
        }
    }

    /// <summary>Sorted, master among them.</summary>
    internal static async Task<List<string>> Names(Run run, DotName dot) =>
        [.. (await run.Client.Branches(dot, run.Stop)).Append(DotmeshClient.MasterBranch).Order(StringComparer.Ordinal)];
}
