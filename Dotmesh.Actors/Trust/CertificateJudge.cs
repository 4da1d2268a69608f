using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Trust;

/// <summary>What is thought of another node's certificate.</summary>
/// <param name="Trusted">Let in.</param>
/// <param name="Concern">Why not, or what somebody has to see to; null: nothing.</param>
public readonly record struct CertificateVerdict(bool Trusted, string? Concern);

/// <summary>
/// Decides whether a certificate belongs to a node of this cluster: it has to come from one of its authorities, which are the
/// only ones trusted. Names are not compared: a node may be reached at several, and whoever has a certificate of the cluster's
/// authority is a node of it.
/// </summary>
/// <remarks>
/// Akka.Remote ends the actor system of the side that dials when a handshake fails: one node with a certificate that has
/// expired would take down everybody who dials it. So who dials accepts an expired certificate of its own authority for ever,
/// and who is dialled for a while; the node that has it ends by itself (<see cref="CertificateWatch"/>).
/// </remarks>
public sealed class CertificateJudge(NodeCertificate trust, TimeSpan grace, TimeProvider clock, ILogger<CertificateJudge> log)
{
    private static readonly TimeSpan RepeatAfter = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, long> _said = new(StringComparer.Ordinal);

    /// <param name="certificate">Null: the other side has shown none.</param>
    /// <param name="peer">For the log.</param>
    /// <param name="dialled">This node has called the other one.</param>
    public bool Accepts(X509Certificate2? certificate, string peer, bool dialled)
    {
        var verdict = Judge(certificate, dialled);
        if (!verdict.Trusted)
        {
            log.LogError("{Peer} is refused: {Concern}", peer, verdict.Concern);
        }
        else if (verdict.Concern is { } concern && IsNew(certificate!.Thumbprint))
        {
            log.LogError("{Peer} is let in although {Concern}", peer, concern);
        }

        return verdict.Trusted;
    }

    public CertificateVerdict Judge(X509Certificate2? certificate, bool dialled)
    {
        if (certificate is null)
        {
            return new(false, "it shows no certificate; nodes of this cluster have one (Tls:CertificateFile)");
        }

        var now = clock.GetUtcNow();
        var expired = now - new DateTimeOffset(certificate.NotAfter.ToUniversalTime(), TimeSpan.Zero);
        // dates are judged here and not by the chain, which would know no grace
        if (ChainFault(certificate) is { } fault)
        {
            return new(false, $"its certificate '{certificate.Subject}' of '{certificate.Issuer}' does not come from this cluster's authority ({fault}): "
                + "both nodes need certificates of one authority, and it in Tls:CaFile");
        }

        if (now < new DateTimeOffset(certificate.NotBefore.ToUniversalTime(), TimeSpan.Zero))
        {
            return new(dialled, $"its certificate '{certificate.Subject}' is not valid before {certificate.NotBefore.ToUniversalTime():u}: compare the clocks");
        }

        return expired <= TimeSpan.Zero
            ? new(true, null)
            : new(
                dialled || expired <= grace,
                $"its certificate '{certificate.Subject}' has expired on {certificate.NotAfter.ToUniversalTime():u}: "
                + "give it a new one of the same authority and start it again");
    }

    private string? ChainFault(X509Certificate2 certificate)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(trust.Roots.ToArray());
        chain.ChainPolicy.ExtraStore.AddRange(trust.Between.ToArray());
        // a private authority publishes no lists, and a node must start without the internet
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.VerificationFlags = X509VerificationFlags.IgnoreNotTimeValid;
        return chain.Build(certificate)
            ? null
            : string.Join(", ", chain.ChainStatus.Select(status => status.StatusInformation.Trim()).Where(text => text.Length > 0).Distinct());
    }

    private bool IsNew(string thumbprint)
    {
        var now = clock.GetTimestamp();
        var last = _said.GetOrAdd(thumbprint, long.MinValue);
        return (last == long.MinValue || clock.GetElapsedTime(last, now) > RepeatAfter) && _said.TryUpdate(thumbprint, now, last);
    }
}
