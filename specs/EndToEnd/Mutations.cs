using System.Text;
using Dotmesh.Rpc.JsonRpc;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// Endless requests: a call of a real method with nasty values, or with values that hit the bait, and then often damaged
/// as bytes. The same seed gives the same requests.
/// </summary>
/// <param name="bait">By argument: values that mean something on this node.</param>
internal sealed class Mutations(int seed, MethodTable table, IReadOnlyDictionary<string, string[]> bait)
{
    private static readonly string[] Nasty =
    [
        "null", "true", "0", "-1", "1e400", "123456789012345678901234567890", "[]", "{}", "[[[[]]]]", "\"\"", "\"master\"",
        "\"admin\"", "\"bait\"", "\"../../../etc/passwd\"", "\"..\"", "\"/\"", "\"a/b\"", "\"a@b@c\"", "\"@\"", "\"bait@master\"",
        "\"a\\u0000b\"", "\"\\ud800\"", "\"%2e%2e%2f\"", "\"bait\\n\"", "\"-rf\"", "\"$(reboot)\"", "\"; drop table dots\"",
        "\"00000000-0000-0000-0000-000000000000\"", "\"\\u202e\"", "{\"Name\":1}", "{\"\":\"\"}", "{\"#commit-id\":\"../x\"}", "{\"A\":\"b\"}",
    ];

    private readonly Random _random = new(seed);

    // a caller may change the own password and key, which would only end the run
    private readonly RpcMethod[] _methods =
        [.. table.All.Where(method => method.Name is not ("DotmeshRPC.UpdatePassword" or "DotmeshRPC.ResetApiKey"))];

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
        : method.Style == ParamsStyle.Text ? _random.Next(2) == 0 ? Value("id") : $"[{Value("id")}]"
        : "{" + string.Join(',', method.Arguments.SelectMany(Members)) + "}";

    /// <summary>By its name; by its older one, if it has one, in a third of the cases, and sometimes by both.</summary>
    private IEnumerable<string> Members(Argument argument)
    {
        var names = argument.OldName is not { } older ? [argument.Name]
            : _random.Next(6) switch
            {
                0 or 1 => [older],
                2 => [older, argument.Name],
                _ => new[] { argument.Name },
            };
        return names.Select(name => $"\"{name}\":{ValueOf(argument)}");
    }

    private string ValueOf(Argument argument) => argument.Kind == ArgumentKind.Object && _random.Next(2) == 0
        ? "{" + string.Join(',', argument.Members.SelectMany(Members)) + "}"
        : Value(argument.Name);

    private string Value(string argument) =>
        _random.Next(4) == 0 && bait.TryGetValue(argument, out var known) ? $"\"{known[_random.Next(known.Length)]}\"" : Value();

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
