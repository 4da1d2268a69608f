using System.Text;
using Dotmesh.Actors;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Peers;

/// <summary>Finds other clusters over HTTP (contract 1.7).</summary>
public sealed class HttpPeers : IPeers, IDisposable
{
    private const int MostPort = 65535;
    private const int LongestHost = 255;

    private readonly HttpClient _http;
    private readonly PeerLimits _limits;
    private readonly TimeProvider _clock;

    /// <param name="handler">See <see cref="PeerHttp.Make"/>; disposed with this.</param>
    public HttpPeers(HttpMessageHandler handler, PeerLimits limits, TimeProvider clock)
    {
        // each call has its own limit
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        (_limits, _clock) = (limits, clock);
    }

    public async Task<Outcome<IPeer>> Reach(PeerAddress address, CancellationToken ct)
    {
        if (Check(address) is { } malformed)
        {
            return malformed;
        }

        var attempted = new List<string>();
        var errs = new List<string>();
        foreach (var url in Urls(address))
        {
            var call = new PeerCall(_http, address, url, _limits, _clock);
            var ping = new PeerQuestion("DotmeshRPC.Ping", "null"u8.ToArray(), _limits.Probe, _limits.MostReplyBytes);
            var answer = await call.Ask(ping, PeerReplies.Pong, ct);
            if (!answer.Refused(out var refusal))
            {
                return new HttpPeer(call);
            }

            attempted.Add(url);
            errs.Add(refusal.Message);
            if (refusal.Code == RefusalCode.Denied && address.Port != 0)
            {
                // it speaks, so there is no other protocol to try on this port
                break;
            }
        }

        return new Refusal(
            RefusalCode.Unavailable,
            $"Unable to connect to any of the addresses attempted: [{string.Join(' ', attempted)}], errs: [{string.Join("; ", errs)}]");
    }

    public void Dispose() => _http.Dispose();

    private static string[] Urls(PeerAddress address)
    {
        var host = address.Host.Contains(':', StringComparison.Ordinal) ? $"[{address.Host}]" : address.Host;
        return address.Port == 0
            ? [$"https://{host}:443", $"http://{host}:80", $"http://{host}:32607"]
            : [$"http://{host}:{address.Port}", $"https://{host}:{address.Port}"];
    }

    /// <summary>What would become another URL than it seems, or other credentials, is refused before anybody is asked.</summary>
    private static Refusal? Check(PeerAddress address)
    {
        // the host is not repeated: one that is no host may be a whole URL with a password in it
        if (address.Host.Length > LongestHost || !Ascii.IsValid(address.Host) || address.Host.AsSpan().ContainsAny("[]%")
            || Uri.CheckHostName(address.Host) is UriHostNameType.Unknown or UriHostNameType.Basic)
        {
            return Invalid("its host must be a name or an address, without a scheme, a port or a path");
        }

        if (address.Port is < 0 or > MostPort)
        {
            return Invalid($"its port must be 0 to {MostPort}, not {address.Port}");
        }

        return address.User.Contains(':', StringComparison.Ordinal) ? Invalid("the name of a user there has no colon in it") : null;
    }

    private static Refusal Invalid(string why) => new(RefusalCode.Invalid, $"The other cluster cannot be reached: {why}.");
}
