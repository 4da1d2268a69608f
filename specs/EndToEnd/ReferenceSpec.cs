using System.Text.Json;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>The examples of the 2018 API reference, sent as printed to the port that it documents.</summary>
public sealed class ReferenceSpec
{
    [Fact]
    public async Task Each_example_of_the_reference_gets_every_documented_member_with_the_documented_value()
    {
        await using var host = await RpcHost.StartNode();
        var examples = SpecData.Json("reference-2018.json").EnumerateArray().ToList();
        Assert.Equal(6, examples.Count);
        foreach (var example in examples)
        {
            var request = example.GetProperty("request").GetString()!;
            using var reply = await host.Post(request, port: host.ReferencePort);
            var answer = JsonElement.Parse(await reply.Content.ReadAsStringAsync());
            SpecData.AssertHas(example.GetProperty("response"), answer, request);
        }
    }

    [Fact]
    public async Task The_password_works_in_place_of_the_API_key()
    {
        await using var host = await RpcHost.StartNode();
        Assert.Equal("admin", (await host.Result("CurrentUser", new { }, "admin", RpcHost.Password)).GetProperty("Name").GetString());
    }
}

/// <summary>Files embedded in the specs.</summary>
internal static class SpecData
{
    public static JsonElement Json(string name)
    {
        var assembly = typeof(SpecData).Assembly;
        var resource = assembly.GetManifestResourceNames().Single(file => file.EndsWith(name, StringComparison.Ordinal));
        using var stream = assembly.GetManifestResourceStream(resource)!;
        using var document = JsonDocument.Parse(stream);
        return document.RootElement.Clone();
    }

    /// <summary>Every expected member is there with its value; further ones are allowed.</summary>
    public static void AssertHas(JsonElement expected, JsonElement actual, string where)
    {
        if (expected.ValueKind != JsonValueKind.Object)
        {
            Assert.True(JsonElement.DeepEquals(expected, actual), $"{where}: {actual} is not {expected}");
            return;
        }

        foreach (var member in expected.EnumerateObject())
        {
            Assert.True(actual.TryGetProperty(member.Name, out var value), $"{where}: {member.Name} is missing in {actual}");
            AssertHas(member.Value, value, $"{where} {member.Name}");
        }
    }
}
