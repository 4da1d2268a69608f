using System.Collections.Immutable;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Dotmesh.Actors;

namespace Dotmesh.Rpc.Peers;

/// <summary>How connections to other clusters are made.</summary>
public sealed record PeerHttpSettings
{
    /// <summary>PEM: authorities, or self-signed certificates of peers, that are trusted besides the system's. Empty: none.</summary>
    public string CaFile { get; init; } = "";

    /// <summary>For a connection, its encryption included.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A connection on which nothing moves shows that it is alive so often: what lies between forgets quiet ones.</summary>
    public TimeSpan KeepAlive { get; init; } = TimeSpan.FromSeconds(20);
}

/// <summary>
/// Connections to other clusters. Certificates are always verified. What would send a key elsewhere than the request says is off: redirects,
/// cookies, and proxies, of which the environment's are meant for other programs. Bodies come as they were sent.
/// </summary>
public static class PeerHttp
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const int KeepAliveTries = 6;

    // shorter than servers and what is between keep one: a request on a connection that just closed is lost
    private static readonly TimeSpan IdleConnection = TimeSpan.FromSeconds(20);

    // a name may mean another address by then
    private static readonly TimeSpan LongestConnection = TimeSpan.FromMinutes(5);

    // who does not know Expect is sent the body after this
    private static readonly TimeSpan Expect100 = TimeSpan.FromSeconds(1);

    /// <summary>Refused (<see cref="RefusalCode.Invalid"/>) when the file of authorities cannot be used.</summary>
    public static Outcome<SocketsHttpHandler> Make(PeerHttpSettings settings)
    {
        var trusted = settings.CaFile.Length == 0 ? ImmutableArray<X509Certificate2>.Empty : ReadAuthorities(settings.CaFile);
        return trusted.Then<SocketsHttpHandler>(authorities => new SocketsHttpHandler
        {
            ConnectTimeout = settings.Connect,
            ConnectCallback = (context, ct) => Connect(context.DnsEndPoint, settings.KeepAlive, ct),
            PlaintextStreamFilter = (context, _) => ValueTask.FromResult<Stream>(new HearingStream(context.PlaintextStream)),
            Expect100ContinueTimeout = Expect100,
            PooledConnectionIdleTimeout = IdleConnection,
            PooledConnectionLifetime = LongestConnection,
            AutomaticDecompression = DecompressionMethods.None,
            // who says more than is read is left, and not listened to for the sake of the connection
            MaxResponseDrainSize = 0,
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = null,
            SslOptions = Tls(authorities),
        });
    }

    private static async ValueTask<Stream> Connect(DnsEndPoint to, TimeSpan keepAlive, CancellationToken ct)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            var seconds = Math.Max(1, (int)keepAlive.TotalSeconds);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, seconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, seconds);
            socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, KeepAliveTries);
            await socket.ConnectAsync(to, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static SslClientAuthenticationOptions Tls(ImmutableArray<X509Certificate2> authorities) => authorities.IsEmpty
        ? new SslClientAuthenticationOptions()
        : new SslClientAuthenticationOptions
        {
            // false would be told without a reason
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) =>
                errors == SslPolicyErrors.None
                || (errors == SslPolicyErrors.RemoteCertificateChainErrors && certificate is X509Certificate2 shown && ComesFrom(authorities, shown, chain))
                    ? true
                    : throw new AuthenticationException($"its certificate is not trusted: {errors}"),
        };

    /// <summary>The name is right, and the system does not know the authority: ours may.</summary>
    private static bool ComesFrom(ImmutableArray<X509Certificate2> authorities, X509Certificate2 shown, X509Chain? sent)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(authorities.ToArray());
        chain.ChainPolicy.ExtraStore.AddRange(authorities.ToArray());
        if (sent is not null)
        {
            chain.ChainPolicy.ExtraStore.AddRange(sent.ChainPolicy.ExtraStore);
        }

        // a private authority publishes no lists, and is asked for nothing
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerUse));
        return chain.Build(shown);
    }

    private static Outcome<ImmutableArray<X509Certificate2>> ReadAuthorities(string file)
    {
        var read = new X509Certificate2Collection();
        try
        {
            read.ImportFromPemFile(file);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Wrong(file, $"cannot be read ({failure.Message})");
        }
        catch (CryptographicException failure)
        {
            return Wrong(file, $"holds no certificates in PEM ({failure.Message})");
        }

        return read.Any(one => one.SubjectName.RawData.AsSpan().SequenceEqual(one.IssuerName.RawData))
            ? read.ToImmutableArray()
            : Wrong(file, "holds no self-signed certificate: it has to hold the authority's own, in PEM");
    }

    private static Refusal Wrong(string file, string why) =>
        new(RefusalCode.Invalid, $"The file of authorities that other clusters' certificates come from, {file}, {why}.");
}
