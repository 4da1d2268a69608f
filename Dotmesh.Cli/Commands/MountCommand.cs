using System.CommandLine;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary><c>dm mount</c>: the files of a dot at a place of this machine, which runs the node that is asked (contract 7.3).</summary>
internal static class MountCommand
{
    private static readonly Option<bool> Create = new("--create", "-r") { Description = "Make the dot when there is none." };

    public static Verb Verb() => new Verb("mount", "[--create] DOT PATH", "Link PATH to the files of a dot, on the node's own machine.", Word.Dot, Word.Path)
        .Example("dm mount apples ./data")
        .Example("dm mount --create apples ./data")
        .With(Create)
        .Does(async run =>
        {
            if (run.Words is not [var text, var path])
            {
                throw run.Misused();
            }

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
            // an earlier link only: anything else was refused
            File.Delete(path.TrimEnd('/'));
            File.CreateSymbolicLink(path.TrimEnd('/'), place);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.Error, $"The link {path} cannot be made: {failure.Message}");
        }
    }
}
