using Akka.Remote.Transport.DotNetty;

namespace Dotmesh.Actors.Trust;

/// <summary>How the traffic between nodes is encrypted: mutually, by certificates of one private authority.</summary>
public sealed record NodeTls(NodeCertificate Certificate, CertificateJudge Judge)
{
    /// <summary>Akka.Remote calls the peer by an actor system's address when it has dialled, by a socket's when it was.</summary>
    internal DotNettySslSetup Remoting() => new(
        Certificate.Own,
        suppressValidation: false,
        requireMutualAuthentication: true,
        validateCertificateHostname: false,
        (certificate, _, peer, _, _) => Judge.Accepts(certificate, peer, dialled: peer.Contains("://", StringComparison.Ordinal)));
}
