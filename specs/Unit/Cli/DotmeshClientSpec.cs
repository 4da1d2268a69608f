using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Dotmesh.Client;
using Xunit;

namespace Dotmesh.Specs.Unit.Cli;

/// <summary>What the client makes of answers, and what it shows of its talk.</summary>
public sealed class DotmeshClientSpec
{
    private static readonly Remote There = new("admin", "host", 6969, "the-key");

    private readonly List<string> _talk = [];

    [Fact]
    public async Task A_call_is_a_JSON_RPC_request_with_the_credentials_and_its_result_is_read()
    {
        HttpRequestMessage? sent = null;
        var body = "";
        using var client = Client(async request =>
        {
            (sent, body) = (request, await request.Content!.ReadAsStringAsync());
            return Json("""{"jsonrpc":"2.0","result":{"Id":"x","Name":{"Namespace":"bob","Name":"pears"},"Newer":1,"ServerStates":null},"id":1}""");
        });

        var branch = await client.Get("x", default);

        Assert.Equal((new DotName("bob", "pears"), "master"), (branch.Name, branch.BranchName));
        Assert.Equal("http://host:6969/rpc", sent!.RequestUri!.AbsoluteUri);
        Assert.Equal($"Basic {Convert.ToBase64String(Encoding.UTF8.GetBytes("admin:the-key"))}", sent.Headers.Authorization!.ToString());
        Assert.Equal("""{"jsonrpc":"2.0","method":"DotmeshRPC.Get","params":"x","id":1}""", body);
    }

    [Fact]
    public async Task Sizes_of_commits_are_asked_of_a_branch_and_found_by_the_commits_id()
    {
        var body = "";
        using var client = Client(async request =>
        {
            body = await request.Content!.ReadAsStringAsync();
            return Json("""{"result":[{"Id":"first","SizeBytes":0},{"Id":"second","SizeBytes":5000000000}]}""");
        });

        var sizes = await client.CommitSizes(new DotName("bob", "pears"), "side", default);

        Assert.Equal(new Dictionary<string, long> { ["first"] = 0, ["second"] = 5_000_000_000 }, sizes);
        var asked = """{"jsonrpc":"2.0","method":"DotmeshRPC.CommitSizes","params":{"Namespace":"bob","Name":"pears","Branch":"side"},"id":1}""";
        Assert.Equal(asked, body);
    }

    [Theory]
    [InlineData(200, """{"error":{"code":-32000,"message":"no","data":{"code":"denied","requestId":"r"}}}""", FailureKind.Denied, "no", "r")]
    [InlineData(200, """{"error":{"code":-32000,"message":"No such filesystem named 'a/b'"}}""", FailureKind.NotFound, "No such filesystem named 'a/b'", "header")]
    [InlineData(200, """{"error":{"code":-32601,"message":"rpc: can't find"}}""", FailureKind.Failed, "rpc: can't find", "header")]
    [InlineData(401, "Unauthorized", FailureKind.Unauthorized, "host:6969 refused user admin: wrong name, API key or password.", "header")]
    [InlineData(503, "later", FailureKind.Unavailable, "host:6969 answered 503: later", "header")]
    [InlineData(404, "nothing", FailureKind.Failed, "host:6969 answered 404: nothing", "header")]
    public async Task A_failure_has_the_servers_text_a_kind_and_the_id_of_the_request(int status, string answer, FailureKind kind, string text, string id)
    {
        using var client = Client(_ =>
        {
            var response = Json(answer, (HttpStatusCode)status);
            response.Headers.Add("X-Request-Id", "header");
            return Task.FromResult(response);
        });

        var failure = await Assert.ThrowsAsync<DotmeshException>(() => client.Ping(default));

        Assert.Equal((kind, text, id), (failure.Kind, failure.Message, failure.RequestId));
    }

