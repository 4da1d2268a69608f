using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.RegularExpressions;
using Dotmesh.Actors.Trust;
using Dotmesh.Node.Access;

namespace Dotmesh.Node.Commands;

/// <summary>
/// <c>--make-certificates FOLDER --hosts a,b,c</c>: an authority in <c>ca.pem</c> and <c>ca-key.pem</c>, kept when it is there, and
/// <c>HOST.pem</c> and <c>HOST-key.pem</c> for each host. Run again it renews the certificates of the hosts that are named.
/// </summary>
internal static partial class MakeCertificates
{
    private const string Name = "--make-certificates";
    private const string Usage = $"{Name} FOLDER --hosts a,b,c: the folder to write to, and what the nodes' Cluster:Hostname will say";

    private const string EllipticCurve = "1.2.840.10045.2.1";

    private static readonly TimeSpan AuthorityLife = TimeSpan.FromDays(10 * 365);
    private static readonly TimeSpan NodeLife = TimeSpan.FromDays(2 * 365);

    // clocks of machines differ
    private static readonly TimeSpan Before = TimeSpan.FromDays(1);

    public static bool Asked(IReadOnlyList<string> arguments) => arguments.Count > 0 && arguments[0] == Name;

    /// <summary>Answers the exit status.</summary>
    public static async Task<int> Run(IReadOnlyList<string> arguments, TimeProvider clock, TextWriter output, TextWriter errors)
    {
        if (arguments is not [_, { Length: > 0 } folder, "--hosts", var list])
        {
            await errors.WriteLineAsync(Usage);
            return 2;
        }

        var hosts = list.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (hosts.Length == 0 || hosts.FirstOrDefault(host => !HostName().IsMatch(host) || host is "ca" or "ca-key") is not null)
        {
            await errors.WriteLineAsync($"'{list}' is not a list of host names or addresses with commas between. {Usage}");
            return 2;
        }

        try
        {
            PrivateFile.MakeFolder(folder);
            var now = clock.GetUtcNow();
            using var authority = Authority(folder, now);
            foreach (var host in hosts)
            {
                using var node = CertificateMaking.Node(authority, host, now - Before, Earlier(now + NodeLife, new DateTimeOffset(authority.NotAfter.ToUniversalTime(), TimeSpan.Zero)));
                Write(folder, host, node);
            }

            await output.WriteLineAsync(Explanation(Path.GetFullPath(folder), hosts));
            return 0;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or CryptographicException)
        {
            await errors.WriteLineAsync(
                $"The certificates in {folder} could not be made: {failure.Message}. Give this user the right to write there; where ca.pem "
                + "or ca-key.pem is damaged, put it back, or move both away for a new authority.");
            return 1;
        }
    }

    private static X509Certificate2 Authority(string folder, DateTimeOffset now)
    {
        var (certificate, key) = Files(folder, "ca");
        if (File.Exists(certificate))
        {
            var kept = X509Certificate2.CreateFromPemFile(certificate, key);
            return kept.GetKeyAlgorithm() == EllipticCurve
                ? kept
                : throw new CryptographicException($"the authority in {certificate} was not made by this command; use what made it");
        }

        var made = CertificateMaking.Authority("Dotmesh cluster", now - Before, now + AuthorityLife);
        Write(folder, "ca", made);
        return made;
    }

    private static void Write(string folder, string name, X509Certificate2 certificate)
    {
        using var key = certificate.GetECDsaPrivateKey()
            ?? throw new CryptographicException("the key is of another kind than ECDSA");
        var (certificateFile, keyFile) = Files(folder, name);
        PrivateFile.Write(keyFile, key.ExportPkcs8PrivateKeyPem() + "\n", PrivateFile.OwnerReadWrite);
        PrivateFile.Write(certificateFile, certificate.ExportCertificatePem() + "\n", PrivateFile.OwnerReadWrite);
    }

    private static (string Certificate, string Key) Files(string folder, string name)
    {
        // an IPv6 address has colons, which some file systems do not like
        var start = Path.Join(Path.GetFullPath(folder), name.Replace(':', '_'));
        return ($"{start}.pem", $"{start}-key.pem");
    }

    private static DateTimeOffset Earlier(DateTimeOffset one, DateTimeOffset other) => one < other ? one : other;

    private static string Explanation(string folder, IEnumerable<string> hosts) =>
        $"""
        Certificates for {string.Join(", ", hosts)} are in {folder}. Give to each node its own two files and ca.pem:
          --tls:certificatefile={folder}/HOST.pem --tls:keyfile={folder}/HOST-key.pem --tls:cafile={folder}/ca.pem
        Keep ca-key.pem in a safe place: whoever has it can make nodes. The same command renews the nodes' certificates, which last
        two years.
        """;

    [GeneratedRegex("^[A-Za-z0-9]([A-Za-z0-9.:-]*[A-Za-z0-9])?$", RegexOptions.None, 1000)]
    private static partial Regex HostName();
}
