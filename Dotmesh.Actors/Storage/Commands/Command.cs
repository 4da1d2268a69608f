namespace Dotmesh.Actors.Storage.Commands;

/// <summary>A program to run. There is no shell anywhere: an argument is what the program gets, whatever it holds.</summary>
/// <param name="FileName">A path, or a name looked up in PATH.</param>
public sealed record Command(string FileName, IReadOnlyList<string> Arguments)
{
    /// <summary>Fed to stdin; without it stdin is empty.</summary>
    public Stream? Input { get; init; }

    /// <summary>Takes stdout piece by piece, with back-pressure; without it stdout is captured, bounded.</summary>
    public Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask>? Output { get; init; }

    /// <summary>Takes stderr piece by piece; without it stderr is captured, bounded.</summary>
    public Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask>? Errors { get; init; }

    /// <summary>Runs for as long as the other side of its data: counted apart from short commands.</summary>
    public bool IsStream { get; init; }

    /// <summary>For logs and messages.</summary>
    public override string ToString()
    {
        var text = string.Join(' ', Arguments.Prepend(Path.GetFileName(FileName)));
        return text.Length <= 400 ? text : string.Concat(text.AsSpan(0, 400), "...");
    }
}

/// <param name="ExitCode">As the program chose it; a program ended by a signal is an exception instead.</param>
/// <param name="Stdout">Empty when <see cref="Command.Output"/> took it.</param>
/// <param name="Stderr">Bounded; what is beyond the bound was dropped. Empty when <see cref="Command.Errors"/> took it.</param>
public sealed record CommandResult(int ExitCode, string Stdout, string Stderr);

/// <summary>Hears of every command; for metrics. Must be fast and must not throw.</summary>
public interface ICommandObserver
{
    /// <param name="outcome"><c>0</c>, <c>1</c> ... or the name of a <see cref="StorageFailure"/>, or <c>canceled</c>.</param>
    void Ended(Command command, TimeSpan elapsed, string outcome);
}

public sealed record CommandRunnerOptions
{
    /// <summary>
    /// Short commands at the same time; more wait their turn. So many because they mostly wait for the pool, which takes
    /// all that arrive during one transaction group together.
    /// </summary>
    public int MaxCommands { get; init; } = 64;

    /// <summary>Streaming commands (send, receive) at the same time.</summary>
    public int MaxStreams { get; init; } = 16;

    /// <summary>A command that neither reads, writes nor computes for so long is killed.</summary>
    public TimeSpan StallAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long a killed command may take to go before it is given up (stuck in the kernel).</summary>
    public TimeSpan KillGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The same for streams: a killed receive ends when its pool has taken back what had arrived, which waits for a
    /// transaction group, and those may be five seconds apart.
    /// </summary>
    public TimeSpan StreamKillGrace { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Captured stdout beyond this is a failure.</summary>
    public int MaxCapturedBytes { get; init; } = 16 << 20;
}
