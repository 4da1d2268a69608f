using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Filesystems;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class PoolIndexSpec
{
    private static readonly FilesystemId Dot = new("dot");
    private static readonly FilesystemLabels Labels =
        new(Dot, new DotName("admin", "d"), "", "0", "admin", ImmutableSortedDictionary<string, string>.Empty);

    [Fact]
    public async Task Whoever_reads_while_a_filesystem_is_put_or_labelled_again_finds_it()
    {
        var index = new PoolIndex();
        index.Put(new StoredFilesystem(Dot, null, Labels, false, []));
        var read = Task.Run(() => Enumerable.Range(0, 300_000).Count(_ => !index.Contains(Dot) || index.OfDot(Dot).Count != 1));

        for (var epoch = 0L; !read.IsCompleted; epoch++)
        {
            index.SetLabels(Dot, Labels with { Epoch = epoch });
        }

        Assert.Equal(0, await read);
    }

    [Fact]
    public void A_filesystem_whose_labels_name_another_dot_belongs_to_that_one_alone()
    {
        var (index, other) = (new PoolIndex(), new FilesystemId("other"));
        index.Put(new StoredFilesystem(Dot, null, Labels, false, []));

        index.SetLabels(Dot, Labels with { Dot = other });

        Assert.Equal([Dot], index.OfDot(other));
        Assert.Empty(index.OfDot(Dot));
    }
}
