using System.Collections.Immutable;
using System.CommandLine;
using Dotmesh.Cli.Commands;
using Dotmesh.Cli.Help;

namespace Dotmesh.Cli.Running;

/// <summary>All commands in one place. A new one is a Verb in <c>Commands/</c> and a name in a group here.</summary>
internal static class Root
{
    /// <summary>Command of the shells' scripts; what is being typed follows it.</summary>
    public const string Complete = "__complete";

    public static readonly ImmutableArray<(string Title, ImmutableArray<string> Names)> Groups =
    [
        ("Work with a dot", ["status", "commit", "log", "branch", "checkout", "reset", "mount"]),
        ("Dots", ["list", "init", "switch", "dot", "share", "move"]),
        ("Other clusters", ["remote", "push", "pull", "clone", "transfers"]),
        ("The cluster", ["cluster", "node", "user", "version", "debug"]),
        ("This program", ["help", "completion", "man"]),
    ];

    public static RootCommand Make()
    {
        var root = new RootCommand("dm, the command line of Dotmesh: git for data.");
        foreach (var option in Globals.All)
        {
            root.Add(option);
        }

        var list = DotLists.List();
        list.Aliases.Add("ls");
        Verb[] verbs =
        [
            StatusCommand.Verb(), CommitCommands.Commit(), LogCommand.Log(), BranchCommands.Branch(), BranchCommands.Checkout(), CommitCommands.Reset(),
            MountCommand.Verb(), list, DotLists.Init(), DotLists.Switch(), DotCommands.Dot(), DotCommands.Share(), DotCommands.Move(),
            RemoteCommands.Remote(), ExchangeCommands.Push(), ExchangeCommands.Pull(), ExchangeCommands.Clone(), TransferCommands.Transfers(),
            ClusterCommands.Cluster(), NodeCommands.Node(), UserCommands.User(), InformationCommands.Version(), InformationCommands.Debug(),
            ClusterCommands.Gone("s3", "S3 remotes of the config file are listed by 'dm remote' and kept; nothing is exchanged with them by this version."),
            HelpCommand(root), CompletionCommand(), CompleteCommand(root), ManCommand(root),
        ];
        foreach (var verb in verbs)
        {
            root.Add(verb);
        }

        return root;
    }

    private static Verb HelpCommand(RootCommand root) => new Verb("help", "[COMMAND]", "Help, with examples.", Word.Text)
        .Does(run =>
        {
            Command command = root;
            foreach (var word in run.Words)
            {
                command = command.Subcommands.FirstOrDefault(child => child.Name == word || child.Aliases.Contains(word))
                    ?? throw new CommandFailure(
                        ExitCodes.Usage, $"There is no command '{string.Join(' ', run.Words)}'.",
                        Naming.Nearest.Hint(word, command.Subcommands.Where(child => !child.Hidden).Select(child => child.Name), "dm help"));
            }

            run.Terminal.Out.Write(command is Verb verb ? HelpText.Of(verb) : HelpText.OfAll(root));
            return Task.CompletedTask;
        });

    private static Verb CompletionCommand() => new Verb("completion", "bash|zsh|fish", "Print the script that lets a shell complete commands and names.", Word.Text)
        .Example("""eval "$(dm completion bash)" """.TrimEnd(), "in ~/.bashrc")
        .Example("dm completion fish | source", "in ~/.config/fish/config.fish")
        .Does(run =>
        {
            run.Exactly(1);
            run.Terminal.Out.Write(Completion.Script(run.Words[0]) ?? throw CommandFailure.Usage($"bash, zsh or fish, not {run.Words[0]}."));
            return Task.CompletedTask;
        });

    private static Verb CompleteCommand(RootCommand root)
    {
        var verb = new Verb(Complete, "", "What the scripts of 'dm completion' call.") { Hidden = true };
        return verb.Does(async run =>
        {
            foreach (var offer in await Completion.For(root, run, [.. Environment.GetCommandLineArgs().SkipWhile(word => word != Complete).Skip(1)]))
            {
                run.Print(offer);
            }
        });
    }

    private static Verb ManCommand(RootCommand root) => new Verb("man", "FOLDER", "Write the manual pages.", Word.Path)
        .Example("dm man ~/.local/share/man/man1")
        .Does(async run =>
        {
            run.Exactly(1);
            Directory.CreateDirectory(run.Words[0]);
            foreach (var (name, text) in ManPage.All(root, InformationCommands.OwnVersion))
            {
                await File.WriteAllTextAsync(Path.Combine(run.Words[0], name), text, run.Stop);
            }
        });
}
