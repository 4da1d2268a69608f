using System.Security.Cryptography;
using System.Text;
using Org.BouncyCastle.Crypto.Generators;

namespace Dotmesh.Actors.Users;

/// <summary>How a password hash was made.</summary>
public enum PasswordScheme
{
    /// <summary>PBKDF2 with HMAC-SHA512: what this program makes.</summary>
    Pbkdf2Sha512,

    /// <summary>scrypt with the original server's parameters (contract 10.3): imported users, rehashed when they log in.</summary>
    Scrypt,
}

/// <summary>A password's hash.</summary>
/// <param name="Cost">Iterations of PBKDF2; N of scrypt.</param>
public sealed record PasswordHash(PasswordScheme Scheme, int Cost, byte[] Salt, byte[] Hash)
{
    private const int ScryptBlock = 8;
    private const int ScryptParallel = 1;
    private const int Bytes = 32;

    public const int Pbkdf2Iterations = 210_000;
    public const int ScryptCost = 32_768;

    /// <summary>Takes about a tenth of a second of a core, on purpose.</summary>
    public static PasswordHash Make(string password)
    {
        ArgumentException.ThrowIfNullOrEmpty(password);
        var salt = RandomNumberGenerator.GetBytes(Bytes);
        return new PasswordHash(
            PasswordScheme.Pbkdf2Sha512,
            Pbkdf2Iterations,
            salt,
            Compute(PasswordScheme.Pbkdf2Sha512, Pbkdf2Iterations, password, salt, Bytes));
    }

    /// <summary>An imported hash of an original server; an empty salt is an error (contract behaviour 152).</summary>
    public static PasswordHash FromScrypt(byte[] salt, byte[] hash)
    {
        if (salt.Length == 0 || hash.Length == 0)
        {
            throw new ArgumentException("A password hash needs a salt and a hash", nameof(salt));
        }

        return new PasswordHash(PasswordScheme.Scrypt, ScryptCost, salt, hash);
    }

    /// <summary>True when a hash made today would be stronger.</summary>
    public bool IsDated => Scheme != PasswordScheme.Pbkdf2Sha512 || Cost < Pbkdf2Iterations;

    /// <summary>In constant time for a given scheme and cost; as expensive as <see cref="Make"/>.</summary>
    public bool Matches(string password) =>
        CryptographicOperations.FixedTimeEquals(Hash, Compute(Scheme, Cost, password, Salt, Hash.Length));

    /// <summary><c>scheme$cost$salt$hash</c>, as stored.</summary>
    public string Format() => string.Join(
        '$', Scheme.ToString().ToLowerInvariant(), Cost, Convert.ToBase64String(Salt), Convert.ToBase64String(Hash));

    public static PasswordHash Parse(string text)
    {
        var parts = text.Split('$');
        if (parts.Length != 4 || !Enum.TryParse<PasswordScheme>(parts[0], ignoreCase: true, out var scheme))
        {
            throw new FormatException("A stored password hash cannot be read");
        }

        return new PasswordHash(
            scheme,
            int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture),
            Convert.FromBase64String(parts[2]),
            Convert.FromBase64String(parts[3]));
    }

    // not the generated one, which would print the hash into a log
    public override string ToString() => $"{Scheme} hash";

    private static byte[] Compute(PasswordScheme scheme, int cost, string password, byte[] salt, int length)
    {
        var bytes = Encoding.UTF8.GetBytes(password);
        return scheme switch
        {
            PasswordScheme.Pbkdf2Sha512 =>
                Rfc2898DeriveBytes.Pbkdf2(bytes, salt, cost, HashAlgorithmName.SHA512, length),
            PasswordScheme.Scrypt => SCrypt.Generate(bytes, salt, cost, ScryptBlock, ScryptParallel, length),
            _ => throw new InvalidOperationException($"Unknown password scheme {scheme}"),
        };
    }
}

/// <summary>Makes secrets, and the rule for passwords.</summary>
public static class Credentials
{
    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    private const int MinPasswordBytes = 7;

    /// <summary>256 random bits as 56 characters of base32 with padding (contract 10.4).</summary>
    public static string NewApiKey() => ToBase32(RandomNumberGenerator.GetBytes(32));

    /// <summary>160 random bits as 32 characters, for an admin who gave none.</summary>
    public static string NewPassword() => ToBase32(RandomNumberGenerator.GetBytes(20));

    /// <summary>Contract 2.2: both parts for an empty one; bytes are counted, not characters.</summary>
    public static string? PasswordFault(string password)
    {
        var faults = new List<string>(2);
        if (password.Length == 0)
        {
            faults.Add("password cannot be empty");
        }

        if (Encoding.UTF8.GetByteCount(password) < MinPasswordBytes)
        {
            faults.Add($"password length should be at least {MinPasswordBytes} symbols");
        }

        return faults.Count == 0 ? null : $"invalid password: {string.Join(", ", faults)}";
    }

    /// <summary>Lower-case hex MD5 of the e-mail exactly as stored (contract 3.7).</summary>
    public static string EmailHash(string email) =>
        Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(email)));

    private static string ToBase32(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder((bytes.Length + 4) / 5 * 8);
        var buffer = 0;
        var bits = 0;
        foreach (var value in bytes)
        {
            buffer = (buffer << 8) | value;
            bits += 8;
            while (bits >= 5)
            {
                bits -= 5;
                text.Append(Base32[(buffer >> bits) & 31]);
            }

            buffer &= (1 << bits) - 1;
        }

        if (bits > 0)
        {
            text.Append(Base32[(buffer << (5 - bits)) & 31]);
        }

        return text.Append('=', (8 - (text.Length % 8)) % 8).ToString();
    }
}
