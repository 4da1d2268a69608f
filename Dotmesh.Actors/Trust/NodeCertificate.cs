using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Dotmesh.Actors.Trust;

/// <summary>Where a node's certificate is.</summary>
/// <param name="CertificateFile">PEM, or PFX with its key.</param>
/// <param name="KeyFile">PEM; empty: the key is in the certificate's file.</param>
/// <param name="CaFile">PEM: authorities (self-signed) whose nodes are let in, and what is between them and the nodes.</param>
/// <param name="Password">Of the PFX or of an encrypted key; empty: none.</param>
public sealed record CertificateFiles(string CertificateFile, string KeyFile, string CaFile, string Password)
{
    // not the generated one, which would print the password into a log
    public override string ToString() => $"certificate {CertificateFile}, authority {CaFile}";
}

/// <summary>What a node proves to the others that it belongs to them with, and what it asks of them.</summary>
/// <param name="Own">With its private key.</param>
/// <param name="Roots">Authorities that are trusted.</param>
/// <param name="Between">Certificates between a root and a node.</param>
public sealed record NodeCertificate(
    X509Certificate2 Own, ImmutableArray<X509Certificate2> Roots, ImmutableArray<X509Certificate2> Between) : IDisposable
{
    private const string PemBegin = "-----BEGIN";

    public DateTimeOffset ExpiresAt => new(Own.NotAfter.ToUniversalTime(), TimeSpan.Zero);

    /// <summary>Reads the files. The refusal names the file, what is wrong with it and what to do.</summary>
    public static Outcome<NodeCertificate> Read(CertificateFiles files)
    {
        var own = Guarded(files.CertificateFile, () => ReadOwn(files));
        if (own.Refused(out var refusal))
        {
            return refusal;
        }

        if (!own.Value.HasPrivateKey)
        {
            return Wrong(files.CertificateFile, "has no private key: name the file that has it (Tls:KeyFile)");
        }

        var authorities = Guarded(files.CaFile, () =>
        {
            var read = new X509Certificate2Collection();
            read.ImportFromPemFile(files.CaFile);
            return read;
        });
        if (authorities.Refused(out refusal))
        {
            return refusal;
        }

        var roots = authorities.Value.Where(IsSelfSigned).ToImmutableArray();
        return roots.IsEmpty
            ? Wrong(files.CaFile, "holds no self-signed certificate: it has to hold the authority's own, in PEM (Tls:CaFile)")
            : new NodeCertificate(own.Value, roots, [.. authorities.Value.Where(one => !IsSelfSigned(one))]);
    }

    public void Dispose()
    {
        Own.Dispose();
        foreach (var authority in Roots.Concat(Between))
        {
            authority.Dispose();
        }
    }

    private static X509Certificate2 ReadOwn(CertificateFiles files)
    {
        if (!File.ReadAllText(files.CertificateFile).Contains(PemBegin, StringComparison.Ordinal))
        {
            return X509CertificateLoader.LoadPkcs12FromFile(files.CertificateFile, files.Password);
        }

        var key = files.KeyFile.Length == 0 ? files.CertificateFile : files.KeyFile;
        using var read = files.Password.Length == 0
            ? X509Certificate2.CreateFromPemFile(files.CertificateFile, key)
            : X509Certificate2.CreateFromEncryptedPemFile(files.CertificateFile, files.Password, key);
        // TLS on Windows takes no key that is in memory alone; everywhere else this is a copy
        return X509CertificateLoader.LoadPkcs12(read.Export(X509ContentType.Pkcs12), null);
    }

    private static bool IsSelfSigned(X509Certificate2 one) => one.SubjectName.RawData.AsSpan().SequenceEqual(one.IssuerName.RawData);

    private static Outcome<T> Guarded<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return Wrong(file, $"cannot be read ({failure.Message}): give this user the right to, or correct the option");
        }
        catch (Exception failure) when (failure is CryptographicException or ArgumentException)
        {
            // a key of another certificate is an argument to the framework
            return Wrong(file, $"holds no certificate and key that fit ({failure.Message}): PEM or PFX is understood");
        }
    }

    private static Refusal Wrong(string file, string why) => new(RefusalCode.Invalid, $"{file} {why}.");
}
