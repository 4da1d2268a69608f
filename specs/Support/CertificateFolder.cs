using System.Security.Cryptography.X509Certificates;
using Dotmesh.Actors.Trust;

namespace Dotmesh.Specs.Support;

/// <summary>An authority of a spec's own, made in memory, and files as a node's options name them.</summary>
public sealed class CertificateFolder : IDisposable
{
    private static readonly DateTimeOffset Past = new(2020, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly ScratchFolder _folder = new();

    public CertificateFolder(string name = "spec authority")
    {
        Authority = CertificateMaking.Authority(name, Past, Now.AddYears(5));
        File.WriteAllText(CaFile, Authority.ExportCertificatePem());
    }

    public static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    public X509Certificate2 Authority { get; }

    public string Path => _folder.Path;

    public string CaFile => System.IO.Path.Combine(Path, "ca.pem");

    /// <summary>A certificate in memory.</summary>
    public X509Certificate2 Node(DateTimeOffset? until = null) =>
        CertificateMaking.Node(Authority, "127.0.0.1", Past, until ?? Now.AddYears(1));

    /// <summary>Writes <c>NAME.pem</c> with certificate and key; answers the path.</summary>
    public string Write(string name, DateTimeOffset? until = null)
    {
        using var node = Node(until);
        var file = System.IO.Path.Combine(Path, $"{name}.pem");
        File.WriteAllText(file, $"{node.ExportCertificatePem()}\n{node.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem()}\n");
        return file;
    }

    /// <summary>What a node of this authority is started with.</summary>
    public IReadOnlyDictionary<string, string?> Options(string certificateFile, string? caFile = null) => new Dictionary<string, string?>
    {
        ["DOTMESH__TLS__CERTIFICATEFILE"] = certificateFile,
        ["DOTMESH__TLS__CAFILE"] = caFile ?? CaFile,
    };

    public void Dispose()
    {
        Authority.Dispose();
        _folder.Dispose();
    }
}
