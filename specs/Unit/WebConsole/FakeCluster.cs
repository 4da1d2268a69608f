using System.Collections.Concurrent;
using System.Net;
using System.Security.Claims;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dotmesh.WebConsole.Serving;
using Dotmesh.WebConsole.Session;
using Microsoft.AspNetCore.Components.Authorization;

namespace Dotmesh.Specs.Unit.WebConsole;

/// <summary>A cluster that answers what a spec told it to, and keeps what it was asked: pages and parts without a node.</summary>
internal sealed class FakeCluster : IConsoleHost
{
    private readonly ConcurrentDictionary<string, Func<JsonNode?, object?>> _answers = new(StringComparer.Ordinal);

    /// <summary>Method and parameters, in the order of the calls.</summary>
    public ConcurrentQueue<(string Method, JsonNode? Parameters)> Calls { get; } = new();

    public string Node => "node-1";

    public string KeyFolder { get; init; } = "";

    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public string NewId() => "s-1";

    public bool Admin { get; init; } = true;

    public FakeCluster Answers(string method, object? result) => Answers(method, _ => result);

    /// <param name="answer">Throws <see cref="InvalidOperationException"/> for an error with its text.</param>
    public FakeCluster Answers(string method, Func<JsonNode?, object?> answer)
    {
        _answers[method] = answer;
        return this;
    }

    /// <summary>Somebody before a page.</summary>
    public async Task<ConsoleSession> SignedIn(SharedReads? reads = null)
    {
        var session = new ConsoleSession(this, new Somebody(), reads ?? new SharedReads(Clock), new SignedOut(Clock));
        await session.Begin();
        return session;
    }

    public Task<ConsoleSignIn> SignIn(string user, string password, IPAddress from, CancellationToken ct) =>
        Task.FromResult(password == "right" ? new ConsoleSignIn("id", user, "") : ConsoleSignIn.Refused("not right"));

    public bool IsAdmin(string userId) => Admin;

    public string? PasswordMark(string userId) => "mark";

    public HttpMessageHandler CallsOf(string userId, string mark) => new Handler(this);

    private sealed class Handler(FakeCluster cluster) : HttpMessageHandler
    {
        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var call = JsonNode.Parse(await request.Content!.ReadAsStringAsync(cancellationToken))!;
            var method = ((string)call["method"]!).Split('.')[^1];
            if (method != "Ping")
            {
                cluster.Calls.Enqueue((method, call["params"]?.DeepClone()));
            }

            object reply;
            try
            {
                reply = new { id = 1, result = cluster._answers.TryGetValue(method, out var answer) ? answer(call["params"]) : true };
            }
            catch (InvalidOperationException refused)
            {
                reply = new { id = 1, error = new { code = -32000, message = refused.Message, data = new { requestId = "r-1" } } };
            }

            return new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(JsonSerializer.Serialize(reply), Encoding.UTF8, "application/json") };
        }
    }

    private sealed class Somebody : AuthenticationStateProvider
    {
        public override Task<AuthenticationState> GetAuthenticationStateAsync() => Task.FromResult(new AuthenticationState(new ClaimsPrincipal(
            new ClaimsIdentity([new(ClaimTypes.NameIdentifier, "id"), new(ClaimTypes.Name, "admin"), new("mark", "mark"), new("session", "s")], "spec"))));
    }
}
