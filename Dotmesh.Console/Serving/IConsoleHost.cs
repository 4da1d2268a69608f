using System.Net;

namespace Dotmesh.WebConsole.Serving;

/// <summary>What the console needs of the node that serves it. All else it does by the API, as every client.</summary>
public interface IConsoleHost
{
    /// <summary>Id of the node.</summary>
    string Node { get; }

    /// <summary>Folder of this node's own, for the keys that cookies are sealed with.</summary>
    string KeyFolder { get; }

    TimeProvider Clock { get; }

    /// <summary>An id that was never given before.</summary>
    string NewId();

    /// <summary>By name and password; an API key is refused. Whoever guesses is slowed down by its address.</summary>
    Task<ConsoleSignIn> SignIn(string user, string password, IPAddress from, CancellationToken ct);

    bool IsAdmin(string userId);

    /// <summary>Another text when the user's password is another one; null when there is no such user any more.</summary>
    string? PasswordMark(string userId);

    /// <summary>The API as this user, signed in by password, for as long as the password has this mark.</summary>
    HttpMessageHandler CallsOf(string userId, string mark);
}

/// <param name="UserId">Null: refused, for the reason in <paramref name="Refusal"/>.</param>
public sealed record ConsoleSignIn(string? UserId, string Name, string Refusal)
{
    public static ConsoleSignIn Refused(string why) => new(null, "", why);
}
