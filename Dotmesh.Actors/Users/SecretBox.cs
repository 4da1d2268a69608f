using System.Security.Cryptography;
using System.Text;
using Dotmesh.Actors.Database;

namespace Dotmesh.Actors.Users;

/// <summary>
/// The cluster secret: keys for what is encrypted at rest and for what nodes say to each other are derived from it, one per
/// purpose. It is a file of one line of base64, mode 0600, made at the first start; every node of a cluster has the same.
/// </summary>
public sealed class SecretBox : IDisposable
{
    private const int SecretBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private const string Prefix = "v1:";

    private readonly byte[] _secret;
    private readonly AesGcm _cipher;

    // AesGcm is one OpenSSL context: used by two threads at a time it fails, or worse
    private readonly Lock _cipherLock = new();

    public SecretBox(byte[] secret)
    {
        if (secret.Length < SecretBytes)
        {
            throw new ArgumentException($"A cluster secret has at least {SecretBytes} bytes", nameof(secret));
        }

        _secret = [.. secret];
        _cipher = new AesGcm(DeriveKey("secrets at rest", 32), TagBytes);
    }

    /// <summary>Reads the file, or makes it. Throws <see cref="DatabaseException"/> with what to do.</summary>
    public static SecretBox Open(string file)
    {
        try
        {
            if (!File.Exists(file))
            {
                Make(file);
            }

            var secret = new byte[1024];
            return Convert.TryFromBase64String(File.ReadAllText(file).Trim(), secret, out var length) && length >= SecretBytes
                ? new SecretBox(secret[..length])
                : throw new DatabaseException(
                    $"The cluster secret file {file} is damaged: it should hold at least {SecretBytes} bytes in base64, on one "
                    + "line. Restore a copy of it. Without one: remove the file; a new one is made, and API keys have to be reset.");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new DatabaseException(
                $"The cluster secret file {file} cannot be read or made ({failure.Message}): give this user the right to, or "
                + "name another file (option Cluster:SecretFile).",
                failure);
        }
    }

    /// <summary>A key for one purpose; says nothing about the secret or the keys for other purposes.</summary>
    public byte[] DeriveKey(string purpose, int bytes) => HKDF.DeriveKey(
        HashAlgorithmName.SHA256, _secret, bytes, info: Encoding.UTF8.GetBytes($"dotmesh {purpose}"));

    /// <summary>Encrypts a text; <paramref name="context"/> (whose it is) must be the same to open it.</summary>
    public string Seal(string text, string context)
    {
        var plain = Encoding.UTF8.GetBytes(text);
        var sealedBytes = new byte[NonceBytes + plain.Length + TagBytes];
        var nonce = sealedBytes.AsSpan(0, NonceBytes);
        RandomNumberGenerator.Fill(nonce);
        lock (_cipherLock)
        {
            _cipher.Encrypt(
                nonce,
                plain,
                sealedBytes.AsSpan(NonceBytes, plain.Length),
                sealedBytes.AsSpan(NonceBytes + plain.Length),
                Encoding.UTF8.GetBytes(context));
        }

        return Prefix + Convert.ToBase64String(sealedBytes);
    }

    /// <summary>Null when it was sealed with another secret or for another context, or was changed since.</summary>
    public string? Unseal(string sealedText, string context)
    {
        var bytes = new byte[sealedText.Length];
        if (!sealedText.StartsWith(Prefix, StringComparison.Ordinal)
            || !Convert.TryFromBase64String(sealedText[Prefix.Length..], bytes, out var length)
            || length < NonceBytes + TagBytes)
        {
            return null;
        }

        var plain = new byte[length - NonceBytes - TagBytes];
        try
        {
            lock (_cipherLock)
            {
                _cipher.Decrypt(
                    bytes.AsSpan(0, NonceBytes),
                    bytes.AsSpan(NonceBytes, plain.Length),
                    bytes.AsSpan(NonceBytes + plain.Length, TagBytes),
                    plain,
                    Encoding.UTF8.GetBytes(context));
            }

            return Encoding.UTF8.GetString(plain);
        }
        catch (AuthenticationTagMismatchException)
        {
            return null;
        }
    }

    public void Dispose() => _cipher.Dispose();

    private static void Make(string file)
    {
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(file))!);

        // written whole under another name first: a crash here must not leave half a secret
        var part = file + ".part";
        File.Delete(part);
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using (var stream = new FileStream(part, options))
        {
            stream.Write(Encoding.ASCII.GetBytes(Convert.ToBase64String(RandomNumberGenerator.GetBytes(SecretBytes)) + "\n"));
            stream.Flush(flushToDisk: true);
        }

        File.Move(part, file, overwrite: false);
    }
}
