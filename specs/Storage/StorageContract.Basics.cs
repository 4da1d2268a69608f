using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Identity, creation, commits and their metadata, labels, listing.</summary>
public abstract partial class StorageContract
{
    [SkippableFact]
    public async Task A_pool_has_an_id_a_size_and_free_space()
    {
        var pool = await Storage.Pool(Ct);
        Assert.Matches("^[0-9a-f]{1,16}$", pool.Id.Value);
        Assert.True(pool.SizeBytes > 0);
        Assert.InRange(pool.FreeBytes, 1, pool.SizeBytes);
        Assert.Equal("ONLINE", pool.Health);
    }

    [SkippableFact]
    public async Task A_pool_keeps_its_id_when_the_node_restarts()
    {
        var before = (await Storage.Pool(Ct)).Id;
        await Restart();
        Assert.Equal(before, (await Storage.Pool(Ct)).Id);
    }

    [SkippableFact]
    public async Task An_empty_pool_lists_nothing() => Assert.Empty(await Storage.List(Ct));

    [SkippableFact]
    public async Task A_created_filesystem_is_mounted_and_has_a_default_subdot_that_all_may_write()
    {
        var id = await Created();
        var path = await Storage.Mount(id, Ct);
        Assert.EndsWith($"/dmfs/{id}", path, StringComparison.Ordinal);
        var subdot = new DirectoryInfo(Path.Combine(path, "__default__"));
        Assert.True(subdot.Exists);
        Assert.Equal((UnixFileMode)0b111_111_111, subdot.UnixFileMode);
        var found = await Found(id);
        Assert.True(found.Mounted);
        Assert.Null(found.Origin);
        Assert.Empty(found.Commits);
    }

    [SkippableFact]
    public async Task A_pool_that_is_closed_to_writers_is_read_until_it_is_opened_to_them_or_anew()
    {
        var path = Path.Combine(await Storage.Mount(await Created(), Ct), "__default__");
        await File.WriteAllTextAsync(Path.Combine(path, "before"), "kept");
        var closes = Storage.Capabilities.Features[StorageCapabilities.ClosesToWriters];
        Assert.Equal(closes, await Storage.SetWritable(false, Ct));
        Assert.Equal("kept", await File.ReadAllTextAsync(Path.Combine(path, "before")));
        if (closes)
        {
            await Assert.ThrowsAnyAsync<Exception>(() => File.WriteAllTextAsync(Path.Combine(path, "meanwhile"), "refused"));
        }

        Assert.Equal(closes, await Storage.SetWritable(true, Ct));
        await File.WriteAllTextAsync(Path.Combine(path, "after"), "taken");
        await Storage.SetWritable(false, Ct);
        await Restart();
        await File.WriteAllTextAsync(Path.Combine(path, "restarted"), "taken");
        Assert.False(File.Exists(Path.Combine(path, "meanwhile")));
    }

    [SkippableFact]
    public async Task Creating_what_exists_is_refused_and_changes_nothing()
    {
        var id = await Created();
        await Write(id, "file", "kept");
        await Refused(StorageFailure.AlreadyExists, () => Storage.Create(id, LabelsOf(id), Ct));
        Assert.Equal("kept", await Read(id, "file"));
    }

    [SkippableFact]
    public async Task What_does_not_exist_is_not_found()
    {
        var nobody = NewFilesystemId();
        Assert.Null(await Storage.Find(nobody, Ct));
        await Refused(StorageFailure.NotFound, () => Storage.Mount(nobody, Ct));
        await Refused(StorageFailure.NotFound, () => Storage.Commit(nobody, NewCommitId(), CommitMetadata.Empty, Ct));
        await Refused(StorageFailure.NotFound, () => Storage.Rollback(nobody, NewCommitId(), Ct));
        await Refused(
            StorageFailure.NotFound,
            () => Storage.Branch(nobody, NewCommitId(), NewFilesystemId(), LabelsOf(nobody), Ct));
        Assert.Empty(await Storage.Usage([nobody], Ct));
    }

