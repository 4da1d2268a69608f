using System.Collections.Immutable;
using System.Globalization;
using Docker.DotNet;
using Docker.DotNet.Models;
using Dotmesh.Actors;
using Dotmesh.Actors.Containers;

namespace Dotmesh.Rpc.Docker;

/// <summary>An engine that speaks Docker's API: Docker itself, or podman by its compatible socket.</summary>
public sealed class DockerEngine : IContainerEngine
{
    /// <summary>For questions; an engine that is frozen would hold them for ever.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>What an engine needs to stop a container besides the grace time.</summary>
    private static readonly TimeSpan ToStop = TimeSpan.FromSeconds(20);

    /// <summary>A start waits for the dot's mount.</summary>
    private static readonly TimeSpan ToStart = TimeSpan.FromMinutes(2);

    /// <summary>Events that change what a container is, has or is called.</summary>
    private static readonly ImmutableHashSet<string> Changes = ImmutableHashSet.Create(
        StringComparer.Ordinal, "create", "start", "restart", "die", "stop", "destroy", "remove", "rename", "pause", "unpause", "died");

    private readonly DockerClient _client;
    private readonly TimeProvider _time;

    /// <param name="address"><c>unix:///var/run/docker.sock</c></param>
    public DockerEngine(Uri address, TimeProvider time)
    {
        _client = new DockerClientBuilder().WithEndpoint(address).WithTimeout(Timeout.InfiniteTimeSpan).Build();
        _time = time;
    }

    public Task<Outcome<ImmutableArray<EngineContainer>>> List(CancellationToken ct) => Call<ImmutableArray<EngineContainer>>(
        async limited => (await _client.Containers.ListContainersAsync(new ContainersListParameters { All = true }, limited))
            .Select(Container).ToImmutableArray(),
        Patience,
        ct);

    /// <remarks>By a list of one: what inspects a container waits for it, and one that is being started may wait for its dot.</remarks>
    public Task<Outcome<EngineContainer?>> Find(string id, CancellationToken ct) => Call<EngineContainer?>(
        async limited => (await _client.Containers.ListContainersAsync(new ContainersListParameters { All = true, Filters = Only("id", id) }, limited))
            .Where(found => found.ID == id).Select(Container).FirstOrDefault(),
        Patience,
        ct);

    public Task<Outcome<ContainerLife?>> Life(string id, CancellationToken ct) => Call<ContainerLife?>(
        async limited =>
        {
            try
            {
                var found = await _client.Containers.InspectContainerAsync(id, limited);
                return new ContainerLife(Runs(found), Time(found.State?.StartedAt), found.HostConfig?.AutoRemove == true);
            }
            catch (DockerContainerNotFoundException)
            {
                return (ContainerLife?)null;
            }
        },
        Patience,
        ct);

    public Task<Outcome<Done>> Stop(string id, TimeSpan grace, CancellationToken ct) => Call<Done>(
        async limited =>
        {
            try
            {
                await _client.Containers.StopContainerAsync(id, new ContainerStopParameters { WaitBeforeKillSeconds = (uint)grace.TotalSeconds }, limited);
            }
            catch (DockerContainerNotFoundException)
            {
                // it is gone: it does not run
            }

            return default(Done);
        },
        grace + ToStop,
        ct);

    public Task<Outcome<Done>> Start(string id, CancellationToken ct) => Call<Done>(
        async limited =>
        {
            await _client.Containers.StartContainerAsync(id, new ContainerStartParameters(), limited);
            return default(Done);
        },
        ToStart,
        ct);

    public async Task<string> Watch(Action<string> changed, CancellationToken ct)
    {
        var since = _time.GetUtcNow().AddSeconds(-2).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var wanted = new ContainerEventsParameters
        {
            Since = since,
            Filters = Only("type", "container"),
        };
        try
        {
            await _client.System.MonitorEventsAsync(wanted, new Told(changed), ct);
            return "it closed the connection";
        }
        catch (Exception failure) when (Away(failure, ct) is { } why)
        {
            return why;
        }
    }

    public void Dispose() => _client.Dispose();

    private static EngineContainer Container(ContainerListResponse found) => new(
        found.ID,
        // the first that is its own: others are what linked containers call it
        found.Names?.FirstOrDefault(name => name.LastIndexOf('/') == 0) ?? found.Names?.FirstOrDefault() ?? "",
        found.State is "running" or "paused" or "restarting",
        [.. (found.Mounts ?? []).Select(Mount)])
    {
        IsRestarting = found.State is "restarting",
    };

    private static Dictionary<string, IDictionary<string, bool>> Only(string what, string value) => new(StringComparer.Ordinal)
    {
        [what] = new Dictionary<string, bool>(StringComparer.Ordinal) { [value] = true },
    };

    private static EngineMount Mount(MountPoint mount) => mount.Type == "volume"
        ? new EngineMount(mount.Driver ?? "", mount.Name ?? "", mount.Source ?? "")
        : new EngineMount("", "", mount.Source ?? "");

    private static bool Runs(ContainerInspectResponse found) => found.State is { Running: true } or { Paused: true } or { Restarting: true };

    private static DateTimeOffset Time(string? text) =>
        DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : default;

    private static async Task<Outcome<T>> Call<T>(Func<CancellationToken, Task<Outcome<T>>> call, TimeSpan patience, CancellationToken ct)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(ct);
        limit.CancelAfter(patience);
        try
        {
            return await call(limit.Token);
        }
        catch (DockerApiException refused)
        {
            return new Refusal(RefusalCode.Conflict, Said(refused));
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return new Refusal(RefusalCode.Unavailable, $"no answer within {patience.TotalSeconds:F0} s");
        }
        catch (Exception failure) when (Away(failure, ct) is { } why)
        {
            return new Refusal(RefusalCode.Unavailable, why);
        }
    }

    /// <summary>Null: this node asked for the end.</summary>
    private static string? Away(Exception failure, CancellationToken ct) => failure switch
    {
        OperationCanceledException when ct.IsCancellationRequested => null,
        DockerApiException refused => Said(refused),
        // whatever else it is, an answer that was cut off or makes no sense included
        _ => failure.GetBaseException().Message,
    };

    /// <summary>What the engine says, without the frame around it.</summary>
    private static string Said(DockerApiException refused)
    {
        try
        {
            using var body = System.Text.Json.JsonDocument.Parse(refused.ResponseBody ?? "");
            return body.RootElement.GetProperty("message").GetString() ?? refused.Message;
        }
        catch (Exception unreadable) when (unreadable is System.Text.Json.JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return refused.Message;
        }
    }

    private sealed class Told(Action<string> changed) : IProgress<Message>
    {
        public void Report(Message value)
        {
            if (value.Actor?.ID is { Length: > 0 } id && Changes.Contains(value.Action))
            {
                changed(id);
            }
        }
    }
}
