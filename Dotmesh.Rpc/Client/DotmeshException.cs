namespace Dotmesh.Client;

/// <summary>Why a call failed, for programs.</summary>
public enum FailureKind
{
    /// <summary>No server answered at any of the addresses.</summary>
    Unreachable,

    /// <summary>User or secret are wrong.</summary>
    Unauthorized,

    /// <summary>A parameter is malformed, or the method is not known there.</summary>
    Invalid,

    NotFound,

    /// <summary>The caller lacks the right.</summary>
    Denied,

    /// <summary>The name is taken.</summary>
    AlreadyExists,

    /// <summary>The state of the dot does not allow it: in use, diverged, uncommitted data, being deleted.</summary>
    Conflict,

    /// <summary>The part of the cluster that would have to act cannot now; repeating later may work.</summary>
    Unavailable,

    /// <summary>No answer in time; the operation may still complete.</summary>
    Expired,

    /// <summary>The server failed, or what answered does not speak the protocol.</summary>
    Failed,
}

/// <summary>A call that failed. <see cref="Exception.Message"/> is the server's own text where it gave one.</summary>
/// <param name="RequestId">Under which the server's log has the call; null when no server of this kind answered.</param>
public sealed class DotmeshException(FailureKind kind, string message, string? requestId = null, Exception? inner = null)
    : Exception(message, inner)
{
    public FailureKind Kind => kind;

    public string? RequestId => requestId;

    /// <param name="reason">Member <c>code</c> of the error's data; null from servers that do not send it.</param>
    internal static FailureKind KindOf(string? reason, string message) => reason switch
    {
        "invalid" or "invalidParams" or "invalidRequest" or "parseError" or "methodNotFound" => FailureKind.Invalid,
        "notFound" => FailureKind.NotFound,
        "denied" => FailureKind.Denied,
        "alreadyExists" => FailureKind.AlreadyExists,
        "conflict" => FailureKind.Conflict,
        "unavailable" or "overloaded" => FailureKind.Unavailable,
        "expired" => FailureKind.Expired,
        null => KindOf(message),
        _ => FailureKind.Failed,
    };

    // original servers send a text only (contract 2.0, 10.2)
    private static FailureKind KindOf(string message)
    {
        bool Says(params ReadOnlySpan<string> texts)
        {
            foreach (var text in texts)
            {
                if (message.Contains(text, StringComparison.OrdinalIgnoreCase))
                {
                    return true;
                }
            }

            return false;
        }

        return Says("No such", "No clone", "No known filesystem", "not found") ? FailureKind.NotFound
            : Says("not the owner", "not the administrator", "not owner", "permission", "not authorized", "not an administrator") ? FailureKind.Denied
            : Says("exists already", "already exists") ? FailureKind.AlreadyExists
            : Says("diverged", "uncommitted", "cannot delete the volume", "has been modified") ? FailureKind.Conflict
            : Says("should match pattern", "cannot be empty", "invalid") ? FailureKind.Invalid
            : FailureKind.Failed;
    }
}
