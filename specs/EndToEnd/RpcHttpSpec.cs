using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Dotmesh.Rpc;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>The HTTP side of the API on Kestrel, with real users and the domain in memory.</summary>
public sealed class RpcHttpSpec : IAsyncLifetime
{
    private const string Ping = """{"jsonrpc":"2.0","method":"DotmeshRPC.Ping","params":{},"id":6129484611666146000}""";

    private RpcHost _host = null!;

    public async Task InitializeAsync() => _host = await RpcHost.Start();

    public async Task DisposeAsync() => await _host.DisposeAsync();

    [Fact]
    public async Task Ping_answers_a_string_on_the_reference_port_and_a_boolean_on_the_client_port()
    {
        using var reference = await _host.Post(Ping, port: _host.ReferencePort);
        using var client = await _host.Post(Ping, port: _host.ClientPort);
        Assert.Equal(
            "{\"jsonrpc\":\"2.0\",\"result\":\"true\",\"id\":6129484611666146000}\n",
            await reference.Content.ReadAsStringAsync());
        Assert.Equal(
            "{\"jsonrpc\":\"2.0\",\"result\":true,\"id\":6129484611666146000}\n", await client.Content.ReadAsStringAsync());
        Assert.Equal("application/json; charset=utf-8", client.Content.Headers.ContentType!.ToString());
        Assert.Equal(["nosniff"], client.Headers.GetValues("X-Content-Type-Options"));
    }

    [Theory]
    [InlineData(null, "")]
    [InlineData("nobody", RpcHost.ApiKey)]
    [InlineData("admin", "wrong")]
    [InlineData("admin", "")]
    public async Task Without_the_right_secret_the_answer_is_401_without_a_challenge(string? user, string secret)
    {
        using var reply = await _host.Post(Ping, user, secret);
        Assert.Equal(HttpStatusCode.Unauthorized, reply.StatusCode);
        Assert.Equal("Unauthorized.\n", await reply.Content.ReadAsStringAsync());
        Assert.Equal("text/plain; charset=utf-8", reply.Content.Headers.ContentType!.ToString());
        Assert.Equal(["nosniff"], reply.Headers.GetValues("X-Content-Type-Options"));
        Assert.Empty(reply.Headers.WwwAuthenticate);
    }

