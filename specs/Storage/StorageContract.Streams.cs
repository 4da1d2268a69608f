using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Sending to another pool.</summary>
public abstract partial class StorageContract
{
    [SkippableFact]
    public async Task A_full_stream_brings_all_commits_with_their_metadata_and_ids()
    {
        var id = await Created();
        await Committed(id, "file", "one");
        await Storage.Commit(id, NewCommitId(), Message("two").With("Upper case", "ü").With("long", new string('x', 3000)), Ct);
        var last = await Committed(id, "file", "three");
        await using var other = await OpenAnother();
        await Copy(other, new StreamRange(id, null, last), LabelsOf(id, name: "copy"));
        AssertSameCommits(await Found(id), await Found(other, id));
        Assert.Equal("three", await Read(other, id, "file"));
        AssertLabels(LabelsOf(id, name: "copy"), (await Found(other, id)).Labels);
        Assert.Equal(0, (await other.Usage([id], Ct))[id].DirtyBytes);
    }

    [SkippableFact]
    public async Task A_full_stream_may_end_before_the_newest_commit()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        await Committed(id, "file", "two");
        await using var other = await OpenAnother();
        await Copy(other, new StreamRange(id, null, first), LabelsOf(id));
        Assert.Equal("one", await Read(other, id, "file"));
        Assert.Equal(first, Assert.Single((await Found(other, id)).Commits).Id);
    }

    [SkippableFact]
    public async Task An_incremental_stream_brings_the_commits_that_are_missing()
    {
        var (id, first, other) = await CopiedOnce();
        await using var _ = other;
        await Committed(id, "file", "two");
        var last = await Committed(id, "file", "three");
        await Copy(other, new StreamRange(id, new CommitOrigin(id, first), last), LabelsOf(id));
        AssertSameCommits(await Found(id), await Found(other, id));
        Assert.Equal("three", await Read(other, id, "file"));
    }

    [SkippableFact]
    public async Task A_branch_travels_on_its_origin()
    {
        var (id, first, other) = await CopiedOnce();
        await using var _ = other;
        var branch = await Branched(id, first);
        await Committed(branch, "file", "branch one");
        var last = await Committed(branch, "file", "branch two");
        await Copy(other, new StreamRange(branch, new CommitOrigin(id, first), last), LabelsOf(id, "branch"));
        var found = await Found(other, branch);
        Assert.Equal(new CommitOrigin(id, first), found.Origin);
        AssertSameCommits(await Found(branch), found);
        Assert.Equal("branch two", await Read(other, branch, "file"));
    }

    [SkippableFact]
    public async Task A_stream_onto_a_modified_filesystem_is_refused_and_changes_nothing()
    {
        var (id, first, other) = await CopiedOnce();
        await using var _ = other;
        var last = await Committed(id, "file", "two");
        await Write(other, id, "file", "modified");
        await Refused(
            StorageFailure.Modified, () => Copy(other, new StreamRange(id, new CommitOrigin(id, first), last), LabelsOf(id)));
        Assert.Equal("modified", await Read(other, id, "file"));
        Assert.Single((await Found(other, id)).Commits);
    }

    [SkippableFact]
    public async Task A_stream_on_a_base_that_is_not_the_newest_commit_is_refused()
    {
        var (id, first, other) = await CopiedOnce();
        await using var _ = other;
        var second = await Committed(id, "file", "two");
        var third = await Committed(id, "file", "three");
        await Refused(
            StorageFailure.BadStream, () => Copy(other, new StreamRange(id, new CommitOrigin(id, second), third), LabelsOf(id)));
        Assert.Equal([first], (await Found(other, id)).Commits.Select(c => c.Id));
    }

    [SkippableFact]
    public async Task A_full_stream_onto_what_exists_is_refused()
    {
        var (id, first, other) = await CopiedOnce();
        await using var _ = other;
        await Refused(StorageFailure.AlreadyExists, () => Copy(other, new StreamRange(id, null, first), LabelsOf(id)));
        Assert.Equal("one", await Read(other, id, "file"));
    }

    [SkippableTheory]
    [InlineData(0.0)]
    [InlineData(0.001)]
    [InlineData(0.3)]
    [InlineData(0.9)]
    [InlineData(0.9999)]
    public async Task A_stream_that_was_cut_is_refused_and_leaves_nothing(double part)
    {
        var (id, last, bytes) = await Sent();
        await using var other = await OpenAnother();
        var cut = bytes[..(int)(bytes.Length * part)];
        await Refused(
            StorageFailure.BadStream,
            () => other.Receive(new StreamRange(id, null, last), LabelsOf(id), new MemoryStream(cut), Ct));
        Assert.Empty(await other.List(Ct));
        await other.Receive(new StreamRange(id, null, last), LabelsOf(id), new MemoryStream(bytes), Ct);
        Assert.Equal("two", await Read(other, id, "file"));
    }

    [SkippableTheory]
    [InlineData(0.2)]
    [InlineData(0.6)]
    [InlineData(0.99)]
    public async Task A_stream_that_broke_off_goes_on_where_the_pool_says(double part)
    {
        var (id, last, bytes) = await Sent();
        var range = new StreamRange(id, null, last);
        await using var other = await OpenAnother();
        Assert.Null(await other.ResumePoint(range, Ct));
        await Assert.ThrowsAnyAsync<Exception>(() => other.Receive(range, LabelsOf(id), new Gone(bytes[..(int)(bytes.Length * part)]), Ct));
        Assert.Empty(await other.List(Ct));
        var rest = await Storage.Sent(range, await other.ResumePoint(range, Ct));
        await other.Receive(range, LabelsOf(id), new MemoryStream(rest), Ct);
        AssertSameCommits(await Found(id), await Found(other, id));
        Assert.Equal(await Read(Storage, id, "big"), await Read(other, id, "big"));
        Assert.Null(await other.ResumePoint(range, Ct));
    }

    [SkippableFact]
    public async Task A_place_that_no_stream_has_is_refused_before_anything_is_sent()
    {
        var (id, last, _) = await Sent();
        var stream = new MemoryStream();
        await Refused(StorageFailure.BadStream, () => Storage.Send(new StreamRange(id, null, last), "nowhere", stream, Ct));
        Assert.Equal(0, stream.Length);
    }

    [SkippableTheory]
    [InlineData(0.0)]
    [InlineData(0.02)]
    [InlineData(0.5)]
    [InlineData(0.8)]
    public async Task A_stream_with_a_flipped_bit_is_refused_and_leaves_nothing(double part)
    {
        var (id, last, bytes) = await Sent();
        await using var other = await OpenAnother();
        bytes[(int)(bytes.Length * part)] ^= 0x10;
        await Refused(
            StorageFailure.BadStream,
            () => other.Receive(new StreamRange(id, null, last), LabelsOf(id), new MemoryStream(bytes), Ct));
        Assert.Empty(await other.List(Ct));
    }

    [SkippableTheory]
    [InlineData(0.3)]
    [InlineData(0.6)]
    [InlineData(0.9)]
    [InlineData(0.9999)]
    public async Task An_incremental_stream_that_was_cut_leaves_no_commit_of_it(double part)
    {
        var (id, first, other) = await CopiedOnce();
        await using var _ = other;
        await Committed(id, "file", "two");
        await Committed(id, "file", "three");
        var last = await Committed(id, "file", "four");
        var range = new StreamRange(id, new CommitOrigin(id, first), last);
        var bytes = await Storage.Sent(range);
        var before = await Found(other, id);
        await Refused(
            StorageFailure.BadStream,
            () => other.Receive(range, LabelsOf(id), new MemoryStream(bytes[..(int)(bytes.Length * part)]), Ct));
        AssertSameCommits(before, await Found(other, id));
        Assert.Equal("one", await Read(other, id, "file"));
        Assert.Equal(0, (await other.Usage([id], Ct))[id].DirtyBytes);
        await other.Receive(range, LabelsOf(id), new MemoryStream(bytes), Ct);
        AssertSameCommits(await Found(id), await Found(other, id));
        Assert.Equal("four", await Read(other, id, "file"));
    }

    [SkippableFact]
    public async Task Whatever_ends_a_stream_nothing_of_it_stays_and_what_is_committed_afterwards_survives_the_next_start()
    {
        var (id, first, other) = await CopiedOnce();
        await using var _ = other;
        await Committed(id, "file", "two");
        var last = await Committed(id, "file", "three");
        var range = new StreamRange(id, new CommitOrigin(id, first), last);
        var bytes = await Storage.Sent(range);

        await Assert.ThrowsAsync<ObjectDisposedException>(
            () => other.Receive(range, LabelsOf(id), new Gone(bytes[..(bytes.Length * 3 / 4)]), Ct));

        Assert.Equal([first], (await Found(other, id)).Commits.Select(commit => commit.Id));
        var own = await other.Commit(id, NewCommitId(), CommitMetadata.Empty, Ct);
        await other.Recover(Ct);
        Assert.Equal([first, own.Id], (await Found(other, id)).Commits.Select(commit => commit.Id));
    }

    [SkippableFact]
    public async Task A_foreign_stream_is_refused_and_leaves_nothing()
    {
        var id = NewFilesystemId();
        var foreign = new MemoryStream(Enumerable.Range(0, 100_000).Select(n => (byte)(n * 7)).ToArray());
        await Refused(
            StorageFailure.BadStream, () => Storage.Receive(new StreamRange(id, null, NewCommitId()), LabelsOf(id), foreign, Ct));
        Assert.Empty(await Storage.List(Ct));
    }

    [SkippableFact]
    public async Task A_size_is_predicted()
    {
        var id = await Created();
        await Write(id, "file", new string('x', 2_000_000));
        var first = await Committed(id);
        await Write(id, "more", new string('y', 500_000));
        var second = await Committed(id);
        foreach (var range in new[] { new StreamRange(id, null, second), new StreamRange(id, new CommitOrigin(id, first), second) })
        {
            var stream = new MemoryStream();
            await Storage.Send(range, stream, Ct);
            var predicted = await Storage.PredictSize(range, Ct);
            Assert.InRange(predicted, stream.Length * 0.8, stream.Length * 1.2);
        }
    }

    [SkippableFact]
    public async Task Sending_what_is_not_there_is_not_found()
    {
        var id = await Created();
        var commit = await Committed(id);
        await Refused(StorageFailure.NotFound, () => Storage.Send(new(id, null, NewCommitId()), Stream.Null, Ct));
        await Refused(StorageFailure.NotFound, () => Storage.Send(new(id, new(id, NewCommitId()), commit), Stream.Null, Ct));
        await Refused(StorageFailure.NotFound, () => Storage.Send(new(NewFilesystemId(), null, commit), Stream.Null, Ct));
    }

    private async Task Copy(IStorage other, StreamRange range, FilesystemLabels labels)
    {
        var stream = new MemoryStream();
        await Storage.Send(range, stream, Ct);
        stream.Position = 0;
        await other.Receive(range, labels, stream, Ct);
    }

    private async Task<(FilesystemId Id, CommitId First, IStorage Other)> CopiedOnce()
    {
        var id = await Created();
        var first = await Committed(id, "file", "one");
        var other = await OpenAnother();
        await Copy(other, new StreamRange(id, null, first), LabelsOf(id));
        return (id, first, other);
    }

    private async Task<(FilesystemId Id, CommitId Last, byte[] Bytes)> Sent()
    {
        var id = await Created();
        await Write(id, "big", string.Concat(Enumerable.Range(0, 40_000).Select(n => $"{n} ")));
        await Committed(id, "file", "one");
        var last = await Committed(id, "file", "two");
        return (id, last, await Storage.Sent(new StreamRange(id, null, last)));
    }

    /// <summary>A connection that is taken away under whoever reads from it.</summary>
    private sealed class Gone(byte[] content) : ReadOnlyStream
    {
        private readonly MemoryStream _content = new(content);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await _content.ReadAsync(buffer, cancellationToken);
            return count > 0 ? count : throw new ObjectDisposedException("the connection");
        }
    }

    /// <summary>Times are the pool's own; all else travels.</summary>
    private static void AssertSameCommits(StoredFilesystem expected, StoredFilesystem actual) => Assert.Equal(
        expected.Commits.Select(c => (c.Id, c.Guid, c.Metadata)), actual.Commits.Select(c => (c.Id, c.Guid, c.Metadata)));
}
