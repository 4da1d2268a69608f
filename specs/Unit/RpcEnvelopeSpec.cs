using System.Text;
using Dotmesh.Rpc.JsonRpc;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class RpcEnvelopeSpec
{
    private static readonly EnvelopeLimits Limits = new();

    [Theory]
    [InlineData("1")]
    [InlineData("6129484611666146000")]
    [InlineData("123456789012345678901234567890")]
    [InlineData("1.50")]
    [InlineData("-1e-3")]
    [InlineData("\"text \\u00e9 \\ud800\"")]
    [InlineData("[1, 2,  3]")]
    [InlineData("{ \"a\" : [ null ] }")]
    [InlineData("false")]
    public void An_id_of_any_type_is_kept_byte_for_byte(string id)
    {
        var call = Read("{\"jsonrpc\":\"2.0\",\"method\":\"A.B\",\"id\": " + id + " ,\"params\":{}}").Single;
        Assert.Null(call.Error);
        Assert.Equal(id, Text(call.Id));
    }

    [Theory]
    [InlineData("""{"jsonrpc":"2.0","method":"A.B"}""")]
    [InlineData("""{"jsonrpc":"2.0","method":"A.B","id":null}""")]
    public void Without_an_id_or_with_null_it_is_a_notification(string body) => Assert.True(Read(body).Single.IsNotification);

    [Theory]
    [InlineData("""{"JSONRPC":"2.0","Method":"A.B","ID":7,"Params":[1]}""")]
    [InlineData("""{"jsonrpc":"2.0","method":"A.B","i\u0064":7,"params":[1]} trailing bytes are ignored""")]
    [InlineData("""{"jsonrpc":"2.0","method":"X","method":"A.B","id":6,"id":7,"other":{"a":[{}]},"params":[1]}""")]
    public void Member_names_are_matched_without_case_and_the_last_one_counts(string body)
    {
        var call = Read(body).Single;
        Assert.Equal(("A.B", "7", "[1]"), (call.Method, Text(call.Id), Text(call.Params)));
    }

    [Theory]
    [InlineData("{nope", -32700)]
    [InlineData("", -32700)]
    [InlineData("   ", -32700)]
    [InlineData("""{"jsonrpc":"2.0","method":"A.B","id":1""", -32700)]
    [InlineData("""[{"jsonrpc":"2.0","method":"A.B","id":1},{"jsonrpc""", -32700)]
    [InlineData("""{"jsonrpc":"2.0","method":"A.B","id":01}""", -32700)]
    [InlineData("[]", -32600)]
    [InlineData("1", -32600)]
    [InlineData("null", -32600)]
    [InlineData("\"text\"", -32600)]
    public void A_body_that_is_no_request_is_an_error_of_the_whole(string body, int code) =>
        Assert.Equal(code, Read(body).Error!.Code);

    [Theory]
    [InlineData("""{"method":"A.B","id":1}""", "jsonrpc must be 2.0")]
    [InlineData("""{"jsonrpc":2.0,"method":"A.B","id":1}""", "jsonrpc must be 2.0")]
    [InlineData("""{"jsonrpc":"\ud800","method":"A.B","id":1}""", "jsonrpc must be 2.0")]
    [InlineData("""{"jsonrpc":"1.0","method":"A.B","id":1}""", "jsonrpc must be 2.0")]
    [InlineData("""{"jsonrpc":"2.0","id":1}""", "method is missing.")]
    [InlineData("""{"jsonrpc":"2.0","method":5,"id":1}""", "method must be a string.")]
    [InlineData("""{"jsonrpc":"2.0","method":"\ud800","id":1}""", "method must be a string.")]
    public void A_request_object_with_wrong_members_is_refused_under_its_id(string body, string message)
    {
        var call = Read(body).Single;
        Assert.Equal((-32600, message, "1"), (call.Error!.Code, call.Error.Message, Text(call.Id)));
    }

    [Fact]
    public void Bytes_that_are_not_utf8_are_a_parse_error() =>
        Assert.Equal(-32700, EnvelopeReader.Read(new byte[] { 0x7b, 0x22, 0xff, 0x22, 0x7d }, Limits).Error!.Code);

    [Theory]
    [InlineData(60, true)]
    [InlineData(70, false)]
    [InlineData(100_000, false)]
    public void Nesting_is_limited(int depth, bool accepted)
    {
        var deep = new string('[', depth) + new string(']', depth);
        var body = Read("{\"jsonrpc\":\"2.0\",\"method\":\"A.B\",\"id\":1,\"params\":" + deep + "}");
        Assert.Equal(accepted, body.Error is null);
        Assert.Equal(accepted ? null : -32600, body.Error?.Code);
    }

    [Theory]
    [InlineData(100, true)]
    [InlineData(101, false)]
    public void A_batch_has_a_hundred_requests_at_most(int count, bool accepted)
    {
        var one = """{"jsonrpc":"2.0","method":"A.B","id":1}""";
        var body = Read("[" + string.Join(',', Enumerable.Repeat(one, count)) + "]");
        Assert.Equal(accepted ? count : null, body.Batch?.Length);
        Assert.Equal(accepted ? null : -32600, body.Error?.Code);
    }

    [Fact]
    public void Wrong_elements_of_a_batch_are_refused_one_by_one()
    {
        var batch = Read("""[1,[2,[3]],{"jsonrpc":"2.0","method":"A.B","id":1},{}]""").Batch!;
        Assert.Equal([-32600, -32600, null, -32600], batch.Select(call => call.Error?.Code));
    }

    private static RequestBody Read(string body) => EnvelopeReader.Read(Encoding.UTF8.GetBytes(body), Limits);

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
