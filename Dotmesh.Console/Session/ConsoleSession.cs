using System.Security.Claims;
using Dotmesh.Client;
using Dotmesh.WebConsole.Serving;
using Microsoft.AspNetCore.Components.Authorization;

namespace Dotmesh.WebConsole.Session;

/// <summary>Who sits before an open page, and the API as that user. One for each page; gone with it.</summary>
public sealed class ConsoleSession(IConsoleHost host, AuthenticationStateProvider authentication, SharedReads reads, SignedOut signedOut) : IDisposable
{
    private const string NobodysSecret = "-";

    private ClaimsPrincipal? _user;
    private string _id = "", _mark = "";
    private DotmeshClient? _client;
    private long _touched = host.Clock.GetTimestamp();

    public string Node => host.Node;

    public TimeProvider Clock => host.Clock;

    public string UserName => _user?.Identity?.Name ?? "";

    public bool IsAdmin { get; private set; }

    /// <summary>For what changes something, and for what no other page reads. After <see cref="Begin"/>.</summary>
    public DotmeshClient Api
    {
        get
        {
            Check();
            return _client ?? throw new InvalidOperationException("nobody is signed in");
        }
    }

    /// <summary>What all pages of this user read; see <see cref="SharedReads"/>.</summary>
    /// <param name="what">Names the question and what its answer depends on.</param>
    public Task<T> Shared<T>(string what, Func<DotmeshClient, CancellationToken, Task<T>> read)
    {
        Check();
        return reads.Get(
            $"{_id} {_mark}",
            what,
            async () =>
            {
                // of its own: the page that asked first may be closed while others wait for the answer
                using var client = Client();
                return await read(client, CancellationToken.None);
            });
    }

    /// <summary>After a change: nobody is shown what was read before it.</summary>
    public void Forget() => reads.Forget();

    /// <summary>Somebody clicked or typed.</summary>
    public void Touch() => Volatile.Write(ref _touched, host.Clock.GetTimestamp());

    /// <summary>Nobody has done anything for too long, or signed out elsewhere, or is no user any more, or has another password now.</summary>
    public bool IsOver => host.Clock.GetElapsedTime(Volatile.Read(ref _touched)) > ConsoleApplication.IdleLimit || !SignIn.IsCurrent(host, signedOut, _user);

    public async Task Begin()
    {
        if (_client is not null)
        {
            return;
        }

        _user = (await authentication.GetAuthenticationStateAsync()).User;
        _id = _user.FindFirstValue(ClaimTypes.NameIdentifier) ?? throw new InvalidOperationException("nobody is signed in");
        _mark = _user.FindFirstValue(SignIn.Mark) ?? "";
        IsAdmin = host.IsAdmin(_id);
        _client = Client();
    }

    /// <summary>The page is told to leave; one that does not gets nothing any more.</summary>
    private void Check()
    {
        if (IsOver)
        {
            throw new DotmeshException(FailureKind.Unauthorized, "You are signed out. Please sign in again.");
        }
    }

    public void Dispose() => _client?.Dispose();

    // the address is never dialled: the calls stay in this process
    private DotmeshClient Client() => new(new Remote(UserName, "localhost", 1, NobodysSecret), host.CallsOf(_id, _mark));
}
