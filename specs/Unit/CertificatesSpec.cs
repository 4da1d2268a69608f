using System.Security.Cryptography.X509Certificates;
using Dotmesh.Actors.Trust;
using Dotmesh.Node.Commands;
using Dotmesh.Specs.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Who is let in, and how the files are read and made.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class CertificatesSpec : IDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromDays(30);

    private readonly CertificateFolder _ours = new();
    private readonly CertificateFolder _theirs = new("another authority");

    public void Dispose()
    {
        _ours.Dispose();
        _theirs.Dispose();
    }

    [Fact]
    public void Only_certificates_of_the_own_authority_are_let_in()
    {
        using var trust = Read(_ours.Write("own"));
        var judge = Judge(trust);
        using var one = _ours.Node();
        using var other = _theirs.Node();

        Assert.Equal(new CertificateVerdict(true, null), judge.Judge(one, dialled: false));
        Assert.Equal(new CertificateVerdict(true, null), judge.Judge(one, dialled: true));
        foreach (var dialled in new[] { false, true })
        {
            var refused = judge.Judge(other, dialled);
            Assert.False(refused.Trusted);
            Assert.Contains("does not come from this cluster's authority", refused.Concern, StringComparison.Ordinal);
            Assert.False(judge.Judge(null, dialled).Trusted);
        }
    }

    [Fact]
    public void An_authority_of_the_same_name_with_another_key_is_another_authority()
    {
        using var twin = new CertificateFolder();
        using var trust = Read(_ours.Write("own"));
        using var node = twin.Node();

        Assert.False(Judge(trust).Judge(node, dialled: false).Trusted);
    }

    [Theory]
    [InlineData(-1, true, true)]
    [InlineData(-29, true, true)]
    [InlineData(-31, false, true)]
    public void An_expired_certificate_is_let_in_for_a_while_and_never_takes_down_who_dials_it(int days, bool inbound, bool outbound)
    {
        using var trust = Read(_ours.Write("own"));
        using var expired = _ours.Node(CertificateFolder.Now.AddDays(days));

        var (called, calling) = (Judge(trust).Judge(expired, dialled: false), Judge(trust).Judge(expired, dialled: true));

        Assert.Equal((inbound, outbound), (called.Trusted, calling.Trusted));
        Assert.Contains("has expired on", called.Concern, StringComparison.Ordinal);
        Assert.Contains("has expired on", calling.Concern, StringComparison.Ordinal);
    }

    [Fact]
    public void A_node_ends_itself_when_nobody_would_let_it_in_any_more()
    {
        var now = CertificateFolder.Now;

        Assert.Null(CertificateWatch.Unusable(now.AddDays(1), Grace, now));
        Assert.Null(CertificateWatch.Unusable(now.AddDays(-29), Grace, now));
        Assert.Contains("Tls:CertificateFile", CertificateWatch.Unusable(now.AddDays(-31), Grace, now), StringComparison.Ordinal);
    }

    [Fact]
    public void Certificate_and_key_are_read_from_one_file_two_files_or_a_pfx()
    {
        using var node = _ours.Node();
        var key = File("key.pem", node.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        var certificate = File("certificate.pem", node.ExportCertificatePem());
        var pfx = File("node.pfx", "");
        System.IO.File.WriteAllBytes(pfx, node.Export(X509ContentType.Pkcs12, "pass word"));
        foreach (var files in new[]
        {
            new CertificateFiles(_ours.Write("both"), "", _ours.CaFile, ""),
            new CertificateFiles(certificate, key, _ours.CaFile, ""),
            new CertificateFiles(pfx, "", _ours.CaFile, "pass word"),
        })
        {
            using var read = NodeCertificate.Read(files).Value;
            Assert.True(read.Own.HasPrivateKey);
            Assert.True(Judge(read).Judge(read.Own, dialled: false).Trusted);
        }
    }

    [Fact]
    public void What_is_wrong_with_a_file_is_said_with_its_name()
    {
        using var node = _ours.Node();
        var certificate = File("alone.pem", node.ExportCertificatePem());
        var other = File("other-key.pem", _theirs.Node().GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        var pfx = File("node.pfx", "");
        System.IO.File.WriteAllBytes(pfx, node.Export(X509ContentType.Pkcs12, "pass word"));

        Assert.StartsWith("/no/such.pem cannot be read", Refusal("/no/such.pem", ""), StringComparison.Ordinal);
        Assert.Contains("holds no certificate and key that fit", Refusal(certificate, ""), StringComparison.Ordinal);
        Assert.Contains("holds no certificate and key that fit", Refusal(certificate, other), StringComparison.Ordinal);
        Assert.Contains("holds no certificate and key that fit", Refusal(pfx, ""), StringComparison.Ordinal);
        Assert.Contains("no self-signed certificate", Refusal(_ours.Write("own"), "", certificate), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_command_makes_what_nodes_need_for_their_owner_alone_and_renews_with_the_same_authority()
    {
        var folder = Path.Combine(_ours.Path, "made");
        Assert.Equal((0, ""), await Make(folder, "--hosts", "node1,10.0.0.7"));
        var authority = System.IO.File.ReadAllText(Path.Combine(folder, "ca.pem"));
        var first = System.IO.File.ReadAllText(Path.Combine(folder, "node1.pem"));
        Assert.Equal(
            ["10.0.0.7-key.pem", "10.0.0.7.pem", "ca-key.pem", "ca.pem", "node1-key.pem", "node1.pem"],
            Directory.GetFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(
            Directory.GetFiles(folder), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(file)));

        Assert.Equal((0, ""), await Make(folder, "--hosts", "node1"));
        Assert.Equal(authority, System.IO.File.ReadAllText(Path.Combine(folder, "ca.pem")));
        Assert.NotEqual(first, System.IO.File.ReadAllText(Path.Combine(folder, "node1.pem")));
        using var read = NodeCertificate.Read(new CertificateFiles(
            Path.Combine(folder, "node1.pem"), Path.Combine(folder, "node1-key.pem"), Path.Combine(folder, "ca.pem"), "")).Value;
        Assert.Equal(new CertificateVerdict(true, null), Judge(read).Judge(read.Own, dialled: false));
    }

    [Theory]
    [InlineData("--hosts")]
    [InlineData("--hosts", "")]
    [InlineData("--hosts", "a,../b")]
    [InlineData("--hosts", "ca")]
    [InlineData("--host", "a")]
    public async Task Bad_input_makes_nothing(params string[] rest)
    {
        var folder = Path.Combine(_ours.Path, "made");

        var (status, errors) = await Make(folder, rest);

        Assert.Equal(2, status);
        Assert.Contains("--make-certificates FOLDER --hosts a,b,c", errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    private static async Task<(int Status, string Errors)> Make(string folder, params string[] rest)
    {
        using var errors = new StringWriter();
        var status = await MakeCertificates.Run(["--make-certificates", folder, .. rest], TimeProvider.System, TextWriter.Null, errors);
        return (status, errors.ToString());
    }

    private static CertificateJudge Judge(NodeCertificate trust) =>
        new(trust, Grace, TimeProvider.System, NullLogger<CertificateJudge>.Instance);

    private NodeCertificate Read(string file) => NodeCertificate.Read(new CertificateFiles(file, "", _ours.CaFile, "")).Value;

    private string Refusal(string certificate, string key, string? ca = null)
    {
        var read = NodeCertificate.Read(new CertificateFiles(certificate, key, ca ?? _ours.CaFile, ""));
        return read.Refusal?.Message ?? "no refusal";
    }

    private string File(string name, string text)
    {
        var path = Path.Combine(_ours.Path, name);
        System.IO.File.WriteAllText(path, text);
        return path;
    }
}
