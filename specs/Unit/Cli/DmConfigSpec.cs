using System.Text.Json.Nodes;
using Dotmesh.Cli.Config;
using Dotmesh.Client;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Unit.Cli;

public sealed class DmConfigSpec
{
    /// <summary>As the original's command line writes it (contract 7.2).</summary>
    private static readonly string Original =
        """
        {"CurrentRemote":"local",
        "Remotes":{
        "local":{"User":"admin","Hostname":"127.0.0.1","Port":32607,"ApiKey":"VVKG","CurrentVolume":"apples",
        "CurrentBranches":{"apples":"branch1"},"DefaultRemoteVolumes":{"admin":{"bananas":{"Namespace":"alice","Name":"bananas"}}}},
        "hub":{"User":"alice","Hostname":"hub.example.com","ApiKey":"k","CurrentVolume":"","CurrentBranches":null,"DefaultRemoteVolumes":null}},
        "S3Remotes":{"aws":{"KeyID":"AKIA","SecretKey":"s","Endpoint":"",
        "DefaultRemoteVolumes":{"admin":{"mydot":{"Namespace":"","Name":"bucket","Prefixes":["subset/"]}}}}}}
        """.ReplaceLineEndings("");

    [Fact]
    public void A_file_of_the_original_is_read()
    {
        var config = DmConfig.Parse(Original)!;

        Assert.Equal("local", config.CurrentRemote);
        Assert.Equal(["hub", "local"], config.RemoteNames);
        Assert.Equal(["aws"], config.S3RemoteNames);
        Assert.Equal(new Remote("admin", "127.0.0.1", 32607, "VVKG"), config.Remote("local"));
        Assert.Equal(new Remote("alice", "hub.example.com", 0, "k"), config.Remote("hub"));
        Assert.Equal(new DotName("admin", "apples"), config.CurrentDot("local"));
        Assert.Null(config.CurrentDot("hub"));
        Assert.Equal("branch1", config.CurrentBranch("local", new DotName("admin", "apples")));
        Assert.Equal("master", config.CurrentBranch("hub", new DotName("admin", "apples")));
        Assert.Equal(new DotName("alice", "bananas"), config.Upstream("local", new DotName("admin", "bananas")));
        Assert.Null(config.Upstream("hub", new DotName("admin", "bananas")));
        Assert.Equal(Original + "\n", config.ToText());
    }

    [Fact]
    public void What_is_not_known_stays_and_null_maps_become_maps_when_they_are_needed()
    {
        var config = DmConfig.Parse("""{"Remotes":{"hub":{"User":"a","Colour":"red","CurrentBranches":null,"DefaultRemoteVolumes":null}},"Newer":[1,2]}""")!;

        config.SetCurrentBranch("hub", new DotName("admin", "apples"), "dev");
        config.SetUpstream("hub", new DotName("bob", "pears"), new DotName("carol", "plums"));
        config.SetCurrentDot("hub", new DotName("bob", "pears"));

        Assert.Equal(
            """{"Remotes":{"hub":{"User":"a","Colour":"red","CurrentBranches":{"apples":"dev"},"DefaultRemoteVolumes":{"bob":{"pears":{"Namespace":"carol","Name":"plums"}}},"CurrentVolume":"bob/pears"}},"Newer":[1,2]}""" + "\n",
            config.ToText());
    }

    [Fact]
    public void A_remote_that_is_current_leaves_none_when_it_goes_and_a_dot_leaves_nothing()
    {
        var config = DmConfig.Parse(Original)!;
        config.Forget("local", new DotName("admin", "apples"));
        config.Forget("local", new DotName("admin", "bananas"));
        Assert.Null(config.CurrentDot("local"));
        Assert.Equal("master", config.CurrentBranch("local", new DotName("admin", "apples")));
        Assert.Null(config.Upstream("local", new DotName("admin", "bananas")));

        Assert.True(config.RemoveRemote("local"));
        Assert.True(config.RemoveRemote("aws"));
        Assert.False(config.RemoveRemote("local"));
        Assert.Equal(("", 1), (config.CurrentRemote, config.RemoteNames.Count));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{")]
    [InlineData("""{"Remotes":[]}""")]
    [InlineData("""{"S3Remotes":"x"}""")]
    public void What_is_no_config_file_is_not_taken_for_an_empty_one(string text) => Assert.Null(DmConfig.Parse(text));

    [Fact]
    public async Task Many_runs_at_once_lose_nothing_and_keep_the_file_private()
    {
        using var folder = new ScratchFolder();
        var path = Path.Combine(folder.Path, "deep", "config");

        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() =>
            new ConfigFile(path).Update(config => config.AddRemote($"r{i:00}", new Remote("admin", "host", i, "k")), default))));

        Assert.Equal(40, new ConfigFile(path).Read().RemoteNames.Count);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        Assert.Equal(["config", "config.lock"], Directory.GetFiles(Path.GetDirectoryName(path)!).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(1, File.ReadAllText(path).Count(letter => letter == '\n'));
    }

    [Fact]
    public async Task A_link_stays_a_link()
    {
        using var folder = new ScratchFolder();
        var (real, link) = (Path.Combine(folder.Path, "real"), Path.Combine(folder.Path, "link"));
        await File.WriteAllTextAsync(real, """{"CurrentRemote":"x"}""");
        File.CreateSymbolicLink(link, real);

        await new ConfigFile(link).Update(config => config.CurrentRemote = "y", default);

        Assert.Equal(real, new FileInfo(link).LinkTarget);
        Assert.Equal("y", (string?)JsonNode.Parse(await File.ReadAllTextAsync(real))!["CurrentRemote"]);
    }
}
