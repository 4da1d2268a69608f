using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Specs.Support;
using Xunit;
using Xunit.Abstractions;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// Mutated requests get documented answers and nothing else: no 5xx, no closed connection, no growth of memory, and what
/// was there before is unchanged.
/// </summary>
public sealed class FuzzSpec(ITestOutputHelper output)
{
    private const int Requests = 100_000;
    private const int Lanes = 8;

    private static readonly int[] Codes = [-32700, -32600, -32601, -32602, -32000];

    [Fact]
    public async Task A_hundred_thousand_mutated_requests_get_only_documented_answers()
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("DOTMESH_FUZZ_SEED"), CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
        output.WriteLine($"seed {seed} (DOTMESH_FUZZ_SEED repeats it)");
        await using var host = await RpcHost.Start();
        await host.Result("Create", new { Namespace = "admin", Name = "precious" });
        await host.Result("RegisterNewUser", new { Name = "mallory", Email = "m@example.com", Password = "mallory-password" });
        var before = host.Fake.Fingerprint();
        using (var warm = new Mutations(seed, host.Pipeline.Methods).Take(2000).GetEnumerator())
        {
            await Send(host, warm);
        }

        var memory = GC.GetTotalMemory(forceFullCollection: true);
        await Task.WhenAll(Enumerable.Range(1, Lanes).Select(lane => Task.Run(async () =>
        {
            using var bodies = new Mutations(seed + lane, host.Pipeline.Methods).Take(Requests / Lanes).GetEnumerator();
            await Send(host, bodies);
        })));

        var grown = GC.GetTotalMemory(forceFullCollection: true) - memory;
        output.WriteLine($"memory grew by {grown / 1024} KiB");
        Assert.True(grown < 16 * 1024 * 1024, $"memory grew by {grown} bytes (seed {seed})");

        // anybody may create in an existing user's namespace (contract 2.3): more dots are right, other dots are not
        Assert.Contains(before, host.Fake.Fingerprint().Split('\n'));
        Assert.All(host.Fake.Fingerprint().Split('\n'), dot => Assert.Matches(@"^[\w-]{1,64}/[\w-]{1,64} [0-9a-f-]{36} ", dot));
        Assert.Equal(0, host.Pipeline.InFlight);
        Assert.True((await host.Result("Ping")).GetBoolean());
    }

    private static async Task Send(RpcHost host, IEnumerator<byte[]> bodies)
    {
        while (bodies.MoveNext())
        {
            // as a user who owns nothing: whatever the mutation hits, it must not be able to change the admin's dot
            using var reply = await host.Post(bodies.Current, "mallory", "mallory-password");
            var answer = await reply.Content.ReadAsByteArrayAsync();
            try
            {
                Check(reply.StatusCode, answer);
            }
            catch (Exception wrong) when (wrong is JsonException or InvalidOperationException or KeyNotFoundException)
            {
                Assert.Fail($"{wrong.Message}\nrequest: {Encoding.UTF8.GetString(bodies.Current)}\nanswer: {Encoding.UTF8.GetString(answer)}");
            }
        }
    }

    private static void Check(HttpStatusCode status, byte[] answer)
    {
        if (status != HttpStatusCode.OK)
        {
            throw new InvalidOperationException($"status {(int)status}");
        }

        if (answer.Length == 0)
        {
            return;
        }

        using var document = JsonDocument.Parse(answer);
        var replies = document.RootElement.ValueKind == JsonValueKind.Array
            ? [.. document.RootElement.EnumerateArray()]
            : new List<JsonElement> { document.RootElement };
        foreach (var reply in replies)
        {
            _ = reply.GetProperty("id");
            if (reply.TryGetProperty("error", out var error) && !Codes.Contains(error.GetProperty("code").GetInt32()))
            {
                throw new InvalidOperationException("an undocumented code");
            }

            if (error.ValueKind == JsonValueKind.Undefined)
            {
                _ = reply.GetProperty("result");
            }
        }
    }

    /// <summary>Endless requests: a call of a real method with nasty values, and then often damaged as bytes.</summary>
    private sealed class Mutations(int seed, MethodTable table)
    {
        private static readonly string[] Nasty =
        [
            "null", "true", "0", "-1", "1e400", "123456789012345678901234567890", "[]", "{}", "[[[[]]]]", "\"\"", "\"master\"",
            "\"admin\"", "\"precious\"", "\"../../../etc/passwd\"", "\"..\"", "\"/\"", "\"a/b\"", "\"a@b@c\"", "\"@\"", "\"precious@master\"",
            "\"a\\u0000b\"", "\"\\ud800\"", "\"%2e%2e%2f\"", "\"precious\\n\"", "\"-rf\"", "\"$(reboot)\"", "\"; drop table dots\"",
            "\"00000000-0000-0000-0000-000000000000\"", "\"\\u202e\"", "{\"Name\":1}", "{\"\":\"\"}", "{\"#commit-id\":\"../x\"}", "{\"A\":\"b\"}",
        ];

        private readonly Random _random = new(seed);

        // changes of mallory herself are allowed and would only end the run: her password and key
        private readonly RpcMethod[] _methods =
            [.. table.All.Where(method => method.Name is not ("DotmeshRPC.UpdatePassword" or "DotmeshRPC.ResetApiKey" or "rpc.discover"))];

        public IEnumerable<byte[]> Take(int count)
        {
            for (var i = 0; i < count; i++)
            {
                yield return Next();
            }
        }

        private byte[] Next()
        {
            var text = _random.Next(20) == 0
                ? "[" + string.Join(',', Enumerable.Range(0, _random.Next(1, 6)).Select(_ => Call())) + "]"
                : Call();
            var bytes = Encoding.UTF8.GetBytes(text);
            for (var damage = _random.Next(4) == 0 ? _random.Next(1, 6) : 0; damage > 0 && bytes.Length > 0; damage--)
            {
                bytes = Damage(bytes);
            }

            return bytes;
        }

        private string Call()
        {
            var method = _methods[_random.Next(_methods.Length)];
            var name = _random.Next(30) == 0 ? Value() : $"\"{method.Name}\"";
            var version = _random.Next(40) == 0 ? Value() : "\"2.0\"";
            return $"{{\"jsonrpc\":{version},\"method\":{name},\"params\":{Params(method)},\"id\":{Value()}}}";
        }

        private string Params(RpcMethod method) => _random.Next(8) == 0 ? Value()
            : method.Style == ParamsStyle.Text ? _random.Next(2) == 0 ? Value() : $"[{Value()}]"
            : "{" + string.Join(',', method.Arguments.Select(argument => $"\"{argument.Name}\":{Value()}")) + "}";

        private string Value() => _random.Next(60) switch
        {
            0 => new string('[', 200) + new string(']', 200),
            1 => $"\"{new string('x', _random.Next(1, 5000))}\"",
            2 => $"\"{(char)_random.Next(0x20, 0xd7ff)}\"".Replace("\\", "", StringComparison.Ordinal),
            _ => Nasty[_random.Next(Nasty.Length)],
        };

        private byte[] Damage(byte[] bytes)
        {
            var at = _random.Next(bytes.Length);
            switch (_random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)_random.Next(256);
                    return bytes;
                case 1:
                    return bytes[..at];
                case 2:
                    return [.. bytes[..at], 0xff, 0xfe, .. bytes[at..]];
                default:
                    return [.. bytes[..at], .. bytes[(at + Math.Min(3, bytes.Length - at))..]];
            }
        }
    }
}
