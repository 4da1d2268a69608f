using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Dotmesh.Actors.Trust;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace Dotmesh.Node.Hosting;

/// <summary>HTTP between nodes: with certificates on both sides where there are any, in clear otherwise.</summary>
internal static class NodeHttp
{
    public static HttpClient Client(NodeTls? tls)
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2) };
        if (tls is not null)
        {
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificateContext = Context(tls),
                RemoteCertificateValidationCallback = (connection, certificate, _, _) =>
                    tls.Judge.Accepts(certificate as X509Certificate2, Name(connection), dialled: true),
            };
        }

        // each call has its own limit
        return new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public static void Protect(ListenOptions listen, NodeTls? tls)
    {
        if (tls is null)
        {
            return;
        }

        var context = Context(tls);
        listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = connection =>
            {
                var peer = $"{connection.Connection.RemoteEndPoint}";
                return ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = context,
                    ClientCertificateRequired = true,
                    RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                        tls.Judge.Accepts(certificate as X509Certificate2, peer, dialled: false),
                });
            },
        });
    }

    private static SslStreamCertificateContext Context(NodeTls tls) =>
        SslStreamCertificateContext.Create(tls.Certificate.Own, [.. tls.Certificate.Between], offline: true);

    private static string Name(object connection) => connection is SslStream stream ? stream.TargetHostName : "another node";
}
