using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>The start of a stream in addresses and records (contract 3.4, 6.4).</summary>
public sealed class StreamStartSpec
{
    private const string Here = "05652ba4-acb8-4349-4711-956bd0c88c8c";
    private const string Parent = "61f356f0-39a4-4e0e-6286-e04d25744344";

    private static readonly FilesystemId Filesystem = new(Here);
    private static readonly CommitId Target = new("target");

    [Theory]
    [InlineData("START", null, null)]
    [InlineData("b8b3c196-2caa-4562-6995-51df3b4bc494", Here, "b8b3c196-2caa-4562-6995-51df3b4bc494")]
    [InlineData("my_commit-1", Here, "my_commit-1")]
    [InlineData("start", Here, "start")]
    [InlineData(Parent + "@my_commit-1", Parent, "my_commit-1")]
    public void A_start_is_read_as_a_range_and_written_as_it_was(string text, string? filesystem, string? commit)
    {
        var range = StreamStart.Parse(text).Value.To(Filesystem, Target);
        var from = filesystem is null ? null : new CommitOrigin(new FilesystemId(filesystem), new CommitId(commit!));
        Assert.Equal(new StreamRange(Filesystem, from, Target), range);
        Assert.Equal(text, StreamStart.Of(range).ToString());
    }

    [Fact]
    public void A_commit_that_is_called_START_is_told_from_the_start()
    {
        var range = new StreamRange(Filesystem, new CommitOrigin(Filesystem, new CommitId("START")), Target);
        var text = StreamStart.Of(range).ToString();
        Assert.Equal($"{Here}@START", text);
        Assert.Equal(range, StreamStart.Parse(text).Value.To(Filesystem, Target));
    }

    [Theory]
    [InlineData("", "snapshot cannot be empty")]
    [InlineData("a b", "invalid snapshot name, should match pattern: ^[a-zA-Z0-9_\\-]{1,64}$")]
    [InlineData("commit\n", "invalid snapshot name, should match pattern: ^[a-zA-Z0-9_\\-]{1,64}$")]
    [InlineData("../x", "invalid snapshot name, should match pattern: ^[a-zA-Z0-9_\\-]{1,64}$")]
    [InlineData("@commit", "filesystem id cannot be empty")]
    [InlineData(Parent + "@", "snapshot cannot be empty")]
    [InlineData(Parent + "@a@b", "invalid snapshot name, should match pattern: ^[a-zA-Z0-9_\\-]{1,64}$")]
    [InlineData("pool/other@commit", "invalid filesystem id, should match pattern: ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    [InlineData("05652BA4-acb8-4349-4711-956bd0c88c8c@c", "invalid filesystem id, should match pattern: ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    [InlineData(Parent + "\n@c", "invalid filesystem id, should match pattern: ^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
    public void What_is_no_start_is_refused_with_what_it_should_be(string text, string refusal) =>
        Assert.Equal(new Refusal(RefusalCode.Invalid, refusal), StreamStart.Parse(text).Refusal);
}
