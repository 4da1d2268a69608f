using System.Net;

namespace Dotmesh.Client;

/// <summary>A cluster and who calls it.</summary>
/// <param name="Port">0: the known ports are tried (contract 1.7).</param>
/// <param name="Secret">API key or password.</param>
public sealed record Remote(string User, string Hostname, int Port, string Secret)
{
    private const int DefaultPort = 32607;
    private const int ReferencePort = 6969;

    /// <summary>Where it may answer, in the order in which to try.</summary>
    public IReadOnlyList<Uri> Candidates => Port != 0
        ? [Http(Port)]
        : [new UriBuilder(Uri.UriSchemeHttps, Host, 443).Uri, Http(80), Http(DefaultPort), Http(ReferencePort)];

    // IPv6 addresses are written in brackets in a URL
    private string Host => Hostname.Contains(':', StringComparison.Ordinal) && !Hostname.StartsWith('[') ? $"[{Hostname}]" : Hostname;

    private Uri Http(int port) => new UriBuilder(Uri.UriSchemeHttp, Host, port).Uri;

    // not the generated one, which would print the secret
    public override string ToString() => Port == 0 ? $"{User}@{Hostname}" : $"{User}@{Hostname}:{Port}";

    /// <summary><c>USER@HOST[:PORT]</c>; null when it is not that.</summary>
    public static Remote? Parse(string text, string secret)
    {
        var at = text.LastIndexOf('@');
        if (at <= 0 || at == text.Length - 1)
        {
            return null;
        }

        var (user, place) = (text[..at], text[(at + 1)..]);
        var colon = place.LastIndexOf(':');
        // more than one colon and no bracket: an IPv6 address without a port
        var hasPort = colon >= 0 && (place.IndexOf(':') == colon || place[colon - 1] == ']');
        if (!hasPort)
        {
            return Valid(new Remote(user, place.Trim('[', ']'), 0, secret));
        }

        return colon > 0 && int.TryParse(place.AsSpan(colon + 1), out var port) && port > 0
            ? Valid(new Remote(user, place[..colon].Trim('[', ']'), port, secret))
            : null;
    }

    /// <summary>Null when there can be no such host or port.</summary>
    public static Remote? Valid(Remote remote) =>
        remote.Port is >= 0 and <= 65535 && Uri.CheckHostName(remote.Hostname.Trim('[', ']')) != UriHostNameType.Unknown ? remote : null;

    /// <summary>This machine, by name or address: nothing lies between.</summary>
    public bool IsLoopback => Hostname == "localhost" || (IPAddress.TryParse(Hostname.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
}
