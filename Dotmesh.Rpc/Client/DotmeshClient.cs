using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Dotmesh.Client;

/// <summary>
/// A Dotmesh cluster, ours or an original one, as a client sees it. Thread-safe. Every method throws <see cref="DotmeshException"/> when the call
/// failed, and <see cref="OperationCanceledException"/> when its token was cancelled.
/// </summary>
public sealed partial class DotmeshClient : IDisposable
{
    /// <summary>As people call the branch that has no name on the wire.</summary>
    public const string MasterBranch = "master";

    /// <summary>The server has its own deadline, which is shorter; this one is for servers that are gone.</summary>
    public static readonly TimeSpan DefaultDeadline = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan ProbeLimit = TimeSpan.FromSeconds(5);

    private readonly HttpClient _http;
    private readonly AuthenticationHeaderValue _credentials;
    private readonly SemaphoreSlim _finding = new(1, 1);
    private Uri? _found;
    private long _lastId;

    /// <param name="handler">For proxies, certificates and specs; null takes the platform's.</param>
    public DotmeshClient(Remote remote, HttpMessageHandler? handler = null)
    {
        Remote = remote;
        _http = new HttpClient(handler ?? new SocketsHttpHandler { ConnectTimeout = ProbeLimit, UseProxy = !remote.IsLoopback })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _credentials = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{remote.User}:{remote.Secret}")));
        _found = remote.Candidates is [var only] ? only : null;
    }

    public Remote Remote { get; }

    /// <summary>How long a call may take.</summary>
    public TimeSpan Deadline { get; init; } = DefaultDeadline;

    /// <summary>Told each request and reply as JSON; secrets are in neither.</summary>
    public Action<string, string>? Trace { get; init; }

    public void Dispose()
    {
        _http.Dispose();
        _finding.Dispose();
    }

    /// <summary>Any method, for those that have none of their own here.</summary>
    /// <param name="method">With its service: <c>DotmeshRPC.Ping</c>.</param>
    public Task<JsonElement> Call(string method, JsonNode? parameters, CancellationToken ct) =>
        Call(method, parameters, ClientJson.Default.JsonElement, ct);

    private async Task<T> Call<T>(string method, JsonNode? parameters, JsonTypeInfo<T> type, CancellationToken ct)
    {
        var server = _found ?? await Find(ct);
        return await Call(server, method, parameters, type, Deadline, ct);
    }

    private Task<T> Rpc<T>(string method, JsonNode? parameters, JsonTypeInfo<T> type, CancellationToken ct) =>
        Call($"DotmeshRPC.{method}", parameters, type, ct);

    private Task Rpc(string method, JsonNode? parameters, CancellationToken ct) =>
        Rpc(method, parameters, ClientJson.Default.JsonElement, ct);

    /// <summary>The first address that answers with these credentials is kept.</summary>
    private async Task<Uri> Find(CancellationToken ct)
    {
        await _finding.WaitAsync(ct);
        try
        {
            if (_found is { } known)
            {
                return known;
            }

            var failures = new List<DotmeshException>();
            foreach (var candidate in Remote.Candidates)
            {
                try
                {
                    await Call(candidate, "DotmeshRPC.Ping", null, ClientJson.Default.JsonElement, ProbeLimit, ct);
                    return _found = candidate;
                }
                catch (DotmeshException failure)
                {
                    failures.Add(failure);
                }
            }

            // a server that refused the secret says more than ports that nobody listens on
            throw failures.Find(failure => failure.Kind == FailureKind.Unauthorized) ?? new DotmeshException(
                FailureKind.Unreachable,
                $"Unable to connect to any of the addresses attempted: [{string.Join(' ', Remote.Candidates)}], "
                + $"errs: [{string.Join("; ", failures.Select(failure => failure.Message))}]");
        }
        finally
        {
            _finding.Release();
        }
    }

