using System.Security.Authentication;
using Dotmesh.Actors.Clustering;

namespace Dotmesh.Node.Hosting;

/// <summary>
/// Asks the nodes that are up whether they and this one trust each other, before anything binds them together. Who is away
/// is not asked; what cannot be told is left to the join.
/// </summary>
internal sealed class PeerHandshake(HttpClient http, NodeRegistry registry, bool encrypted)
{
    private const int Tries = 3;

    private static readonly TimeSpan OneTry = TimeSpan.FromSeconds(3);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(300);

    /// <summary>Throws <see cref="NodeRefusedException"/>; the others log the reason too.</summary>
    public async Task Check(TimeProvider clock, CancellationToken ct)
    {
        var peers = registry.Known.Where(
            node => node.Id != registry.Self.Id && node is { IsLive: true, State: NodeState.Up, Url.Length: > 0 });
        foreach (var peer in peers)
        {
            if (peer.Url.StartsWith("https:", StringComparison.Ordinal) != encrypted)
            {
                throw await registry.Refuse(
                    $"Node {registry.Self.Id} speaks {(encrypted ? "TLS" : "in clear")} and the cluster's node {peer.Id} at {peer.Url} does not: "
                    + "give Tls:CertificateFile and Tls:CaFile to all nodes, or to none.");
            }

            if (encrypted && await Distrust(peer, clock, ct) is { } why)
            {
                // it may be the other's certificate that is wrong
                throw await registry.Refuse(
                    $"Node {registry.Self.Id} and the cluster's node {peer.Id} at {peer.Url} do not trust each other's certificates ({why}): "
                    + "both need one of the same authority (Tls:CertificateFile), and that authority in Tls:CaFile. The log of the other "
                    + "node may say more.",
                    passes: true);
            }
        }
    }

    /// <summary>Null: they trust each other, or the other is out of reach. What this side refuses is certain, what the other refuses is seen as a broken connection.</summary>
    private async Task<string?> Distrust(NodeRecord peer, TimeProvider clock, CancellationToken ct)
    {
        string? why = null;
        for (var attempt = 1; attempt <= Tries; attempt++)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
            limit.CancelAfter(OneTry);
            try
            {
                // whatever it answers: it has let this node in
                using var answer = await http.GetAsync(new Uri(peer.Url), limit.Token);
                return null;
            }
            catch (HttpRequestException failure) when (failure.InnerException is AuthenticationException refused)
            {
                return refused.Message;
            }
            catch (HttpRequestException failure) when (failure.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError)
            {
                return null;
            }
            catch (HttpRequestException failure)
            {
                why = (failure.InnerException ?? failure).Message;
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                return null;
            }

            await Task.Delay(Pause, clock, ct);
        }

        return why;
    }
}