    [Theory]
    [InlineData("<html>")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"result":"no list"}""")]
    public async Task What_is_no_answer_of_such_a_server_is_said_to_be_none(string answer)
    {
        using var client = Client(_ => Task.FromResult(Json(answer)));

        var failure = await Assert.ThrowsAsync<DotmeshException>(() => client.Branches(new DotName("a", "b"), default));

        Assert.Equal(FailureKind.Failed, failure.Kind);
        Assert.StartsWith("host:6969 does not", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_does_not_answer_in_time_and_one_that_is_not_there_are_told_apart()
    {
        using var slow = new DotmeshClient(There, new Handler(async (_, ct) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, ct);
            return Json("{}");
        }))
        { Deadline = TimeSpan.FromMilliseconds(50) };
        Assert.Equal(FailureKind.Expired, (await Assert.ThrowsAsync<DotmeshException>(() => slow.Ping(default))).Kind);
        using var stop = new CancellationTokenSource(TimeSpan.FromMilliseconds(20));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => slow.Ping(stop.Token));

        using var away = Client(_ => throw new HttpRequestException("refused"));
        Assert.Equal(FailureKind.Unreachable, (await Assert.ThrowsAsync<DotmeshException>(() => away.Ping(default))).Kind);
        using var unconnected = Client(_ => throw new TaskCanceledException("x", new TimeoutException()));
        Assert.Equal(FailureKind.Unreachable, (await Assert.ThrowsAsync<DotmeshException>(() => unconnected.Ping(default))).Kind);
    }

    [Fact]
    public async Task Without_a_port_the_first_address_that_answers_is_kept_and_a_refused_secret_says_more_than_dead_ports()
    {
        var asked = new List<string>();
        using var client = new DotmeshClient(There with { Port = 0 }, new Handler((request, _) =>
        {
            asked.Add(request.RequestUri!.GetLeftPart(UriPartial.Authority));
            return request.RequestUri.Port == 32607 ? Task.FromResult(Json("""{"result":true}""")) : throw new HttpRequestException("refused");
        }));

        await client.Ping(default);
        await client.Ping(default);

        Assert.Equal(["https://host", "http://host", "http://host:32607", "http://host:32607", "http://host:32607"], asked);
        using var refusing = new DotmeshClient(There with { Port = 0 }, new Handler((request, _) => request.RequestUri!.Port == 80
            ? Task.FromResult(Json("no", HttpStatusCode.Unauthorized))
            : throw new HttpRequestException("refused")));
        Assert.Equal(FailureKind.Unauthorized, (await Assert.ThrowsAsync<DotmeshException>(() => refusing.Ping(default))).Kind);
        using var nobody = new DotmeshClient(There with { Port = 0 }, new Handler((_, _) => throw new HttpRequestException("refused")));
        var failure = await Assert.ThrowsAsync<DotmeshException>(() => nobody.Ping(default));
        Assert.StartsWith("Unable to connect to any of the addresses attempted: [https://host/ ", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Its_talk_is_shown_without_keys_passwords_and_backups()
    {
        using var client = Client(_ => Task.FromResult(Json("""{"result":{"ApiKey":"secret-1","Password":"secret-2","Deep":[{"Salt":"secret-3"}]}}""")));
        await client.Call("DotmeshRPC.Transfer", new JsonObject { ["ApiKey"] = "secret-4", ["Peer"] = "shown" }, default);
        await client.Call("DotmeshRPC.RestoreEtcd", new JsonObject { ["Dump"] = "secret-5" }, default);
        await client.Call("DotmeshRPC.DumpEtcd", null, default);
        await client.Call("DotmeshRPC.UpdatePassword", new JsonObject { ["NewPassword"] = "secret-6", ["apikey"] = "secret-7" }, default);

        var talk = string.Join('\n', _talk);
        Assert.Contains("shown", talk, StringComparison.Ordinal);
        Assert.DoesNotContain("secret-", talk, StringComparison.Ordinal);
        Assert.DoesNotContain("the-key", talk, StringComparison.Ordinal);
    }

    private DotmeshClient Client(Func<HttpRequestMessage, Task<HttpResponseMessage>> answer) =>
        new(There, new Handler((request, _) => answer(request))) { Trace = (_, json) => _talk.Add(json) };

    private static HttpResponseMessage Json(string text, HttpStatusCode status = HttpStatusCode.OK) =>
        new(status) { Content = new StringContent(text, Encoding.UTF8, "application/json") };

    private sealed class Handler(Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> answer) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => answer(request, cancellationToken);
    }
}
