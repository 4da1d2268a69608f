using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Dotmesh.Specs.Support;
using Xunit;
using Xunit.Abstractions;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// Replays the exchanges recorded with the original server against a real node. Ids, times and sizes differ from run to run;
/// status, messages, member names and JSON types must not. <see cref="DecidedDifferences"/> is the whole list of exceptions.
/// </summary>
public sealed partial class ConformanceSpec(ITestOutputHelper output)
{
    /// <summary>Steps between the recorded ones that were left out of the recording, by the case that they come before.</summary>
    private static readonly Dictionary<string, (string Method, string Params)[]> LeftOut = new(StringComparer.Ordinal)
    {
        ["set email"] = [("DeleteUserMetadataField", """{"Id":"bob","Field":"CustomerId"}""")],
        ["remove collaborator again"] =
            [("RemoveCollaborator", """{"MasterBranchID":"6e67bd46-c5ab-416c-b23d-1ec85962652d","Collaborator":"bob"}""")],
        ["exists after delete"] = [("Delete", """{"Namespace":"admin","Name":"cap2"}""")],
    };

    /// <summary>Recorded id that is looked up and not seen in an answer, by the case that needs it first.</summary>
    private static readonly Dictionary<string, (string Recorded, string Branch)> LookedUp = new(StringComparer.Ordinal)
    {
        ["get branch"] = ("12a6acf7-65a7-4017-9ff5-191b4e735fe1", "b1"),
    };

    private readonly Dictionary<string, string> _ids = new(StringComparer.Ordinal);
    private readonly List<string> _problems = [];

    [Fact]
    public async Task The_recorded_exchanges_of_the_original_server_are_answered_alike()
    {
        await using var host = await RpcHost.StartNode();
        var cases = SpecData.Json("original-exchanges.json").EnumerateArray().ToList();
        int same = 0, different = 0, skipped = 0;
        foreach (var exchange in cases)
        {
            var name = exchange.GetProperty("name").GetString()!;
            var decided = DecidedDifferences.Find(name);
            if (decided is { Expected: null })
            {
                skipped++;
                continue;
            }

            foreach (var (method, parameters) in LeftOut.GetValueOrDefault(name) ?? [])
            {
                await host.Result(method, JsonElement.Parse(Translate(parameters)));
            }

            if (LookedUp.TryGetValue(name, out var lookedUp))
            {
                var found = await host.Result("Lookup", new { Namespace = "admin", Name = "cap1", lookedUp.Branch });
                _ids[lookedUp.Recorded] = found.GetString()!;
            }

            await Replay(host, exchange, name, decided?.Expected);
            (same, different) = decided is null ? (same + 1, different) : (same, different + 1);
        }

        output.WriteLine($"{cases.Count} recorded: {same} answered alike, {different} differ as decided, {skipped} not applicable yet");
        Assert.True(_problems.Count == 0, string.Join('\n', _problems));
        Assert.All(
            DecidedDifferences.All,
            decided => Assert.Contains(cases, exchange => exchange.GetProperty("name").GetString() == decided.Case));
    }

    [SkippableFact]
    public void The_differences_from_the_original_server_that_were_decided_stand_in_one_table_of_the_documents()
    {
        using var folder = new ScratchFolder();
        var document = File.ReadAllText(folder.Checkout("docs/differences.md"));

        Assert.True(document.Contains(DecidedDifferences.Table(), StringComparison.Ordinal), DecidedDifferences.Table());
    }

    private async Task Replay(RpcHost host, JsonElement exchange, string name, string? decided)
    {
        var body = exchange.GetProperty("body");
        using var request = new HttpRequestMessage(
            new HttpMethod(exchange.GetProperty("method").GetString()!), exchange.GetProperty("path").GetString());
        if (exchange.GetProperty("auth").GetString() != "none")
        {
            var user = exchange.GetProperty("user").GetString()!;
            request.Headers.Authorization = RpcHost.Basic(user, SecretOf(exchange.GetProperty("auth").GetString()!, user, name));
        }

        if (body.ValueKind != JsonValueKind.Null)
        {
            var text = body.ValueKind == JsonValueKind.String ? body.GetString()! : body.GetRawText();
            request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(Translate(text)));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", exchange.GetProperty("contentType").GetString());
        }

