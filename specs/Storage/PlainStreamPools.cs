using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// Two pools for the specs of plain streams: one that sends and one that receives, each with our driver, and with the <c>zfs</c> program as
/// an original server uses it.
/// </summary>
public abstract class PlainStreamPools : IAsyncLifetime
{
    private static readonly RandomIds Ids = new();

    private readonly List<ZfsPool> _pools = [];

    /// <summary>Where dots are made.</summary>
    protected IStorage Here { get; private set; } = null!;

    /// <summary>Where they go to.</summary>
    protected IStorage There { get; private set; } = null!;

    protected ZfsPool HerePool => _pools[0];

    protected ZfsPool TherePool => _pools[1];

    /// <summary>Of the receiving driver.</summary>
    protected Faults Faults { get; } = new();

    protected virtual string Lane => Lanes.Zfs;

    protected static CancellationToken Ct => CancellationToken.None;

    public async Task InitializeAsync()
    {
        Lanes.Require(Lane);
        _pools.Add(await ZfsPool.Create(512L << 20));
        _pools.Add(await ZfsPool.Create(512L << 20));
        Here = await Open(HerePool, new Faults());
        There = await Open(TherePool, Faults);
    }

    public async Task DisposeAsync()
    {
        foreach (var pool in _pools)
        {
            await pool.DisposeAsync();
        }
    }

    /// <summary>What a restart of the receiving node does.</summary>
    protected async Task<IReadOnlyList<string>> RestartThere()
    {
        await There.DisposeAsync();
        There = await Open(TherePool, Faults);
        return await There.Recover(Ct);
    }

    protected static FilesystemId NewFilesystemId() => new(Ids.NewId());

    protected static CommitId NewCommitId() => new(Ids.NewId());

    protected static FilesystemLabels LabelsOf(FilesystemId dot, string branch = "", string name = "test") =>
        new(dot, new DotName("admin", name), branch, "00000000-0000-0000-0000-000000000000", "admin",
            ImmutableSortedDictionary<string, string>.Empty);

    protected static CommitMetadata Message(string message) =>
        new([KeyValuePair.Create("message", message), KeyValuePair.Create("author", "admin")]);

    protected static StreamRange From(FilesystemId id, CommitId from, CommitId to) => new(id, new CommitOrigin(id, from), to);

    /// <summary>A dataset or snapshot of a pool by its name.</summary>
    protected static string Name(ZfsPool pool, FilesystemId id, CommitId? commit = null) =>
        commit is null ? $"{pool.Name}/dmfs/{id}" : $"{pool.Name}/dmfs/{id}@{commit}";

    /// <summary>A dot with so many commits, whose files say <c>1</c>, <c>2</c> ...</summary>
    protected async Task<(FilesystemId Id, CommitId[] Commits)> Made(int commits)
    {
        var id = NewFilesystemId();
        await Here.Create(id, LabelsOf(id), Ct);
        return (id, await Continued(id, 1, commits));
    }

    protected async Task<CommitId[]> Continued(FilesystemId id, int first, int commits)
    {
        var made = new List<CommitId>();
        foreach (var n in Enumerable.Range(first, commits))
        {
            await Write(Here, id, $"{n}");
            made.Add(await Committed(id, $"{n}"));
        }

        return [.. made];
    }

    protected async Task<CommitId> Committed(FilesystemId id, string message) =>
        (await Here.Commit(id, NewCommitId(), Message(message), Ct)).Id;

    protected async Task Write(IStorage storage, FilesystemId id, string text)
    {
        var folder = Path.Combine(await storage.Mount(id, Ct), "__default__");
        await File.WriteAllTextAsync(Path.Combine(folder, "file"), text);
        // so that a stream has more than one record of data
        await File.WriteAllTextAsync(Path.Combine(folder, $"big{text}"), string.Concat(Enumerable.Range(0, 20_000).Select(n => $"{text}{n} ")));
    }

    protected static async Task<string> Read(IStorage storage, FilesystemId id) =>
        await File.ReadAllTextAsync(Path.Combine(await storage.Mount(id, Ct), "__default__", "file"));

    protected async Task<byte[]> Sent(StreamRange range)
    {
        using var stream = new MemoryStream();
        await Here.SendPlain(range, stream, Ct);
        return stream.ToArray();
    }

    protected Task Receive(StreamRange range, byte[] stream, IReadOnlyDictionary<CommitId, CommitMetadata>? metadata = null) =>
        There.ReceivePlain(range, LabelsOf(range.Filesystem), metadata, new MemoryStream(stream), Ct);

    /// <summary>Stream of the one, made by hand as an original does, into our driver.</summary>
    protected async Task<StoredFilesystem> ReceiveByHand(StreamRange range, params string[] send)
    {
        await Receive(range, await HerePool.Send(send));
        return await Found(There, range.Filesystem);
    }

    protected static async Task<StoredFilesystem> Found(IStorage storage, FilesystemId id)
    {
        var found = await storage.Find(id, Ct);
        Assert.NotNull(found);
        return found;
    }

    /// <summary>Refused as a bad stream, and nothing is left of it.</summary>
    protected async Task RefusesWhole(StreamRange range, byte[] stream, string because = "")
    {
        await Refused(StorageFailure.BadStream, () => Receive(range, stream), because);
        Assert.Empty(await There.List(Ct));
        Assert.Equal([$"{TherePool.Name}/dmfs"], await Datasets(TherePool));
    }

    protected static async Task Refused(StorageFailure failure, Func<Task> call, string because = "")
    {
        var refusal = await Record.ExceptionAsync(call);
        Assert.True(refusal is StorageException why && why.Failure == failure, $"{failure} was expected: {refusal}");
        Assert.Contains(because, refusal!.Message, StringComparison.Ordinal);
    }

    /// <summary>Everything below a pool but the pool itself, without snapshots.</summary>
    protected static async Task<string[]> Datasets(ZfsPool pool) =>
        [.. (await pool.Run("zfs", "list", "-H", "-o", "name", "-r", $"{pool.Name}/dmfs")).Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary><c>property=value</c> of what was set on a dataset or its snapshots, or came with them.</summary>
    protected static async Task<string[]> SetOn(ZfsPool pool, string name) =>
    [
        .. (await pool.Run("zfs", "get", "-H", "-r", "-s", "local,received", "-o", "name,property,value", "all", name))
            .Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')).Select(f => $"{f[0]} {f[1]}={f[2]}"),
    ];

    protected static void AssertSameCommits(StoredFilesystem expected, StoredFilesystem actual) => Assert.Equal(
        expected.Commits.Select(c => (c.Id, c.Guid, c.Metadata)), actual.Commits.Select(c => (c.Id, c.Guid, c.Metadata)));

    private static async Task<IStorage> Open(ZfsPool pool, Faults faults) => await pool.Open(faults);
}
