using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Actors.Transfers;

namespace Dotmesh.Rpc.Peers;

/// <summary>A question to a peer.</summary>
/// <param name="Method">With its service.</param>
/// <param name="Params">JSON.</param>
/// <param name="Limit">Until the whole answer is there.</param>
internal sealed record PeerQuestion(string Method, ReadOnlyMemory<byte> Params, TimeSpan Limit, int MostReplyBytes);

/// <summary>
/// Asks one address as one user. Texts that it gives hold neither the key nor what is sent of it, even if the peer's answer does: servers
/// show requests in their errors.
/// </summary>
/// <param name="http">Without a time-out of its own.</param>
/// <param name="url">Without a path.</param>
internal sealed class PeerCall(HttpClient http, PeerAddress address, string url, PeerLimits limits, TimeProvider clock)
{
    // shorter ones are words that are in every text
    private const int ShortestSecret = 8;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32, AllowDuplicateProperties = false };

    private readonly string _credentials = Convert.ToBase64String(Encoding.UTF8.GetBytes($"{address.User}:{address.ApiKey}"));
    private long _lastId;

    public string Url => url;

    public PeerLimits Limits => limits;

    public TimeProvider Clock => clock;

    public async Task<Outcome<T>> Ask<T>(PeerQuestion question, Func<JsonElement, Outcome<T>> read, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(question.Limit, clock);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            using var request = Request(HttpMethod.Post, "/rpc");
            request.Content = Body(question);
            using var response = await Send(request, ends.Token);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                return await Unanswered(response, question.Method, ends.Token);
            }

            return await PeerBody.Whole(response.Content, question.MostReplyBytes, ends.Token) is { } body
                ? PeerEnvelope.Read(body, read, Clean, why => Unusable(question.Method, why))
                : Unusable(question.Method, $"it has more than {question.MostReplyBytes} bytes");
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return Unreached($"{question.Method} was not answered within {question.Limit.TotalSeconds:0.###} s");
        }
        catch (Exception failure) when (IsOfTheWire(failure) && !ct.IsCancellationRequested)
        {
            return Unreached(failure);
        }
    }

    public HttpRequestMessage Request(HttpMethod method, string path)
    {
        var request = new HttpRequestMessage(method, new Uri(url + path));
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", _credentials);
        return request;
    }

    public Task<HttpResponseMessage> Send(HttpRequestMessage request, CancellationToken ct) =>
        http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, ct);

    /// <summary>What the peer says with a status that is not the awaited one.</summary>
    public async Task<Refusal> Unanswered(HttpResponseMessage response, string what, CancellationToken ct)
    {
        var text = await Text(response, ct);
        var status = (int)response.StatusCode;
        return status switch
        {
            401 => new Refusal(
                RefusalCode.Denied,
                $"Permission denied. Please check that your API key is still valid. ({url} does not let {Clean(address.User)} in: {text})"),
            403 => new Refusal(RefusalCode.Denied, Told()),
            404 => new Refusal(RefusalCode.NotFound, Told()),
            408 or 429 or >= 500 => new Refusal(RefusalCode.Unavailable, Told()),
            _ => new Refusal(RefusalCode.Invalid, Told()),
        };

        string Told() => $"{url} answered {what} with status {status}: {text}";
    }

    public async Task<string> Text(HttpResponseMessage response, CancellationToken ct) => Clean(await PeerBody.Text(response.Content, ct));

    public Refusal Unusable(string what, string why) =>
        new(RefusalCode.Invalid, Clean($"The answer of {url} to {what} is not usable: {why}."));

    public Refusal Unreached(string why) => new(RefusalCode.Unavailable, Clean($"{url}: {why}"));

    public Refusal Unreached(Exception failure) => Unreached(Reason(failure));

    /// <summary>What happened, without what wraps it.</summary>
    public static string Reason(Exception failure) => failure.InnerException is { } inner && inner is not OperationCanceledException
        ? Reason(inner)
        : failure.Message;

    /// <summary>A connection that failed, could not be made in time, or was closed under the one who uses it.</summary>
    public static bool IsOfTheWire(Exception failure) =>
        failure is HttpRequestException or IOException or OperationCanceledException or ObjectDisposedException;

    private string Clean(string text)
    {
        foreach (var secret in new[] { _credentials, address.ApiKey }.Where(secret => secret.Length >= ShortestSecret))
        {
            text = text.Replace(secret, "<redacted>", StringComparison.Ordinal);
        }

        return text;
    }

    private ByteArrayContent Body(PeerQuestion question)
    {
        var json = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(json))
        {
            writer.WriteStartObject();
            writer.WriteString("jsonrpc"u8, "2.0"u8);
            writer.WriteString("method"u8, question.Method);
            writer.WritePropertyName("params"u8);
            writer.WriteRawValue(question.Params.Span);
            writer.WriteNumber("id"u8, Interlocked.Increment(ref _lastId));
            writer.WriteEndObject();
        }

        return new ByteArrayContent(json.WrittenSpan.ToArray()) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
    }

    /// <summary>The envelope of replies (contract 1.5): read tolerantly, an error first.</summary>
    private static class PeerEnvelope
    {
        public static Outcome<T> Read<T>(
            ReadOnlyMemory<byte> body, Func<JsonElement, Outcome<T>> read, Func<string, string> clean, Func<string, Refusal> unusable)
        {
            try
            {
                using var json = JsonDocument.Parse(body, Strict);
                if (json.RootElement.ValueKind != JsonValueKind.Object)
                {
                    return unusable("it is no object");
                }

                if (json.RootElement.TryGetProperty("error"u8, out var error) && error.ValueKind != JsonValueKind.Null)
                {
                    var refusal = PeerErrors.Read(error);
                    return refusal with { Message = clean(refusal.Message) };
                }

                json.RootElement.TryGetProperty("result"u8, out var result);
                var outcome = read(result);
                return outcome.Refused(out var malformed) ? unusable(malformed.Message) : outcome;
            }
            catch (JsonException malformed)
            {
                return unusable($"it is not the JSON that it should be ({malformed.Message})");
            }
            catch (InvalidOperationException)
            {
                // what System.Text.Json throws for text that is no text
                return unusable("it holds text that is not UTF-8");
            }
        }
    }
}
