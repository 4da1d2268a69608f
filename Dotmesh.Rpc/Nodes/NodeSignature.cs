using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Dotmesh.Rpc.Nodes;

/// <summary>
/// How nodes of one cluster prove to each other that they share its secret (design D15): a keyed hash of method, target, time
/// and body in the header <c>Authorization: Dotmesh TIME.HASH</c>. A call that is heard and repeated does nothing that the
/// first did not: the calls read, or have a node do what it would do by itself (copy a dot, take in a branch that it lacks).
/// </summary>
public sealed class NodeSignature(byte[] key, TimeProvider clock)
{
    public const string Scheme = "Dotmesh";
    public const string Purpose = "node to node http";

    // clocks of machines differ, and a repetition does no harm
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    /// <summary>The value of the header after the scheme.</summary>
    public string Sign(string method, string target, ReadOnlySpan<byte> body)
    {
        var at = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return $"{at.ToString(CultureInfo.InvariantCulture)}.{Convert.ToHexStringLower(Hash(method, target, at, body))}";
    }

    public bool Accepts(string? header, string method, string target, ReadOnlySpan<byte> body)
    {
        if (header is null || !header.StartsWith(Scheme + " ", StringComparison.Ordinal))
        {
            return false;
        }

        var parts = header[(Scheme.Length + 1)..].Split('.');
        if (parts.Length != 2 || !long.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            || Math.Abs(clock.GetUtcNow().ToUnixTimeMilliseconds() - at) > Window.TotalMilliseconds)
        {
            return false;
        }

        return CryptographicOperations.FixedTimeEquals(
            Encoding.ASCII.GetBytes(parts[1]), Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Hash(method, target, at, body))));
    }

    private byte[] Hash(string method, string target, long at, ReadOnlySpan<byte> body) => HMACSHA256.HashData(
        key,
        Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"{method}\n{target}\n{at}\n{Convert.ToHexStringLower(SHA256.HashData(body))}")));
}