    private async Task<T> Call<T>(
        Uri server, string method, JsonNode? parameters, JsonTypeInfo<T> type, TimeSpan limit, CancellationToken ct)
    {
        var id = Interlocked.Increment(ref _lastId);
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(server, "/rpc"));
        request.Headers.Authorization = _credentials;
        request.Content = new ByteArrayContent(Body(method, parameters, id));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        Trace?.Invoke("send rpc request", Secrets.Hide(method, parameters));

        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(limit);
        try
        {
            using var response = await _http.SendAsync(request, deadline.Token);
            var requestId = response.Headers.TryGetValues("X-Request-Id", out var ids) ? ids.FirstOrDefault() : null;
            var body = await response.Content.ReadAsByteArrayAsync(deadline.Token);
            return response.StatusCode switch
            {
                HttpStatusCode.OK => Read(body, method, type, server, requestId),
                HttpStatusCode.Unauthorized => throw new DotmeshException(
                    FailureKind.Unauthorized, $"{server.Authority} refused user {Remote.User}: wrong name, API key or password.", requestId),
                var status => throw new DotmeshException(
                    status is HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout
                        ? FailureKind.Unavailable
                        : FailureKind.Failed,
                    $"{server.Authority} answered {(int)status}: {Begin(body)}", requestId),
            };
        }
        catch (HttpRequestException failure)
        {
            throw new DotmeshException(FailureKind.Unreachable, $"{server.Authority} cannot be reached: {failure.Message}", inner: failure);
        }
        catch (OperationCanceledException late) when (late.InnerException is TimeoutException && !deadline.IsCancellationRequested)
        {
            // of connecting: nothing was sent
            throw new DotmeshException(
                FailureKind.Unreachable, $"{server.Authority} cannot be reached: no connection within {ProbeLimit.TotalSeconds:0} s.", inner: late);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            throw new DotmeshException(FailureKind.Expired, $"{server.Authority} did not answer {method} within {limit.TotalSeconds:0} s.");
        }
    }

    private static byte[] Body(string method, JsonNode? parameters, long id)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("jsonrpc"u8, "2.0"u8);
            json.WriteString("method"u8, method);
            json.WritePropertyName("params"u8);
            if (parameters is null)
            {
                json.WriteNullValue();
            }
            else
            {
                parameters.WriteTo(json);
            }

            json.WriteNumber("id"u8, id);
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }

    private T Read<T>(byte[] body, string method, JsonTypeInfo<T> type, Uri server, string? requestId)
    {
        using var reply = Parsed(body, server, requestId);
        try
        {
            Trace?.Invoke("got rpc response", Secrets.Hide(method, reply.RootElement));
            if (reply.RootElement.TryGetProperty("error"u8, out var error) && error.ValueKind == JsonValueKind.Object)
            {
                throw Failure(error, requestId);
            }

            return reply.RootElement.GetProperty("result"u8).Deserialize(type)!;
        }
        catch (Exception odd) when (odd is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // what it answered may hold a key
            throw new DotmeshException(FailureKind.Failed, $"{server.Authority} does not answer {method} as it should: {odd.Message}", requestId, odd);
        }
    }

    private static JsonDocument Parsed(byte[] body, Uri server, string? requestId)
    {
        try
        {
            return JsonDocument.Parse(body);
        }
        catch (JsonException odd)
        {
            throw new DotmeshException(
                FailureKind.Failed, $"{server.Authority} does not speak this protocol: {odd.Message} It answered: {Begin(body)}", requestId, odd);
        }
    }

    private static DotmeshException Failure(JsonElement error, string? requestId)
    {
        var message = error.TryGetProperty("message"u8, out var text) ? text.ToString() : error.GetRawText();
        var data = error.TryGetProperty("data"u8, out var more) && more.ValueKind == JsonValueKind.Object ? more : default;
        string? Member(ReadOnlySpan<byte> name) =>
            data.ValueKind == JsonValueKind.Object && data.TryGetProperty(name, out var value) ? value.ToString() : null;
        return new DotmeshException(DotmeshException.KindOf(Member("code"u8), message), message, Member("requestId"u8) ?? requestId);
    }

    private static string Begin(byte[] body)
    {
        const int shown = 200;
        var text = Encoding.UTF8.GetString(body, 0, Math.Min(body.Length, shown)).Trim();
        return body.Length > shown ? text + " ..." : text;
    }
}
