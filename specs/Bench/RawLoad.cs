using System.Diagnostics;
using System.Net.Sockets;
using System.Text;
using Dotmesh.Specs.Support;

namespace Dotmesh.Bench;

/// <summary>Requests over plain sockets: the load generator shares the cores, so it must cost next to nothing.</summary>
internal static class RawLoad
{
    private const int Connections = 16;

    public static async Task<double> Run(NodeProcess node, string method, string parameters, TimeSpan time)
    {
        var body = $$"""{"jsonrpc":"2.0","method":"DotmeshRPC.{{method}}","params":{{parameters}},"id":1}""";
        var secret = Convert.ToBase64String(Encoding.UTF8.GetBytes($"admin:{NodeProcess.ReadKey(node.Setup)}"));
        var request = Encoding.ASCII.GetBytes(
            $"POST /rpc HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {secret}\r\nContent-Type: application/json\r\n"
            + $"Content-Length: {body.Length}\r\n\r\n{body}");
        var started = Stopwatch.GetTimestamp();
        var counts = await Task.WhenAll(Enumerable.Range(0, Connections).Select(_ => One(node.Setup.ReferencePort, request, started, time)));
        return counts.Sum() / Stopwatch.GetElapsedTime(started).TotalSeconds;
    }

    private static async Task<long> One(int port, byte[] request, long started, TimeSpan time)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync("127.0.0.1", port);
        var stream = client.GetStream();
        var buffer = new byte[16 * 1024];
        var expected = await Exchange(stream, request, buffer, null);
        if (!Encoding.ASCII.GetString(buffer, 0, expected).Contains("\"result\"", StringComparison.Ordinal))
        {
            throw new InvalidOperationException(Encoding.ASCII.GetString(buffer, 0, expected));
        }

        long count = 0;
        while (Stopwatch.GetElapsedTime(started) < time)
        {
            await Exchange(stream, request, buffer, expected);
            count++;
        }

        return count;
    }

    /// <summary>Every answer to one request has the same length: the request id is a header of fixed size.</summary>
    private static async Task<int> Exchange(NetworkStream stream, byte[] request, byte[] buffer, int? expected)
    {
        await stream.WriteAsync(request);
        var read = 0;
        do
        {
            var got = await stream.ReadAsync(buffer.AsMemory(read));
            if (got == 0)
            {
                throw new IOException("the node closed the connection");
            }

            read += got;
        }
        while (expected is null ? buffer[read - 1] != (byte)'\n' || read < 4 || buffer[read - 2] == (byte)'\r' : read < expected);

        return read;
    }
}
