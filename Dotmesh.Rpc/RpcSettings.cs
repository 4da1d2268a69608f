using System.Collections.Immutable;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc.Wire;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc;

/// <summary>Limits and fixed answers of the API; the host binds them to options.</summary>
public sealed record RpcSettings
{
    /// <summary>Largest body of <c>POST /rpc</c>, in bytes.</summary>
    public int MaxBodyBytes { get; init; } = 1024 * 1024;

    /// <summary>Most requests in a batch.</summary>
    public int MaxBatch { get; init; } = 100;

    /// <summary>Deepest nesting of a request.</summary>
    public int MaxDepth { get; init; } = 64;

    /// <summary>Requests being answered at the same time on this node; more get the error <c>overloaded</c>.</summary>
    public int MaxInFlight { get; init; } = 1024;

    /// <summary>Time within which a request, a batch included, is answered.</summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Full version of the server, <c>installed_version</c>; its first two numbers are <c>Version</c>.</summary>
    public string Version { get; init; } = "0.1.0";

    public BillingSettings Billing { get; init; } = new();
}

/// <param name="Endpoint">Where SubmitPayment is posted to; null: payments are refused with an error that says so.</param>
/// <param name="Plans">Answered by Config as it is.</param>
/// <param name="StripePublicKey">Answered by Config.</param>
/// <param name="Timeout">For one answer of the endpoint.</param>
public sealed record BillingSettings(
    Uri? Endpoint = null, JsonElement? Plans = null, string StripePublicKey = "", TimeSpan? Timeout = null);

/// <summary>What the API needs of the rest of the node.</summary>
public sealed record RpcServices
{
    public required IDots Dots { get; init; }

    public required IUsers Users { get; init; }

    /// <summary>Null: this node makes no transfers.</summary>
    public ITransfers? Transfers { get; init; }

    public required Faults Faults { get; init; }

    public required TimeProvider Clock { get; init; }

    public required IIdSource Ids { get; init; }

    public required ILoggerFactory Logs { get; init; }

    public RpcSettings Settings { get; init; } = new();

    /// <summary>Slows down addresses with failed logins.</summary>
    public required LoginThrottle Throttle { get; init; }

    /// <summary>Reasons why this node is not ready; empty when it is. For <c>/health/ready</c>.</summary>
    public Func<CancellationToken, ValueTask<IReadOnlyList<string>>> NotReady { get; init; } =
        static _ => ValueTask.FromResult<IReadOnlyList<string>>([]);

    /// <summary>The options of this node, for <c>Settings</c>.</summary>
    public ImmutableArray<WireSetting> Options { get; init; } = [];

    /// <summary>True from when the node was told to stop: what is left of a batch is not begun any more.</summary>
    public Func<bool> Stopping { get; init; } = static () => false;

    /// <summary>Why this node answers no call now; null when it does.</summary>
    public Func<Refusal?> Out { get; init; } = static () => null;

    /// <summary>The pool's state for <c>/metrics</c>; asked every ten minutes at most. Null: not shown.</summary>
    public Func<CancellationToken, Task<PoolInfo>>? Pool { get; init; }

    /// <summary>Further gauges for <c>/metrics</c>, asked at each scrape: name, help, value. Names as Prometheus wants them.</summary>
    public Func<IEnumerable<(string Name, string Help, double Value)>> Gauges { get; init; } = static () => [];

    /// <summary>For SubmitPayment; owned by the host.</summary>
    public HttpClient? BillingClient { get; init; }
}
