using System.Net;
using Dotmesh.Actors.Trust;
using Dotmesh.Node.Options;

namespace Dotmesh.Node.Hosting;

/// <summary>Reads this node's certificate, and warns of traffic that is not protected.</summary>
internal static class TlsOpening
{
    /// <summary>Null: the options name no certificate. Throws <see cref="StartFailureException"/>.</summary>
    public static NodeTls? Open(NodeOptions options, TimeProvider clock, ILoggerFactory logs)
    {
        if (!options.Tls.IsOn)
        {
            if (Warning(options) is { } warning)
            {
                logs.CreateLogger("Dotmesh.Node").LogWarning("{Warning}", warning);
            }

            return null;
        }

        var tls = options.Tls;
        var read = NodeCertificate.Read(new CertificateFiles(tls.CertificateFile, tls.KeyFile, tls.CaFile, tls.Password));
        if (read.Refused(out var refusal))
        {
            throw new StartFailureException(refusal.Message);
        }

        var grace = TimeSpan.FromDays(tls.GraceDays);
        if (CertificateWatch.Unusable(read.Value.ExpiresAt, grace, clock.GetUtcNow()) is { } why)
        {
            read.Value.Dispose();
            throw new StartFailureException(why);
        }

        return CheckOwn(new NodeTls(read.Value, new CertificateJudge(read.Value, grace, clock, logs.CreateLogger<CertificateJudge>())), tls);
    }

    /// <summary>Null: this machine only, or encrypted, or one node.</summary>
    public static string? Warning(NodeOptions options)
    {
        var bound = options.Cluster.BindAddress.Length > 0 ? options.Cluster.BindAddress : options.Cluster.Hostname;
        var here = bound == "localhost" || (IPAddress.TryParse(bound, out var address) && IPAddress.IsLoopback(address));
        if (options.Tls.IsOn || options.Database.Host.Length == 0 || here)
        {
            return null;
        }

        return options.Cluster.AcceptPlaintext == Answer.Yes
            ? $"Traffic between nodes goes over the network at {bound} in clear, as Cluster:AcceptPlaintext says."
            : $"WARNING: traffic between nodes goes over the network at {bound} in clear, and whoever reaches the port can speak for a node. "
                + "Set Tls:CertificateFile and Tls:CaFile (--make-certificates FOLDER --hosts a,b,c makes them), or say that the network is "
                + "private with Cluster:AcceptPlaintext=yes.";
    }

    /// <summary>The others would not let it in: said here, where somebody sees it, and not by a cluster that falls apart.</summary>
    private static NodeTls CheckOwn(NodeTls tls, TlsOptions options)
    {
        var own = tls.Judge.Judge(tls.Certificate.Own, dialled: false);
        if (own.Trusted)
        {
            return tls;
        }

        tls.Certificate.Dispose();
        throw new StartFailureException(
            $"The certificate in {options.CertificateFile} would be refused by nodes that trust {options.CaFile}: {own.Concern}.");
    }
}
