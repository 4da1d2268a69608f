using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Commands;
using Dotmesh.Actors.Storage.Zfs;
using Dotmesh.Specs.Support;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// A pool for the specs of bad surroundings. It holds a filesystem with the commits c1 (<c>one</c>) and c2 (<c>two</c>),
/// <c>two</c> still lying there, and a branch of c2; and it knows every operation by name.
/// </summary>
internal sealed class ZfsSpecPool : IAsyncDisposable
{
    public static readonly FilesystemId Id = new("dot"), Branch = new("branch"), New = new("new");
    public static readonly CommitId First = new("c1"), Second = new("c2"), Third = new("c3");

    private readonly CommandRunner _runner;

    private ZfsSpecPool(ZfsPool pool, TroubledTools tools, TimeSpan stallAfter)
    {
        (Pool, Tools) = (pool, tools);
        _runner = new(new() { StallAfter = stallAfter, KillGrace = TimeSpan.FromSeconds(20) }, TimeProvider.System, NullLoggerFactory.Instance);
    }

    public ZfsPool Pool { get; }

    public TroubledTools Tools { get; }

    public IStorage Storage { get; private set; } = null!;

    /// <summary>What another pool sent: all of <see cref="New"/> up to c2.</summary>
    public byte[] FullStream { get; private set; } = [];

    /// <summary>The same as a plain stream.</summary>
    public byte[] PlainStream { get; private set; } = [];

    private static CancellationToken Ct => CancellationToken.None;

    /// <param name="stallAfter">
    /// How long a command may do nothing. A sound one waits for the daemon's transaction groups, which are seconds apart when others write; null:
    /// longer than that ever takes.
    /// </param>
    public static async Task<ZfsSpecPool> Make(long bytes = 256L << 20, TimeSpan? stallAfter = null)
    {
        var pool = await ZfsPool.Create(bytes);
        var made = new ZfsSpecPool(pool, new TroubledTools(Path.Combine(pool.Folder, "tools")), stallAfter ?? TimeSpan.FromMinutes(1));
        made.Storage = await made.Open();
        await made.Storage.Create(Id, Labels(Id), Ct);
        await made.Write(Id, "one");
        await made.Commit(First);
        await made.Write(Id, "two");
        await made.Commit(Second);
        await made.Storage.Branch(Id, Second, Branch, Labels(Id, "branch"), Ct);
        return made;
    }

    public async Task<IStorage> Open() => await ZfsStorage.Open(
        new ZfsStorageOptions(Pool.Name, Pool.Mounts) { ZfsRoot = Tools.Root }, _runner, new Faults(), TimeProvider.System,
        NullLoggerFactory.Instance, Ct);

    /// <summary>A stream of another pool, to be received here as <see cref="New"/>.</summary>
    public async Task MakeStream(int bytes)
    {
        await using var other = await ZfsPool.Create(256L << 20);
        await using var storage = await other.Open(new Faults());
        await storage.Create(New, Labels(New), Ct);
        var file = Path.Combine(await storage.Mount(New, Ct), "__default__", "file");
        // the same content in every run
        var random = new Random(1);
        foreach (var commit in new[] { First, Second })
        {
            var content = new byte[bytes];
            random.NextBytes(content);
            await File.WriteAllBytesAsync(file, content);
            await storage.Commit(New, commit, CommitMetadata.Empty, Ct);
        }

        FullStream = await storage.Sent(new StreamRange(New, null, Second));
        PlainStream = await SentPlain(storage, new StreamRange(New, null, Second));
    }

    public static async Task<byte[]> SentPlain(IStorage storage, StreamRange range)
    {
        using var stream = new MemoryStream();
        await storage.SendPlain(range, stream, Ct);
        return stream.ToArray();
    }

    public Task Commit(CommitId commit) =>
        Storage.Commit(Id, commit, new([KeyValuePair.Create("message", commit.Value)]), Ct);

    public async Task Write(FilesystemId id, string text) => await File.WriteAllTextAsync(await FileOf(id), text);

    /// <summary>An empty text when there is no such file.</summary>
    public async Task<string> Read(FilesystemId id) =>
        await FileOf(id) is var file && File.Exists(file) ? await File.ReadAllTextAsync(file) : "";

    public async Task<string> FileOf(FilesystemId id) => Path.Combine(await Storage.Mount(id, Ct), "__default__", "file");

    public static FilesystemLabels Labels(FilesystemId dot, string branch = "") =>
        new(dot, new DotName("admin", "test"), branch, "00000000-0000-0000-0000-000000000000", "admin",
            ImmutableSortedDictionary<string, string>.Empty);

    /// <summary>Everything that the pool holds of use, as text.</summary>
    public async Task<string> State()
    {
        var lines = new List<string>();
        foreach (var found in (await Storage.List(Ct)).OrderBy(f => f.Id.Value, StringComparer.Ordinal))
        {
            var commits = string.Join(",", found.Commits.Select(c => $"{c.Id}={c.Metadata["message"]}"));
            lines.Add($"{found.Id} from {found.Origin} holds {commits}: {await Read(found.Id)}");
        }

        return string.Join('\n', lines);
    }

