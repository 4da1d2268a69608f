using System.CommandLine;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary><c>dm mount</c>: the files of a dot at a place of this machine, which runs the node that is asked (contract 7.3).</summary>
internal static class MountCommand
{
    private static readonly Option<bool> Create = Options.Flag("--create", "-r", "Make the dot when there is none.");

    public static Verb Verb() => new Verb("mount", "[--create] DOT PATH", "Link PATH to the files of a dot, on the node's own machine.", Word.Dot, Word.Path) { Changes = true }
        .Example("dm mount apples ./data")
        .Example("dm mount --create apples ./data")
        .With(Create)
        .Does(async run =>
        {
            if (run.Words is not [var text, { Length: > 0 } given])
            {
                throw run.Misused();
            }

            // a shell ends the name of a link to a folder with a slash
            var path = given.Length > 1 ? given.TrimEnd('/') : given;

            var name = DotName.Parse(text);
            var exists = (await run.Client.List(run.Stop)).Any(branch => branch.Name == name);
            if (!exists && !run.Value(Create))
            {
                throw new CommandFailure(
                    ExitCodes.NotFound, $"Dot {text} does not exist.\n\nIf you want to create it - use the '--create' flag");
            }

            Free(path);
            var place = await run.Client.Procure(name, "", "__default__", run.Stop);
            run.Print($"procured dot: {name} into {place}");
            if (run.BranchOf(name) is var branch && branch != DotmeshClient.MasterBranch)
            {
                // the plain name of a dot that nobody had here led to master until now
                await run.Client.SwitchContainers(name, branch, run.Stop);
            }

            if (!System.IO.Directory.Exists(place))
            {
                throw new CommandFailure(
                    ExitCodes.Error, $"{place} is not on this machine: the node that answered, {run.Client.Remote.Hostname}, runs elsewhere.",
                    "Run the command there, or make its node the current remote.");
            }

            Link(path, place);
            run.Print($"symlinked dot: {name} from {place} to {path}");
        });

    /// <summary>What is there is not touched, but for an earlier link.</summary>
    private static void Free(string path)
    {
        var there = new FileInfo(path);
        if (there.LinkTarget is null && (there.Exists || System.IO.Directory.Exists(path)))
        {
            throw new CommandFailure(ExitCodes.Conflict, $"{path} exists already, and is no link.", "Choose another path, or move it away.");
        }
    }

    private static void Link(string path, string place)
    {
        try
        {
            // it may have become something else meanwhile
            Free(path);
            File.Delete(path);
            File.CreateSymbolicLink(path, place);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.Error, $"The link {path} cannot be made: {failure.Message}");
        }
    }
}
