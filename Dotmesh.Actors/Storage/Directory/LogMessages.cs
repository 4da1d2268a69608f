using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Storage.Directory;

internal static partial class LogMessages
{
    [LoggerMessageAttribute(Level = LogLevel.Information, Message = "Branch {Branch} now holds {Commits} commits, taken over from {Source}")]
    internal static partial void LogPromoted(this ILogger log, string branch, int commits, string source);

    [LoggerMessageAttribute(Level = LogLevel.Error, Message = "Filesystem {Id} is left out of the list: {Reason}")]
    internal static partial void LogDamaged(this ILogger log, string id, string reason);

    [LoggerMessageAttribute(Level = LogLevel.Information, Message = "Directory pool {Guid} at {Root}, mounts below {Mounts}")]
    internal static partial void LogOpened(this ILogger log, string guid, string root, string mounts);

    [LoggerMessageAttribute(Level = LogLevel.Warning, Message = "This process may not mount: only missing write permissions protect the views of commits, and root can write into those (never into the commits)")]
    internal static partial void LogViewsWritableByRoot(this ILogger log);

    [LoggerMessageAttribute(Level = LogLevel.Warning, Message = "The {Operation} of {Id} failed half-way; the next operation on it, or the next start, mends it")]
    internal static partial void LogUnfinished(this ILogger log, string operation, string id);

    [LoggerMessageAttribute(Level = LogLevel.Warning, Message = "What came of the stream for {Id} before it broke off could not be kept, it is sent again: {Reason}")]
    internal static partial void LogNothingKept(this ILogger log, string id, string reason);

    [LoggerMessageAttribute(Level = LogLevel.Warning, Message = "What was kept of a stream for {Id} could not be removed, the next start does it: {Reason}")]
    internal static partial void LogNotForgotten(this ILogger log, string id, string reason);
}
