using System.Collections.Immutable;
using System.CommandLine;

namespace Dotmesh.Cli.Running;

/// <summary>What a word of the command line names; completion offers such names.</summary>
internal enum Word
{
    Text,
    Dot,
    Branch,
    Commit,
    Remote,
    RemoteDot,
    Transfer,
    Node,
    User,
    Path,
}

/// <param name="Line">As it is typed.</param>
/// <param name="Says">What it does; may be empty.</param>
internal sealed record Example(string Line, string Says);

/// <summary>A command with all that help, manual pages and completion say of it.</summary>
internal sealed class Verb : Command
{
    private readonly Argument<string[]> _words = new("words") { Arity = ArgumentArity.ZeroOrMore, Hidden = true };

    /// <param name="usage">What comes after the name: <c>[-b] BRANCH</c>.</param>
    public Verb(string name, string usage, string summary, params Word[] words)
        : base(name, summary)
    {
        Usage = usage;
        Kinds = [.. words];
        Add(_words);
    }

    public string Usage { get; }

    /// <summary>Of its words, one after the other.</summary>
    public ImmutableArray<Word> Kinds { get; }

    /// <summary>Paragraphs below the summary.</summary>
    public string Remarks { get; init; } = "";

    public ImmutableArray<Example> Examples { get; private set; } = [];

    /// <summary>It asks the cluster for a change: what was interrupted may go on there.</summary>
    public bool Changes { get; init; }

    /// <summary>False: it only groups others.</summary>
    public bool Runs { get; private set; }

    public string[] Words(ParseResult parsed) => parsed.GetValue(_words) ?? [];

    public Verb With(params ReadOnlySpan<Option> options)
    {
        foreach (var option in options)
        {
            Add(option);
        }

        return this;
    }

    public Verb With(params ReadOnlySpan<Verb> verbs)
    {
        foreach (var verb in verbs)
        {
            Add(verb);
        }

        return this;
    }

    public Verb Example(string line, string says = "")
    {
        Examples = Examples.Add(new Example(line, says));
        return this;
    }

    public Verb Does(Func<Run, Task> body) => Ends(async run =>
    {
        await body(run);
        return ExitCodes.Done;
    });

    /// <param name="body">Ends with the exit code.</param>
    public Verb Ends(Func<Run, Task<int>> body)
    {
        Runs = true;
        SetAction((parsed, _) => Runner.Go(parsed, this, body));
        return this;
    }
}
