using Dotmesh.Client;

namespace Dotmesh.Cli.Running;

/// <summary>What the shell is told.</summary>
internal static class ExitCodes
{
    public const int Done = 0;
    public const int Error = 1;

    /// <summary>The command line is wrong, or a name in it.</summary>
    public const int Usage = 2;

    public const int NotFound = 3;
    public const int NotPermitted = 4;

    /// <summary>Diverged, uncommitted data, in use, taken.</summary>
    public const int Conflict = 5;

    /// <summary>What was begun goes on on the server.</summary>
    public const int StillRunning = 8;

    public static int Of(FailureKind kind) => kind switch
    {
        FailureKind.Invalid => Usage,
        FailureKind.NotFound => NotFound,
        FailureKind.Denied or FailureKind.Unauthorized => NotPermitted,
        FailureKind.Conflict or FailureKind.AlreadyExists => Conflict,
        FailureKind.Expired => StillRunning,
        _ => Error,
    };
}

/// <summary>Ends a command. The message goes to stderr as it stands.</summary>
/// <param name="hint">What to do about it; null when the message says it.</param>
internal sealed class CommandFailure(int exitCode, string message, string? hint = null) : Exception(message)
{
    public int ExitCode => exitCode;

    public string? Hint => hint;

    /// <summary>Under which the node's log has it; null where no call failed.</summary>
    public string? RequestId { get; init; }

    public static CommandFailure Usage(string message) => new(ExitCodes.Usage, message);

    /// <summary>What a call failed with, in other words.</summary>
    public static CommandFailure Of(DotmeshException failure, string message, string? hint = null) =>
        new(ExitCodes.Of(failure.Kind), message, hint) { RequestId = Explained(failure) };

    /// <summary>The request's id where the node's log has more to say: the failure is not the caller's doing.</summary>
    public static string? Explained(DotmeshException failure) =>
        failure.Kind is FailureKind.Unavailable or FailureKind.Failed or FailureKind.Expired ? failure.RequestId : null;
}
