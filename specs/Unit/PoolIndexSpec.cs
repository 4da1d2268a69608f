using System.Collections.Concurrent;
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
    public void A_commit_that_is_made_while_the_pool_is_read_is_not_forgotten_and_not_known_twice()
    {
        var index = new PoolIndex();
        index.Put(new StoredFilesystem(Dot, null, Labels, false, []));
        var (before, seen) = (index.Find(Dot), index.Look(Dot));

        index.Append(Dot, Commit("a"));

        Assert.False(index.TryPut(Dot, before, seen));
        Assert.True(index.TryPut(Dot, before! with { Commits = [Commit("a"), Commit("b")] }, index.Look(Dot)));
        index.Append(Dot, Commit("b"));
        Assert.Equal(["a", "b"], index.Commits(Dot).Select(commit => commit.Id.Value));
    }

    [Fact]
    public async Task A_pool_that_is_read_again_and_again_while_commits_are_made_loses_none_of_them()
    {
        const int Commits = 3000;
        var index = new PoolIndex();
        var pool = new ConcurrentQueue<StoredCommit>();
        index.Put(new StoredFilesystem(Dot, null, Labels, false, []));
        var committing = Task.Run(() =>
        {
            for (var n = 0; n < Commits; n++)
            {
                pool.Enqueue(Commit($"{n}"));
                index.Append(Dot, Commit($"{n}"));
            }
        });

        while (!committing.IsCompleted)
        {
            var seen = index.Look(Dot);
            index.TryPut(Dot, new StoredFilesystem(Dot, null, Labels, false, [.. pool]), seen);
        }

        await committing;
        Assert.Equal(pool.Select(commit => commit.Id), index.Commits(Dot).Select(commit => commit.Id));
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

    private static StoredCommit Commit(string id) => new(new CommitId(id), 1, default, CommitMetadata.Empty);
}