    [Fact]
    public async Task Authentication_comes_before_the_method_and_the_method_before_the_type()
    {
        using var anonymous = await _host.Http.GetAsync("/rpc");
        Assert.Equal(HttpStatusCode.Unauthorized, anonymous.StatusCode);

        using var get = await Send(HttpMethod.Get, null);
        Assert.Equal(
            (HttpStatusCode.MethodNotAllowed, "rpc: POST method required, received GET"),
            (get.StatusCode, await get.Content.ReadAsStringAsync()));

        using var typed = await Send(HttpMethod.Post, "text/plain");
        Assert.Equal(
            (HttpStatusCode.UnsupportedMediaType, "rpc: unrecognized Content-Type: text/plain"),
            (typed.StatusCode, await typed.Content.ReadAsStringAsync()));

        using var untyped = await Send(HttpMethod.Post, null);
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, untyped.StatusCode);
        using var spaced = await Send(HttpMethod.Post, "application/json ;x=1");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, spaced.StatusCode);
        using var charset = await Send(HttpMethod.Post, "APPLICATION/JSON;charset=utf-7");
        Assert.Equal(HttpStatusCode.OK, charset.StatusCode);
    }

    [Fact]
    public async Task Notifications_are_executed_and_answered_with_nothing()
    {
        using var reply = await _host.Post(
            """{"jsonrpc":"2.0","method":"DotmeshRPC.Create","params":{"Namespace":"admin","Name":"silent"}}""");
        Assert.Equal((HttpStatusCode.OK, ""), (reply.StatusCode, await reply.Content.ReadAsStringAsync()));
        Assert.Null(reply.Content.Headers.ContentType);
        Assert.NotEqual("", (await _host.Result("Exists", new { Namespace = "admin", Name = "silent" })).GetString());
    }

    [Fact]
    public async Task A_batch_is_answered_in_order_without_its_notifications()
    {
        using var reply = await _host.Post(
            """
            [{"jsonrpc":"2.0","method":"DotmeshRPC.Create","params":{"Namespace":"admin","Name":"b"},"id":"a"},
             {"jsonrpc":"2.0","method":"DotmeshRPC.Commit","params":{"Namespace":"admin","Name":"b","Message":"m"}},
             {"jsonrpc":"2.0","method":"DotmeshRPC.Nope","id":2}, 5,
             {"jsonrpc":"2.0","method":"DotmeshRPC.Commits","params":{"Namespace":"admin","Name":"b"},"id":[3]}]
            """);
        var answers = JsonElement.Parse(await reply.Content.ReadAsStringAsync()).EnumerateArray().ToList();
        Assert.Equal(["\"a\"", "2", "null", "[3]"], answers.Select(answer => answer.GetProperty("id").GetRawText()));
        Assert.Equal([-32601, -32600], answers[1..3].Select(answer => answer.GetProperty("error").GetProperty("code").GetInt32()));
        Assert.Equal(2, answers[3].GetProperty("result").GetArrayLength());

        using var silent = await _host.Post("""[{"jsonrpc":"2.0","method":"DotmeshRPC.Ping"}]""");
        Assert.Equal("", await silent.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Batches_and_nesting_are_limited_as_the_options_say()
    {
        await using var host = await RpcHost.Start(services => services with { Settings = new RpcSettings { MaxBatch = 2, MaxDepth = 6 } });
        Assert.Contains("\"result\"", await Answer($"[{Ping},{Ping}]"), StringComparison.Ordinal);
        Assert.Contains("A batch must not have more than 2 requests.", await Answer($"[{Ping},{Ping},{Ping}]"), StringComparison.Ordinal);
        Assert.Contains("\"result\"", await Answer(Ping.Replace("{}", "{\"x\":[[[]]]}", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Contains(
            "nested more than 6 levels deep",
            await Answer(Ping.Replace("{}", "{\"x\":[[[[[[]]]]]]}", StringComparison.Ordinal)),
            StringComparison.Ordinal);

        await using var generous = await RpcHost.Start(
            services => services with { Settings = new RpcSettings { MaxBatch = 200, MaxDepth = 500 } });
        using var many = await generous.Post($"[{string.Join(',', Enumerable.Repeat(Ping, 200))}]");
        Assert.Equal(200, JsonElement.Parse(await many.Content.ReadAsStringAsync()).GetArrayLength());
        using var deep = await generous.Post(
            Ping.Replace("{}", $"{{\"x\":{new string('[', 400)}{new string(']', 400)}}}", StringComparison.Ordinal));
        Assert.Contains("\"result\"", await deep.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        async Task<string> Answer(string body)
        {
            using var reply = await host.Post(body);
            return await reply.Content.ReadAsStringAsync();
        }
    }

    [Fact]
    public async Task A_request_id_is_echoed_made_or_replaced_and_stands_in_error_data()
    {
        using var own = await Send(HttpMethod.Post, "application/json", "my-id.1", "{\"jsonrpc\":\"2.0\",\"method\":\"X\",\"id\":1}");
        Assert.Equal(["my-id.1"], own.Headers.GetValues("X-Request-Id"));
        var error = JsonElement.Parse(await own.Content.ReadAsStringAsync()).GetProperty("error");
        Assert.Equal("""{"requestId":"my-id.1","code":"methodNotFound"}""", error.GetProperty("data").GetRawText());

        using var insane = await Send(HttpMethod.Post, "application/json", "a b<>\u007f");
        Assert.Equal(36, insane.Headers.GetValues("X-Request-Id").Single().Length);
    }

    [Theory]
    [InlineData(1_048_576, -32602)]
    [InlineData(1_048_577, -32600)]
    [InlineData(8_000_000, -32600)]
    public async Task A_body_of_more_than_a_mebibyte_is_an_error_on_a_connection_that_lives_on(int size, int code)
    {
        var (head, tail) = ("""{"jsonrpc":"2.0","method":"DotmeshRPC.Ping","id":1,"params":" """, "\"}");
        var body = Encoding.ASCII.GetBytes(head + new string('x', size - head.Length - tail.Length) + tail);
        foreach (var chunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/rpc") { Content = new ByteArrayContent(body) };
            request.Headers.TransferEncodingChunked = chunked;
            request.Headers.Authorization = RpcHost.Basic("admin", RpcHost.ApiKey);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var reply = await _host.Http.SendAsync(request);
            var error = JsonElement.Parse(await reply.Content.ReadAsStringAsync()).GetProperty("error");
            Assert.Equal((HttpStatusCode.OK, code), (reply.StatusCode, error.GetProperty("code").GetInt32()));
        }
    }

    [Fact]
    public async Task Failed_logins_of_an_address_are_answered_slower_and_slower()
    {
        for (var i = 0; i < 6; i++)
        {
            using var _ = await _host.Post(Ping, "admin", "wrong");
        }

        var started = TimeProvider.System.GetTimestamp();
        using var slow = await _host.Post(Ping, "admin", "wrong");
        Assert.Equal(HttpStatusCode.Unauthorized, slow.StatusCode);
        Assert.True(TimeProvider.System.GetElapsedTime(started) > TimeSpan.FromMilliseconds(200));
        Assert.True((await _host.Result("Ping")).GetBoolean());
    }

    [Fact]
    public async Task Guessing_many_passwords_at_once_is_no_faster_and_keeps_nobody_else_out()
    {
        for (var i = 0; i < 9; i++)
        {
            using var _ = await _host.Post(Ping, "admin", $"wrong {i}");
        }

        // each of them would wait seconds: four do, some wait for those, and the rest is told so without a look at its password
        using var stop = new CancellationTokenSource();
        var crowd = Enumerable.Range(0, 60).Select(i => Status($"guess {i}", stop.Token)).ToList();
        await Patience.Holds(
            () => Task.FromResult(crowd.Count(guess => guess.IsCompleted) >= 60 - 4 - 32 ? crowd : null),
            TimeSpan.FromSeconds(20),
            () => $"only {crowd.Count(guess => guess.IsCompleted)} guesses were answered");
        foreach (var answered in crowd.Where(guess => guess.IsCompleted))
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, await answered);
        }

        Assert.True((await _host.Result("Ping")).GetBoolean());
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Task.WhenAll(crowd));
    }

    private async Task<HttpStatusCode> Status(string password, CancellationToken ct)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/rpc");
        request.Headers.Authorization = RpcHost.Basic("admin", password);
        using var reply = await _host.Http.SendAsync(request, ct);
        return reply.StatusCode;
    }

    [Theory]
    [InlineData("/check", "OK")]
    [InlineData("/status", "OK")]
    [InlineData("/health/live", """{"status":"ok","reasons":[]}""")]
    [InlineData("/health/ready", """{"status":"ok","reasons":[]}""")]
    public async Task Health_needs_no_authentication(string path, string body) =>
        Assert.Equal(body, await _host.Http.GetStringAsync(path));

    [Fact]
    public async Task A_node_that_is_not_ready_says_why()
    {
        await using var host = await RpcHost.Start(services => services with
        {
            NotReady = _ => ValueTask.FromResult<IReadOnlyList<string>>(["the pool is gone"]),
        });
        using var reply = await host.Http.GetAsync("/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, reply.StatusCode);
        Assert.Equal("""{"status":"unavailable","reasons":["the pool is gone"]}""", await reply.Content.ReadAsStringAsync());
        Assert.Equal("OK", await host.Http.GetStringAsync("/check"));
    }

    [Fact]
    public async Task Unknown_paths_are_404_and_wrong_methods_405()
    {
        using var unknown = await _host.Http.GetAsync("/nope");
        Assert.Equal((HttpStatusCode.NotFound, ""), (unknown.StatusCode, await unknown.Content.ReadAsStringAsync()));
        using var wrong = await _host.Http.PostAsync("/metrics", null);
        Assert.Equal((HttpStatusCode.MethodNotAllowed, ""), (wrong.StatusCode, await wrong.Content.ReadAsStringAsync()));
    }

    [Fact]
    [Trait("Behaviour", "39")]
    public async Task Behaviour_39_metrics_has_the_five_names_without_authentication()
    {
        await _host.Result("Ping");
        using var other = await _host.Http.GetAsync("/b225158d-a2ac-4738-6d31-9a7dc511aab5");
        var text = await _host.Http.GetStringAsync("/metrics");
        Assert.Contains("dm_req_total{url=\"/rpc\",http_method=\"POST\",status_code=\"200\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dm_req_total{url=\"*\",http_method=\"GET\",status_code=\"404\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dm_req_duration_seconds_count{url=\"/rpc\"", text, StringComparison.Ordinal);
        Assert.Contains(
            "dm_rpc_req_duration_seconds_count{url=\"/rpc\",rpc_method=\"DotmeshRPC.Ping\",status_code=\"200\"} 1",
            text,
            StringComparison.Ordinal);
        Assert.Contains("dm_state_transition_total", text, StringComparison.Ordinal);
        Assert.Contains("dm_zpool_usage_percentage", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/s3/admin:x/key", "/s3/*")]
    [InlineData("/filesystems/b225158d-a2ac-4738-6d31-9a7dc511aab5/START/05652ba4-acb8-4349-4711-956bd0c88c8c", "/filesystems/*/START/*")]
    [InlineData("/rpc", "/rpc")]
    [Trait("Behaviour", "156")]
    public void Behaviour_156_labels_of_paths_have_no_ids(string path, string label) =>
        Assert.Equal(label, Rpc.Http.Urls.Sanitise(path));

    private Task<HttpResponseMessage> Send(HttpMethod method, string? type, string? requestId = null, string body = Ping)
    {
        var request = new HttpRequestMessage(method, "/rpc");
        request.Headers.Authorization = RpcHost.Basic("admin", RpcHost.ApiKey);
        if (method == HttpMethod.Post)
        {
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
        }

        if (requestId is not null)
        {
            request.Headers.TryAddWithoutValidation("X-Request-Id", requestId);
        }

        return _host.Http.SendAsync(request);
    }
}
