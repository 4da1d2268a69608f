using System.Net;
using System.Net.Sockets;

namespace Dotmesh.Specs.Support;

/// <summary>
/// Ports for servers that specs start, stop and start again. They lie below the range from which the kernel takes
/// ports for outgoing connections (32768 and up): one of those would take the port while its server is down.
/// </summary>
internal static class FreePorts
{
    private const int First = 20_000;
    private const int Count = 12_000;

    // two runs at once begin at different places
    private static int _last = Random.Shared.Next(Count);

    /// <summary>A port on which nobody listens, given to nobody else of this process.</summary>
    public static int Take()
    {
        for (var attempt = 0; attempt < Count; attempt++)
        {
            var port = First + ((Interlocked.Increment(ref _last) & int.MaxValue) % Count);
            if (IsFree(port))
            {
                return port;
            }
        }

        throw new InvalidOperationException($"no port between {First} and {First + Count} is free");
    }

    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException taken) when (taken.SocketErrorCode is SocketError.AddressAlreadyInUse)
        {
            return false;
        }
    }
}
