using Dotmesh.WebConsole.Serving;
using Xunit;

namespace Dotmesh.Specs.Unit.WebConsole;

public sealed class SignInSpec
{
    [Theory]
    [InlineData("/ui/dots/admin/apples?q=1", "/ui/dots/admin/apples?q=1")]
    [InlineData("/ui/", "/ui/")]
    [InlineData("https://elsewhere.example/", "/ui")]
    [InlineData("//elsewhere.example/ui/", "/ui")]
    [InlineData("/ui/\\elsewhere.example", "/ui")]
    [InlineData("/rpc", "/ui")]
    [InlineData("", "/ui")]
    [InlineData(null, "/ui")]
    public void Signing_in_leads_to_pages_of_the_console_only(string? to, string expected) => Assert.Equal(expected, SignIn.Within(to));
}
