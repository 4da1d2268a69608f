using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Dotmesh.Specs.Support;

/// <summary>A port that leads to another one, as a container's published port does.</summary>
internal sealed class TcpForwarder : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly TcpListener _listener;
    private readonly Task _accepting;
    private readonly ConcurrentDictionary<TcpClient, byte> _open = new();
    private int _connections;
    private long _bytes;

    public TcpForwarder(int from, int to)
    {
        _listener = new TcpListener(IPAddress.Loopback, from);
        _listener.Start();
        _accepting = Accept(to);
    }

    public int Connections => Volatile.Read(ref _connections);

    /// <summary>That went through, both ways.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Asked of each connection, with its number from 1: whether it is reset as soon as it is there.</summary>
    public Func<int, bool> Resets { get; set; } = _ => false;

    /// <summary>Resets what is connected now.</summary>
    public void Reset()
    {
        foreach (var client in _open.Keys)
        {
            Reset(client);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task Accept(int to)
    {
        var forwarding = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                if (Resets(Interlocked.Increment(ref _connections)))
                {
                    Reset(client);
                }
                else
                {
                    forwarding.Add(Forward(client, to));
                }
            }
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(forwarding);
        }
    }

    private static void Reset(TcpClient client)
    {
        try
        {
            client.LingerState = new LingerOption(true, 0);
        }
        catch (Exception gone) when (gone is ObjectDisposedException or SocketException)
        {
            // it has ended by itself
        }

        client.Dispose();
    }

    private async Task Forward(TcpClient client, int to)
    {
        using var server = new TcpClient();
        using (client)
        {
            _open[client] = 0;
            try
            {
                await server.ConnectAsync(IPAddress.Loopback, to, _stop.Token);
                await Task.WhenAny(Copy(client.GetStream(), server.GetStream()), Copy(server.GetStream(), client.GetStream()));
            }
            catch (Exception closed) when (closed is IOException or SocketException or OperationCanceledException or ObjectDisposedException or InvalidOperationException)
            {
                // one side is gone, so the other one is let go of
            }
            finally
            {
                _open.TryRemove(client, out _);
            }
        }
    }

    private async Task Copy(NetworkStream from, NetworkStream to)
    {
        var buffer = new byte[64 * 1024];
        while (await from.ReadAsync(buffer, _stop.Token) is > 0 and var count)
        {
            await to.WriteAsync(buffer.AsMemory(0, count), _stop.Token);
            Interlocked.Add(ref _bytes, count);
        }
    }
}
