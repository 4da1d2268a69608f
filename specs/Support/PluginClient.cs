using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Dotmesh.Specs.Support;

/// <summary>Speaks the volume driver protocol as an engine does: POST, JSON, no content type.</summary>
public sealed class PluginClient : IDisposable
{
    private readonly HttpClient _http;

    public PluginClient(string socket) => _http = new HttpClient(new SocketsHttpHandler
    {
        ConnectCallback = async (_, ct) =>
        {
            var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), ct);
            return new NetworkStream(connection, ownsSocket: true);
        },
    });

    public async Task<JsonObject> Call(string path, object? request = null)
    {
        using var body = new ByteArrayContent(Encoding.UTF8.GetBytes(request is null ? "" : System.Text.Json.JsonSerializer.Serialize(request)));
        using var reply = await _http.PostAsync(new Uri($"http://plugin.moby.localhost/{path}"), body);
        reply.EnsureSuccessStatusCode();
        return (JsonObject)JsonNode.Parse(await reply.Content.ReadAsStringAsync())!;
    }

    /// <summary>The reply's <c>Err</c>.</summary>
    public async Task<string> Error(string path, object? request = null) => (string)(await Call(path, request))["Err"]!;

    public void Dispose() => _http.Dispose();
}