        using var reply = await host.Http.SendAsync(request);
        var answer = await reply.Content.ReadAsStringAsync();
        if ((int)reply.StatusCode != exchange.GetProperty("status").GetInt32())
        {
            _problems.Add($"{name}: status {(int)reply.StatusCode}");
        }
        else if (decided is not null)
        {
            Compare(name, "", JsonElement.Parse(decided), JsonElement.Parse(answer));
        }
        else if (exchange.TryGetProperty("responseText", out var expectedText))
        {
            if (expectedText.GetString() != answer)
            {
                _problems.Add($"{name}: '{answer}' instead of '{expectedText}'");
            }
        }
        else
        {
            Compare(name, "", exchange.GetProperty("response"), JsonElement.Parse(answer));
        }
    }

    private static string SecretOf(string auth, string user, string name) => auth switch
    {
        "apikey" => RpcHost.ApiKey,
        "password" => RpcHost.Password,
        _ => user switch
        {
            "alice" => "alice-password",
            "bob" or "bob@example.com" => BobHasChanged(name) ? "bob-password-2" : "bob-password",
            _ => "wrong",
        },
    };

    private static bool BobHasChanged(string name) => name is not ("bob who" or "bob by email" or "bob config"
        or "bob user from name" or "update password" or "old password refused");

    /// <summary>Ids and values that the recorded run made, replaced by those of this run.</summary>
    private string Translate(string text) =>
        _ids.Aggregate(text, (current, pair) => current.Replace(pair.Key, pair.Value, StringComparison.Ordinal));

    private void Compare(string name, string path, JsonElement expected, JsonElement actual)
    {
        if (path == "/error/data" || path.EndsWith("/Metadata/timestamp", StringComparison.Ordinal)
            || path.EndsWith("Bytes", StringComparison.Ordinal) || IsFree(name, path))
        {
            Check(name, path, path is "/error/data" or "/result/Servers[]/Addresses" || expected.ValueKind == actual.ValueKind, expected, actual);
            return;
        }

        if (expected.ValueKind == JsonValueKind.Object && actual.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in expected.EnumerateObject())
            {
                var key = Translate(member.Name);
                if (!actual.TryGetProperty(key, out var value) && NodeId().IsMatch(key) && actual.EnumerateObject().Count() == 1)
                {
                    value = actual.EnumerateObject().Single().Value;
                }

                if (value.ValueKind == JsonValueKind.Undefined)
                {
                    _problems.Add($"{name}: {path}/{key} is missing in {actual}");
                }
                else
                {
                    Compare(name, $"{path}/{key}", member.Value, value);
                }
            }
        }
        else if (expected.ValueKind == JsonValueKind.Array && actual.ValueKind == JsonValueKind.Array)
        {
            Check(name, path, expected.GetArrayLength() == actual.GetArrayLength(), expected, actual);
            foreach (var (one, other) in expected.EnumerateArray().Zip(actual.EnumerateArray()))
            {
                Compare(name, $"{path}[]", one, other);
            }
        }
        else
        {
            Check(name, path, SameScalar(expected, actual), expected, actual);
        }
    }

    /// <summary>An id that is seen for the first time is learnt: from then on it stands for the recorded one.</summary>
    private bool SameScalar(JsonElement expected, JsonElement actual)
    {
        if (expected.ValueKind != JsonValueKind.String || actual.ValueKind != JsonValueKind.String)
        {
            return expected.ValueKind == actual.ValueKind && expected.GetRawText() == actual.GetRawText();
        }

        var (recorded, now) = (expected.GetString()!, actual.GetString()!);
        foreach (var (old, fresh) in Uuid().Matches(recorded).Select(match => match.Value)
            .Zip(Uuid().Matches(now).Select(match => match.Value)))
        {
            _ids.TryAdd(old, fresh);
        }

        return Translate(recorded) == now || (NodeId().IsMatch(recorded) && NodeIdOfAnyLength().IsMatch(now));
    }

    /// <summary>
    /// Order by id differs from run to run, and an entry's members are compared in other cases; the recorded node knew no
    /// addresses; sizes and mount prefixes are the pool's and the option's.
    /// </summary>
    private static bool IsFree(string name, string path) =>
        (name is "all" or "all with branch" && path is "/result/Dots" or "/result/Servers[]/Addresses")
        || (name == "predict full" && path == "/result")
        || (name.StartsWith("procure ", StringComparison.Ordinal) && path == "/result");

    private void Check(string name, string path, bool right, JsonElement expected, JsonElement actual)
    {
        if (!right)
        {
            _problems.Add($"{name}: {path} is {actual} instead of {expected}");
        }
    }

    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", RegexOptions.None, 1000)]
    private static partial Regex Uuid();

    [GeneratedRegex("^[0-9a-f]{16}$", RegexOptions.None, 1000)]
    private static partial Regex NodeId();

    [GeneratedRegex("^[0-9a-f]{1,16}$", RegexOptions.None, 1000)]
    private static partial Regex NodeIdOfAnyLength();
}
