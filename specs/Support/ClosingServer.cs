using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;

namespace Dotmesh.Specs.Support;

/// <summary>A server that answers a ping, and to everything else reads a part of the request, answers and closes, as Go's does.</summary>
internal sealed class ClosingServer : IAsyncDisposable
{
    private const int PartBytes = 50_000;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    /// <param name="answer">Every byte of it.</param>
    public ClosingServer(string answer, X509Certificate2? certificate)
    {
        _listener.Start();
        _serving = Serve(Encoding.ASCII.GetBytes(answer), certificate);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _serving;
        _stop.Dispose();
    }

    private async Task Serve(byte[] answer, X509Certificate2? certificate)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                Stream stream = client.GetStream();
                if (certificate is not null)
                {
                    var tls = new SslStream(stream);
                    stream = tls;
                    await tls.AuthenticateAsServerAsync(certificate);
                }

                await Answer(stream, answer);
            }
            catch (Exception ended) when (ended is IOException or SocketException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
            {
                // the next one, or none
            }
        }
    }

    private async Task Answer(Stream stream, byte[] answer)
    {
        var buffer = new byte[PartBytes];
        for (var read = 0; read < buffer.Length;)
        {
            var count = await stream.ReadAsync(buffer.AsMemory(read), _stop.Token);
            if (count == 0)
            {
                return;
            }

            read += count;
            var text = Encoding.ASCII.GetString(buffer, 0, read);
            if (text.Contains("DotmeshRPC.Ping", StringComparison.Ordinal))
            {
                var pong = PeerStub.Result("true");
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {pong.Length}\r\n\r\n{pong}"), _stop.Token);
                read = 0;
            }
            else if (text.EndsWith("Expect: 100-continue\r\n\r\n", StringComparison.Ordinal))
            {
                await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray(), _stop.Token);
            }
        }

        await stream.WriteAsync(answer, _stop.Token);
    }
}
