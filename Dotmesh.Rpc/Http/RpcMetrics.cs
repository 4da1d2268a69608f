using System.Collections.Concurrent;
using Dotmesh.Actors.Storage;
using Dotmesh.Rpc.JsonRpc;
using Prometheus;

namespace Dotmesh.Rpc.Http;

/// <summary>
/// Figures for <c>/metrics</c>; names and labels of contract 1.10. One registry per node, so that several nodes fit into one
/// process. Label sets come from the method table and from a fixed set of paths: requests cannot make new ones at will.
/// </summary>
public sealed class RpcMetrics : IDisposable
{
    private static readonly TimeSpan PoolRefresh = TimeSpan.FromMinutes(10);

    private readonly CollectorRegistry _registry = Metrics.NewCustomRegistry();
    private readonly ConcurrentDictionary<(string Url, string Method, int Status), (Counter.Child, Summary.Child)> _requests = new();
    private readonly ConcurrentDictionary<RpcMethod, Summary.Child> _calls = new();
    private readonly Counter _requestCounter;
    private readonly Summary _requestSeconds;
    private readonly Summary _callSeconds;
    private readonly Gauge _poolUsage;
    private readonly MetricFactory _factory;
    private readonly DomainFigures _domain;
    private readonly RpcServices _services;
    private long _poolReadAt;
    private bool _poolWasRead;

    internal RpcMetrics(RpcServices services)
    {
        _services = services;
        _factory = Metrics.WithCustomRegistry(_registry);
        _requestCounter = _factory.CreateCounter(
            "dm_req_total", "HTTP requests.", ["url", "http_method", "status_code"]);
        _requestSeconds = _factory.CreateSummary(
            "dm_req_duration_seconds", "Time to answer HTTP requests.", ["url", "http_method", "status_code"]);
        _callSeconds = _factory.CreateSummary(
            "dm_rpc_req_duration_seconds", "Time to answer JSON-RPC calls.", ["url", "rpc_method", "status_code"]);
        _poolUsage = _factory.CreateGauge(
            "dm_zpool_usage_percentage", "How full the pool is.", ["node_name", "pool_name"]);
        DotNetStats.Register(_registry);
        // there from the first scrape on; the others of the domain appear when there is something to show
        _factory.CreateCounter(
            "dm_state_transition_total", "Transitions of filesystems from state to state.", ["from", "to", "status"]);
        _domain = new DomainFigures(_factory);
        _registry.AddBeforeCollectCallback(_domain.Read);
        _registry.AddBeforeCollectCallback(ReadPool);
        _registry.AddBeforeCollectCallback(ReadGauges);
    }

    public void Dispose() => _domain.Dispose();

    internal void Answered(string url, string method, int status, TimeSpan took)
    {
        var (counter, seconds) = _requests.GetOrAdd(
            (url, method, status),
            static (key, self) =>
            {
                string[] labels = [key.Url, key.Method, key.Status.ToString()];
                return (self._requestCounter.WithLabels(labels), self._requestSeconds.WithLabels(labels));
            },
            this);
        counter.Inc();
        seconds.Observe(took.TotalSeconds);
    }

    internal void Called(RpcMethod method, TimeSpan took) => _calls
        .GetOrAdd(method, static (key, self) => self._callSeconds.WithLabels("/rpc", key.Name, "200"), this)
        .Observe(took.TotalSeconds);

    internal Task Write(Stream output, CancellationToken ct) => _registry.CollectAndExportAsTextAsync(output, ct);

    private async Task ReadPool(CancellationToken ct)
    {
        if (_services.Pool is not { } read
            || (_poolWasRead && _services.Clock.GetElapsedTime(_poolReadAt) < PoolRefresh))
        {
            return;
        }

        try
        {
            var pool = await read(ct);
            _poolUsage.WithLabels(pool.Id.Value, pool.Name).Set(pool.UsedPercent);
            _poolReadAt = _services.Clock.GetTimestamp();
            _poolWasRead = true;
        }
        catch (StorageException)
        {
            // a pool that cannot be read shows in /health/ready; the other figures are still worth having
            _poolUsage.RemoveLabelled();
        }
    }

    private Task ReadGauges(CancellationToken ct)
    {
        foreach (var (name, help, value) in _services.Gauges())
        {
            _factory.CreateGauge(name, help).Set(value);
        }

        return Task.CompletedTask;
    }
}
