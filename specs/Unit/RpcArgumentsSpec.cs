using System.Text;
using Dotmesh.Rpc.JsonRpc;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class RpcArgumentsSpec
{
    private static readonly Argument Name = Argument.Text("Name", "TopLevelFilesystemName");
    private static readonly Argument Metadata = Argument.TextMap("Metadata");
    private static readonly Argument Inner = Argument.Text("Token");
    private static readonly Argument Details = Argument.Object("PaymentDeets", Inner);
    private static readonly Argument[] Shape = [Name, Metadata, Details];

    [Theory]
    [InlineData("""{"Name":"x"}""", "x")]
    [InlineData("""{"nAmE":"x"}""", "x")]
    [InlineData("""{"N\u0061me":"x"}""", "x")]
    [InlineData("""{"TopLevelFilesystemName":"x"}""", "x")]
    [InlineData("""{"TopLevelFilesystemName":"old","Name":"x"}""", "x")]
    [InlineData("""{"Name":"x","TopLevelFilesystemName":"old"}""", "x")]
    [InlineData("""[{"Name":"x"}]""", "x")]
    [InlineData("""[{"Name":"x"},5]""", "x")]
    [InlineData("""{"Name":"x","Unknown":[{"a":1}]}""", "x")]
    [InlineData("""{"Name":null}""", "")]
    [InlineData("{}", "")]
    [InlineData("[]", "")]
    [InlineData("[null]", "")]
    [InlineData("null", "")]
    [InlineData("", "")]
    public void Both_vocabularies_any_case_and_arrays_of_one_are_understood(string json, string name) =>
        Assert.Equal(name, Read(json, ParamsStyle.Object).Arguments!.Text(Name));

    [Theory]
    [InlineData("""{"Name":5}""", "Name must be a string, not a number")]
    [InlineData("""{"Name":{}}""", "Name must be a string, not an object")]
    [InlineData("""{"TopLevelFilesystemName":[]}""", "TopLevelFilesystemName must be a string, not an array")]
    [InlineData("""{"Name":"\ud800"}""", "Name is not valid Unicode")]
    [InlineData("""{"Metadata":"x"}""", "Metadata must be an object of strings, not a string")]
    [InlineData("""{"Metadata":{"a":1}}""", "Metadata.a must be a string, not a number")]
    [InlineData("""{"PaymentDeets":{"Token":true}}""", "PaymentDeets.Token must be a string, not a boolean")]
    [InlineData("""{"PaymentDeets":7}""", "PaymentDeets must be an object, not a number")]
    [InlineData("5", "an object is expected, not a number")]
    [InlineData("[[]]", "an object is expected, not an array")]
    public void A_wrong_type_is_refused_naming_the_member(string json, string text)
    {
        var (arguments, error) = Read(json, ParamsStyle.Object);
        Assert.Null(arguments);
        Assert.Equal((-32602, $"Invalid params: {text}."), (error!.Code, error.Message));
    }

    [Fact]
    public void Maps_and_objects_are_read()
    {
        var arguments = Read("""{"Metadata":{"b":"2","a":null},"PaymentDeets":{"token":"t"}}""", ParamsStyle.Object).Arguments!;
        Assert.Equal(["", "2"], arguments.TextMap(Metadata)!.OrderBy(pair => pair.Key).Select(pair => pair.Value));
        Assert.Equal("t", arguments.Object(Details)!.Text(Inner));
    }

    [Theory]
    [InlineData("\"x\"", "x")]
    [InlineData("[\"x\"]", "x")]
    [InlineData("null", "")]
    [InlineData("[]", "")]
    [InlineData("", "")]
    public void A_bare_string_may_stand_in_an_array(string json, string value) =>
        Assert.Equal(value, Read(json, ParamsStyle.Text).Arguments!.Text(Name));

    [Theory]
    [InlineData("{}")]
    [InlineData("5")]
    [InlineData("[5]")]
    public void Anything_else_than_a_bare_string_is_refused(string json) =>
        Assert.Equal(-32602, Read(json, ParamsStyle.Text).Error!.Code);

    private static (Arguments? Arguments, RpcError? Error) Read(string json, ParamsStyle style) =>
        ArgumentsReader.Read(Encoding.UTF8.GetBytes(json), style, Shape);
}
