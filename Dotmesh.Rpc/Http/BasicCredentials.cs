using System.Text;

namespace Dotmesh.Rpc.Http;

/// <summary>Reads <c>Authorization: Basic</c>. Pure.</summary>
internal static class BasicCredentials
{
    private const string Scheme = "Basic ";

    /// <summary>False for everything that is not a user and a secret.</summary>
    public static bool TryRead(string? header, out string user, out string secret)
    {
        user = secret = "";
        if (header is null || header.Length > 8192 || !header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        var encoded = header.AsSpan(Scheme.Length).Trim();
        Span<byte> bytes = encoded.Length <= 1024 ? stackalloc byte[1024] : new byte[encoded.Length];
        if (!Convert.TryFromBase64Chars(encoded, bytes, out var length))
        {
            return false;
        }

        bytes = bytes[..length];
        var colon = bytes.IndexOf((byte)':');
        if (colon < 0)
        {
            return false;
        }

        user = Encoding.UTF8.GetString(bytes[..colon]);
        secret = Encoding.UTF8.GetString(bytes[(colon + 1)..]);
        return true;
    }
}
