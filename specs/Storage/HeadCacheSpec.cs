using Dotmesh.Actors.Storage.Directory;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Measuring sizes reads heads while commits replace them.</summary>
public sealed class HeadCacheSpec
{
    private readonly HeadCache _cache = new(100);

    [Fact]
    public void A_head_that_was_read_before_a_commit_does_not_replace_the_commits()
    {
        var stamp = _cache.Stamp("dot");
        var (read, committed) = (Head(1), Head(1));
        _cache.Put("dot", committed);
        _cache.Offer("dot", read, stamp);
        Assert.Same(committed, _cache.TryGet("dot"));
    }

    [Fact]
    public void A_head_that_was_read_before_a_rollback_is_not_kept()
    {
        var stamp = _cache.Stamp("dot");
        _cache.Drop("dot");
        _cache.Offer("dot", Head(1), stamp);
        Assert.Null(_cache.TryGet("dot"));
    }

    [Fact]
    public void A_head_that_nobody_changed_is_kept()
    {
        var read = Head(1);
        _cache.Offer("dot", read, _cache.Stamp("dot"));
        Assert.Same(read, _cache.TryGet("dot"));
    }

    [Fact]
    public void What_was_used_longest_ago_goes_first()
    {
        _cache.Put("one", Head(30));
        _cache.Put("two", Head(30));
        Assert.NotNull(_cache.TryGet("one"));
        _cache.Put("three", Head(30));
        Assert.Null(_cache.TryGet("two"));
        Assert.NotNull(_cache.TryGet("one"));
        Assert.NotNull(_cache.TryGet("three"));
    }

    private static Head Head(int entries)
    {
        var tree = new TreeNode { Name = [], Mode = 0x41ED };
        return new(new FilesystemInfo(null, null, "0", 1), [], 0, tree, 0, new FullManifest("0", tree, 0, 0), entries);
    }
}
