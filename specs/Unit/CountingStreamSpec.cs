using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class CountingStreamSpec
{
    [Fact]
    public async Task Who_writes_much_at_once_is_seen_on_the_way_and_all_of_it_arrives()
    {
        var content = new byte[300_000];
        Random.Shared.NextBytes(content);
        var (told, output) = (new List<long>(), new MemoryStream());

        await new CountingStream(output, told.Add).WriteAsync(content);

        Assert.Equal(content, output.ToArray());
        Assert.Equal([65_535, 131_070, 196_605, 262_140, 300_000], told);
    }
}
