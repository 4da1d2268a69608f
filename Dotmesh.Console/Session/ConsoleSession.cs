using System.Security.Claims;
using Dotmesh.Client;
using Dotmesh.WebConsole.Serving;
using Microsoft.AspNetCore.Components.Authorization;

namespace Dotmesh.WebConsole.Session;

/// <summary>Who sits before an open page, and the API as that user. One for each page; gone with it.</summary>
public sealed class ConsoleSession(IConsoleHost host, AuthenticationStateProvider authentication) : IDisposable
{
    private const string NobodysSecret = "-";

    private ClaimsPrincipal? _user;
    private DotmeshClient? _client;
    private long _touched = host.Clock.GetTimestamp();

    public string Node => host.Node;

    public TimeProvider Clock => host.Clock;

    public string UserName => _user?.Identity?.Name ?? "";

    public bool IsAdmin { get; private set; }

    /// <summary>After <see cref="Begin"/>.</summary>
    public DotmeshClient Api => _client ?? throw new InvalidOperationException("nobody is signed in");

    /// <summary>Somebody clicked or typed.</summary>
    public void Touch() => Volatile.Write(ref _touched, host.Clock.GetTimestamp());

    /// <summary>Nobody has done anything for too long, or is no user any more, or has another password now.</summary>
    public bool IsOver => host.Clock.GetElapsedTime(Volatile.Read(ref _touched)) > ConsoleApplication.IdleLimit || !SignIn.IsCurrent(host, _user);

    public async Task Begin()
    {
        if (_client is not null)
        {
            return;
        }

        _user = (await authentication.GetAuthenticationStateAsync()).User;
        var id = _user.FindFirstValue(ClaimTypes.NameIdentifier) ?? throw new InvalidOperationException("nobody is signed in");
        IsAdmin = id == AdminId;
        // the address is never dialled: the calls stay in this process
        _client = new DotmeshClient(new Remote(UserName, "localhost", 1, NobodysSecret), host.CallsOf(id, _user.FindFirstValue(SignIn.Mark) ?? ""));
    }

    public void Dispose() => _client?.Dispose();

    private const string AdminId = "00000000-0000-0000-0000-000000000000";
}