    [SkippableFact]
    public async Task A_commit_keeps_what_was_there_and_later_writes_do_not_reach_it()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Write(id, "file", "two");
        Assert.Equal("two", await Read(id, "file"));
        Assert.Equal("one", await ReadAt(id, first, "file"));
    }

    [SkippableFact]
    public async Task A_commit_has_the_id_and_the_metadata_it_was_given()
    {
        var id = await Created();
        var commit = NewCommitId();
        var metadata = Message("hello").With("timestamp", "1516272712508219206");
        var made = await Storage.Commit(id, commit, metadata, Ct);
        Assert.Equal(commit, made.Id);
        Assert.Equal(metadata, made.Metadata);
        var read = Assert.Single((await Found(id)).Commits);
        Assert.Equal(commit, read.Id);
        Assert.Equal(metadata, read.Metadata);
        Assert.NotEqual(0UL, read.Guid);
    }

    [SkippableFact]
    public async Task A_commit_id_that_is_taken_in_the_filesystem_is_refused()
    {
        var id = await Created();
        var commit = await Committed(id, "file", "one");
        await Refused(StorageFailure.AlreadyExists, () => Storage.Commit(id, commit, Message("again"), Ct));
        Assert.Equal("one", Assert.Single((await Found(id)).Commits).Metadata["message"]);
    }

    [SkippableTheory]
    [InlineData("message", "")]
    [InlineData("message", ".")]
    [InlineData("message", "Umlaute: äöü, 日本語, \U0001F680")]
    [InlineData("message", "two\nlines\twith a tab and a \0 zero")]
    [InlineData("upperCase.and-More_1", "value")]
    [InlineData("with space", "value")]
    [InlineData("schlüssel", "value")]
    [InlineData("with=equals,and:colons", "a=b,c:d")]
    public async Task Metadata_is_any_text_under_any_key(string key, string value)
    {
        var id = await Created();
        var metadata = Message("m").With(key, value);
        await Storage.Commit(id, NewCommitId(), metadata, Ct);
        await Restart();
        Assert.Equal(metadata, Assert.Single((await Found(id)).Commits).Metadata);
        Assert.Equal(metadata, Assert.Single(Assert.Single(await Storage.List(Ct)).Commits).Metadata);
    }

    [SkippableTheory]
    [InlineData(2_000)]
    [InlineData(100_000)]
    public async Task Metadata_may_be_long(int length)
    {
        var id = await Created();
        var metadata = Message(new string('x', length)).With("more", new string('é', length / 2));
        await Storage.Commit(id, NewCommitId(), metadata, Ct);
        Assert.Equal(metadata, Assert.Single((await Found(id)).Commits).Metadata);
    }

    [SkippableFact]
    public async Task Metadata_may_have_many_keys()
    {
        var id = await Created();
        var metadata = new CommitMetadata(Enumerable.Range(0, 500).Select(n => KeyValuePair.Create($"key-{n}", $"value {n}")));
        await Storage.Commit(id, NewCommitId(), metadata, Ct);
        Assert.Equal(metadata, Assert.Single((await Found(id)).Commits).Metadata);
    }

    [SkippableFact]
    public async Task Commits_are_listed_oldest_first_with_different_guids()
    {
        var id = await Created();
        var made = new List<CommitId>();
        for (var n = 0; n < 6; n++)
        {
            // ids that sort the other way round
            made.Add((await Storage.Commit(id, new CommitId($"commit-{9 - n}"), Message($"{n}"), Ct)).Id);
        }

        Assert.Equal(made, await CommitsOf(id));
        var listed = Assert.Single(await Storage.List(Ct)).Commits;
        Assert.Equal(made, listed.Select(c => c.Id));
        Assert.Equal(6, listed.Select(c => c.Guid).Distinct().Count());
    }

    [SkippableFact]
    public async Task Commits_of_different_filesystems_may_have_the_same_id()
    {
        var (one, two) = (await Created(), await Created());
        var same = new CommitId("v1");
        await Storage.Commit(one, same, Message("one"), Ct);
        await Storage.Commit(two, same, Message("two"), Ct);
        var listed = (await Storage.List(Ct)).ToDictionary(f => f.Id, f => f.Commits.Single());
        Assert.Equal("one", listed[one].Metadata["message"]);
        Assert.Equal("two", listed[two].Metadata["message"]);
        Assert.NotEqual(listed[one].Guid, listed[two].Guid);
    }

    [SkippableFact]
    public async Task Labels_are_kept_and_can_be_replaced()
    {
        var id = NewFilesystemId();
        var labels = LabelsOf(id) with { OwnerName = "böb the owner" };
        await Storage.Create(id, labels, Ct);
        AssertLabels(labels, (await Found(id)).Labels);
        var shared = labels with
        {
            Name = new("alice", "other"),
            OwnerId = "u-1",
            Collaborators = ImmutableSortedDictionary<string, string>.Empty.AddRange(
                Enumerable.Range(0, 40).Select(n => KeyValuePair.Create($"user-{n:D36}", $"collaborator {n}"))),
        };
        await Storage.SetLabels(id, shared, Ct);
        AssertLabels(shared, (await Found(id)).Labels);
        await Storage.SetLabels(id, labels, Ct);
        await Restart();
        AssertLabels(labels, Assert.Single(await Storage.List(Ct)).Labels);
    }

    [SkippableFact]
    public async Task Everything_is_still_there_when_the_node_restarts()
    {
        var id = await Created();
        var commit = await Committed(id, "file", "committed");
        await Write(id, "file", "not committed");
        var before = await Found(id);
        Assert.Empty(await Restart());
        var after = await Found(id);
        Assert.Equal(before.Commits.Single().Guid, after.Commits.Single().Guid);
        Assert.Equal(commit, after.Commits.Single().Id);
        Assert.Equal("not committed", await Read(id, "file"));
        Assert.Equal("committed", await ReadAt(id, commit, "file"));
    }

    protected static void AssertLabels(FilesystemLabels expected, FilesystemLabels? actual)
    {
        Assert.NotNull(actual);
        Assert.Equal(expected.Collaborators, actual.Collaborators);
        Assert.Equal(expected with { Collaborators = actual.Collaborators }, actual);
    }
}
