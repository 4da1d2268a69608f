using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Dotmesh.Actors;
using Dotmesh.Actors.Containers;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Rpc.Docker;

/// <summary>
/// Docker's volume driver protocol (contract 8.1) over HTTP, whatever the method and without content type. Every call is answered, at
/// once when the node cannot: an engine that waits for a plugin waits with everything. Only where the engine itself starts the node there is
/// a moment's wait at the start: it asks once, and leaves containers stopped that it was refused.
/// </summary>
/// <param name="volumes">Null while the node does not serve.</param>
/// <param name="whyNot">Why it does not.</param>
/// <param name="begun">Ended when the start is over, or has taken too long.</param>
public sealed class VolumePlugin(Func<IVolumes?> volumes, Func<string> whyNot, Task begun, ILogger log)
{
    private const int MostBytes = 1 << 20;

    public async Task Handle(HttpContext context)
    {
        try
        {
            await Answer(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            log.LogDebug("{Path}: the engine did not wait", context.Request.Path.Value);
        }
    }

    private async Task Answer(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        var request = await Read(context);
        if (request is null)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            await Write(context, new ErrorReply("The request is not what a container engine sends: JSON with Name, ID and Opts.\n"), PluginJson.Default.ErrorReply);
            return;
        }

        var name = request.Name ?? "";
        switch (path)
        {
            case "/Plugin.Activate":
                await Write(context, new ActivateReply(["VolumeDriver"]), PluginJson.Default.ActivateReply);
                break;
            case "/VolumeDriver.Capabilities":
                await Write(context, new CapabilitiesReply(new PluginCapabilities("global")), PluginJson.Default.CapabilitiesReply);
                break;
            case "/VolumeDriver.Create":
                await Done(context, await Run(context, v => v.Create(name, request.Opts ?? [], context.RequestAborted)));
                break;
            case "/VolumeDriver.Remove":
                await Done(context, await Run(context, v => v.Remove(name, context.RequestAborted)));
                break;
            case "/VolumeDriver.Unmount":
                await Done(context, await Run(context, v => Task.FromResult(v.Unmount(name, request.ID ?? ""))));
                break;
            case "/VolumeDriver.Mount":
                await Mounted(context, await Run(context, v => v.Mount(name, request.ID ?? "", context.RequestAborted)));
                break;
            case "/VolumeDriver.Path":
                await Mounted(context, await Run(context, v => Task.FromResult(v.PathOf(name))));
                break;
            case "/VolumeDriver.Get":
                await Found(context, name, await Run(context, v => Task.FromResult(v.Find(name))));
                break;
            case "/VolumeDriver.List":
                await Listed(context, await Run(context, v => Task.FromResult<Outcome<IReadOnlyList<VolumeView>>>(v.List().ToList())));
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                await Write(context, new ErrorReply($"There is no {path} in the volume driver protocol.\n"), PluginJson.Default.ErrorReply);
                break;
        }
    }

    private async Task<Outcome<T>> Run<T>(HttpContext context, Func<IVolumes, Task<Outcome<T>>> call)
    {
        await begun.WaitAsync(context.RequestAborted);
        if (volumes() is not { } there)
        {
            return new Refusal(RefusalCode.Unavailable, whyNot());
        }

        try
        {
            return await call(there);
        }
        catch (Exception failure) when (failure is not OperationCanceledException)
        {
            log.LogError(failure, "a call of the container engine failed");
            return new Refusal(RefusalCode.Unavailable, failure.Message);
        }
    }

    private static Task Done(HttpContext context, Outcome<Done> outcome) =>
        Write(context, new ErrorReply(Error(outcome.Refusal)), PluginJson.Default.ErrorReply);

    private static Task Mounted(HttpContext context, Outcome<string> outcome) => Write(
        context,
        new MountReply(outcome.Refusal is null ? outcome.Value : "", Error(outcome.Refusal)),
        PluginJson.Default.MountReply);

    private static Task Found(HttpContext context, string name, Outcome<VolumeView> outcome) => Write(
        context,
        new GetReply(
            outcome.Refusal is null ? Volume(outcome.Value) : new PluginVolume(name, "", null),
            Error(outcome.Refusal)),
        PluginJson.Default.GetReply);

    private static Task Listed(HttpContext context, Outcome<IReadOnlyList<VolumeView>> outcome) => Write(
        context,
        new ListReply(outcome.Refusal is null ? [.. outcome.Value.Select(Volume)] : [], Error(outcome.Refusal)),
        PluginJson.Default.ListReply);

    private static PluginVolume Volume(VolumeView view) => new(view.Name, view.Mountpoint, null);

    private static string Error(Refusal? refusal) => refusal is null ? "" : $"{refusal.Message}\n";

    /// <summary>Null: not JSON, or more of it than there can be.</summary>
    private static async Task<PluginRequest?> Read(HttpContext context)
    {
        using var body = new MemoryStream();
        var buffer = new byte[4096];
        int got;
        while ((got = await context.Request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
        {
            await body.WriteAsync(buffer.AsMemory(0, got), context.RequestAborted);
            if (body.Length > MostBytes)
            {
                return null;
            }
        }

        if (body.Length == 0)
        {
            return new PluginRequest(null, null, null);
        }

        try
        {
            return JsonSerializer.Deserialize(body.ToArray(), PluginJson.Default.PluginRequest);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static async Task Write<T>(HttpContext context, T reply, JsonTypeInfo<T> type)
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(reply, type);
        context.Response.ContentType = "application/vnd.docker.plugins.v1.1+json";
        context.Response.ContentLength = bytes.Length;
        await context.Response.Body.WriteAsync(bytes, context.RequestAborted);
    }
}
