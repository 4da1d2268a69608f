using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dotmesh.Specs.Support;

/// <summary>An error object that a node answered.</summary>
public sealed class RpcErrorException(int code, string message) : Exception($"{code}: {message}")
{
    public int Code { get; } = code;

    public string Text { get; } = message;
}

/// <summary>A plain JSON-RPC caller that knows nothing of the product's types: what a stranger with curl sees.</summary>
public sealed class RpcClient : IDisposable
{
    private readonly HttpClient _http;
    private readonly Uri _endpoint;
    private long _lastId;

    public RpcClient(Uri endpoint, string user, string secret)
    {
        _endpoint = endpoint;
        _http = new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30) })
        {
            Timeout = TimeSpan.FromMinutes(2),
        };
        _http.DefaultRequestHeaders.Authorization = Basic(user, secret);
    }

    public static AuthenticationHeaderValue Basic(string user, string secret) =>
        new("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{secret}")));

    /// <summary>The result of <c>DotmeshRPC.method</c>; throws <see cref="RpcErrorException"/> for an error.</summary>
    public async Task<JsonNode?> Call(string method, object? parameters = null)
    {
        var request = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, object?>
        {
            ["jsonrpc"] = "2.0",
            ["method"] = $"DotmeshRPC.{method}",
            ["params"] = parameters,
            ["id"] = Interlocked.Increment(ref _lastId),
        });
        using var body = new ByteArrayContent(request);
        body.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var reply = await _http.PostAsync(_endpoint, body);
        var text = await reply.Content.ReadAsStringAsync();
        if (!reply.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"{(int)reply.StatusCode} {text}", null, reply.StatusCode);
        }

        var answer = JsonNode.Parse(text)!.AsObject();
        return answer["error"] is JsonObject error
            ? throw new RpcErrorException((int)error["code"]!, (string)error["message"]!)
            : answer["result"];
    }

    public async Task<string> Text(string method, object? parameters = null) =>
        (string?)await Call(method, parameters) ?? throw new InvalidOperationException($"{method} answered null");

    /// <summary>
    /// Calls until it is answered with a result, where the errors say to try again: nothing was done then, and on a machine that has much
    /// else to do a node or the database may be out of reach for a moment.
    /// </summary>
    public async Task<JsonNode> CallAgain(string method, object parameters)
    {
        var last = "";
        return await Patience.Holds(
            async () =>
            {
                try
                {
                    return await Call(method, parameters);
                }
                catch (RpcErrorException again) when (again.Text.Contains("try again", StringComparison.Ordinal))
                {
                    last = again.Text;
                    return null;
                }
            },
            TimeSpan.FromSeconds(60),
            () => $"{method} is not answered: {last}");
    }

    public void Dispose() => _http.Dispose();
}
