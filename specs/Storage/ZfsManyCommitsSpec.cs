using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>What many commits cost to receive: their metadata comes with the stream, without a process for each property.</summary>
public sealed class ZfsManyCommitsSpec
{
    private const int Commits = 12, OfTheDataset = 12;

    private static CancellationToken Ct => CancellationToken.None;

    [SkippableTheory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task Commits_are_received_with_their_metadata_in_a_number_of_commands_that_does_not_depend_on_theirs(bool onABase, bool plain)
    {
        Lanes.Require(Lanes.Zfs);
        await using var from = await ZfsPool.Create(256L << 20);
        await using var source = await from.Open(new Faults());
        await using var pool = await ZfsSpecPool.Make();
        var (id, labels) = (ZfsSpecPool.New, ZfsSpecPool.Labels(ZfsSpecPool.New));
        await source.Create(id, labels, Ct);
        var commits = Enumerable.Range(0, Commits + 1).Select(n => new CommitId($"commit-{n:00}")).ToList();
        foreach (var commit in commits)
        {
            await source.Commit(id, commit, new CommitMetadata([new("message", $"of {commit}"), new("author", "é"), new("timestamp", "1"), new("empty", "")]), Ct);
        }

        var range = new StreamRange(id, null, commits[^1]);
        if (onABase)
        {
            await Received(pool, source, range with { To = commits[0] }, labels, plain: false);
            range = range with { From = new CommitOrigin(id, commits[0]) };
        }

        var calls = Path.Combine(pool.Tools.Root, "calls");
        pool.Tools.On("set", $"echo x >> '{calls}'");
        await Received(pool, source, range, labels, plain);

        Assert.Equal(await Known(source, id), await Known(pool.Storage, id));
        Assert.InRange(File.ReadAllLines(calls).Length, 1, OfTheDataset);
    }

    [SkippableTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_was_made_here_keeps_its_labels_its_mount_and_its_metadata_when_commits_come_for_it(bool plain)
    {
        Lanes.Require(Lanes.Zfs);
        await using var to = await ZfsPool.Create(256L << 20);
        await using var other = await to.Open(new Faults());
        await using var pool = await ZfsSpecPool.Make();
        var (id, labels) = (ZfsSpecPool.Id, ZfsSpecPool.Labels(ZfsSpecPool.Id));
        using (var whole = new MemoryStream())
        {
            var range = new StreamRange(id, null, ZfsSpecPool.Second);
            await pool.Storage.Send(range, whole, Ct);
            whole.Position = 0;
            await other.Receive(range, labels, whole, Ct);
        }

        var commits = Enumerable.Range(0, Commits).Select(n => new CommitId($"commit-{n:00}")).ToList();
        foreach (var commit in commits)
        {
            await other.Commit(id, commit, new CommitMetadata([new("message", $"of {commit}")]), Ct);
        }

        foreach (var upTo in new[] { commits[3], commits[^1] })
        {
            var newest = (await pool.Storage.Find(id, Ct))!.Commits[^1].Id;
            await Received(pool, other, new StreamRange(id, new CommitOrigin(id, newest), upTo), labels, plain);
            var there = (await pool.Storage.Find(id, Ct))!;
            Assert.Equal((labels.Name, labels.OwnerId, labels.Dot, true), (there.Labels?.Name, there.Labels?.OwnerId, there.Labels?.Dot, there.Mounted));
            Assert.Equal(upTo, there.Commits[^1].Id);
        }

        Assert.Equal(await Known(other, id), await Known(pool.Storage, id));
        Assert.Equal("two", await pool.Read(id));
    }

    private static async Task<IEnumerable<string>> Known(IStorage storage, FilesystemId id) => (await storage.Find(id, Ct))!.Commits
        .Select(commit => $"{commit.Id} {commit.Guid} {string.Join(',', commit.Metadata.Select(pair => $"{pair.Key}={pair.Value}"))}");

    private static async Task Received(ZfsSpecPool pool, IStorage source, StreamRange range, FilesystemLabels labels, bool plain)
    {
        using var stream = new MemoryStream();
        if (!plain)
        {
            await source.Send(range, stream, Ct);
            stream.Position = 0;
            await pool.Storage.Receive(range, labels, stream, Ct);
            return;
        }

        await source.SendPlain(range, stream, Ct);
        stream.Position = 0;
        var told = (await source.Find(range.Filesystem, Ct))!.Commits.ToDictionary(commit => commit.Id, commit => commit.Metadata);
        await pool.Storage.ReceivePlain(range, labels, told, stream, Ct);
    }
}
