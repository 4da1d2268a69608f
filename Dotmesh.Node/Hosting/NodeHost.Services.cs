using System.Collections.Immutable;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Users;
using Dotmesh.Node.Options;
using Dotmesh.Rpc;
using Dotmesh.Rpc.Http;
using Dotmesh.Rpc.Peers;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Node.Hosting;

/// <summary>What the API and the transfers are given of the rest of the node.</summary>
public sealed partial class NodeHost
{
    private RpcPipeline Pipeline(
        ImmutableArray<EffectiveOption> effective, DotmeshSystem system, IStorage storage, SqlDirectory directory, SqlUsers users,
        Faults faults, RandomIds ids, ILoggerFactory logs)
    {
        var clock = TimeProvider.System;
        var ready = new PoolReadiness(storage, clock);
        return Keep(new RpcPipeline(new RpcServices
        {
            Dots = system.Dots,
            Users = users,
            Transfers = system.Transfers,
            Faults = faults,
            Clock = clock,
            Ids = ids,
            Logs = logs,
            Settings = RpcSettings(),
            Options = [.. effective.Select(option => new WireSetting(option.Name, option.Value, option.Source, OptionTable.Get(option.Name).Option.Help))],
            Throttle = new LoginThrottle(clock),
            NotReady = async asking => (_notReady ?? await ready.Reason(asking)) is { } why ? [why] : [],
            Stopping = () => _notReady == Stopping,
            Out = () => _out,
            Pool = storage.Pool,
            Gauges = () =>
            [
                ("dotmesh_dots", "Dots that this node knows.", directory.Dots.Count),
                ("dotmesh_filesystems", "Filesystems in the pool of this node.", system.Filesystems),
                ("dotmesh_users", "Users.", users.All.Count),
                .. CertificateGauges(),
            ],
            BillingClient = _options.Billing.Endpoint.Length == 0 ? null : Keep(new HttpClient()),
        }));
    }

    private TransferServices Transfers(SqlDatabase database, SecretBox secrets, TimeProvider clock)
    {
        var handler = PeerHttp.Make(new PeerHttpSettings { CaFile = _options.Transfers.CaFile });
        if (handler.Refused(out var refusal))
        {
            throw new StartFailureException($"{refusal.Message} Correct Transfers:CaFile.");
        }

        return new TransferServices(
            database, secrets, Keep(new HttpPeers(handler.Value, new PeerLimits(), clock)), _entrance?.Link,
            new TransferSettings(_options.Transfers.MaxBytesPerSecond, _options.Transfers.AtOnce))
        {
            Serve = answers => _entrance?.Serve(answers),
        };
    }

    private RpcSettings RpcSettings()
    {
        using var plans = JsonDocument.Parse(_options.Billing.Plans);
        return new RpcSettings
        {
            MaxBodyBytes = _options.Rpc.MaxBodyBytes,
            MaxBatch = _options.Rpc.MaxBatch,
            MaxDepth = _options.Rpc.MaxDepth,
            MaxInFlight = _options.Rpc.MaxInFlight,
            Deadline = TimeSpan.FromSeconds(_options.Rpc.DeadlineSeconds),
            Version = ProductVersion.Text,
            Billing = new BillingSettings(
                _options.Billing.Endpoint.Length == 0 ? null : new Uri(_options.Billing.Endpoint),
                plans.RootElement.ValueKind == JsonValueKind.Null ? null : plans.RootElement.Clone(),
                _options.Billing.StripePublicKey),
        };
    }
}