    /// <summary>Names of temporaries: none when nothing is half done.</summary>
    public async Task<IEnumerable<string>> Leftovers() =>
        (await Pool.Run("zfs", "list", "-H", "-o", "name", "-r", Pool.Name)).Split('\n')
            .Where(name => name.Contains(':', StringComparison.Ordinal) && !name.Contains(":view:", StringComparison.Ordinal));

    /// <summary>A node that starts anew on the same pool.</summary>
    public async Task Restart()
    {
        await Storage.DisposeAsync();
        Storage = await Open();
        await Storage.Recover(Ct);
    }

    public async ValueTask DisposeAsync()
    {
        await Storage.DisposeAsync();
        _runner.Dispose();
        await Pool.DisposeAsync();
    }
}

/// <summary>Each operation of the storage by name, for a pool as <see cref="ZfsSpecPool"/> makes it.</summary>
internal static class ZfsOperations
{
    private static CancellationToken Ct => CancellationToken.None;

    public static readonly IReadOnlyDictionary<string, Func<ZfsSpecPool, Task>> All =
        new Dictionary<string, Func<ZfsSpecPool, Task>>(StringComparer.Ordinal)
        {
            ["pool"] = p => p.Storage.Pool(Ct),
            ["list"] = async p => Assert.Equal(2, (await p.Storage.List(Ct)).Count),
            ["find"] = async p => Assert.Equal(2, (await p.Storage.Find(ZfsSpecPool.Id, Ct))!.Commits.Length),
            ["usage"] = async p => Assert.Single(await p.Storage.Usage([ZfsSpecPool.Id], Ct)),
            ["commit sizes"] = async p => Assert.Equal(2, (await p.Storage.CommitSizes(ZfsSpecPool.Id, Ct)).Count),
            ["predict"] = async p => Assert.InRange(await p.Storage.PredictSize(new(ZfsSpecPool.Id, null, ZfsSpecPool.Second), Ct), 1, long.MaxValue),
            ["send"] = async p => Assert.NotEmpty(await p.Storage.Sent(new(ZfsSpecPool.Id, null, ZfsSpecPool.Second))),
            ["create"] = p => p.Storage.Create(ZfsSpecPool.New, ZfsSpecPool.Labels(ZfsSpecPool.New), Ct),
            ["commit"] = p => p.Commit(ZfsSpecPool.Third),
            ["branch"] = p => p.Storage.Branch(
                ZfsSpecPool.Id, ZfsSpecPool.First, ZfsSpecPool.New, ZfsSpecPool.Labels(ZfsSpecPool.Id, "new"), Ct),
            ["rollback"] = p => p.Storage.Rollback(ZfsSpecPool.Id, ZfsSpecPool.Second, Ct),
            ["rollback under a branch"] = p => p.Storage.Rollback(ZfsSpecPool.Id, ZfsSpecPool.First, Ct),
            ["stash"] = p => p.Storage.Stash(
                ZfsSpecPool.Id, ZfsSpecPool.First, ZfsSpecPool.New, ZfsSpecPool.Labels(ZfsSpecPool.Id, "stash"), Ct),
            ["mount commit"] = p => p.Storage.MountCommit(ZfsSpecPool.Id, ZfsSpecPool.First, Ct),
            ["labels"] = p => p.Storage.SetLabels(ZfsSpecPool.Id, ZfsSpecPool.Labels(ZfsSpecPool.Id) with { Epoch = 7 }, Ct),
            ["receive"] = p => p.Storage.Receive(
                new(ZfsSpecPool.New, null, ZfsSpecPool.Second), ZfsSpecPool.Labels(ZfsSpecPool.New), new MemoryStream(p.FullStream), Ct),
            ["predict plain"] = async p => Assert.InRange(
                await p.Storage.PredictPlain(new(ZfsSpecPool.Id, null, ZfsSpecPool.Second), Ct), 1, long.MaxValue),
            ["send plain"] = async p => Assert.NotEmpty(await ZfsSpecPool.SentPlain(p.Storage, new(ZfsSpecPool.Id, null, ZfsSpecPool.Second))),
            ["receive plain"] = p => p.Storage.ReceivePlain(
                new(ZfsSpecPool.New, null, ZfsSpecPool.Second), ZfsSpecPool.Labels(ZfsSpecPool.New),
                new Dictionary<CommitId, CommitMetadata> { [ZfsSpecPool.First] = new([KeyValuePair.Create("message", "c1")]) },
                new MemoryStream(p.PlainStream), Ct),
            ["destroy"] = p => p.Storage.Destroy(ZfsSpecPool.Branch, Ct),
        };
}
