using Dotmesh.Actors;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Actors.Users;

namespace Dotmesh.Specs.Support;

/// <summary>A node in this process with pool, directory and journal that outlive it, and one-line words for what specs do.</summary>
internal sealed class OneNode : IAsyncDisposable
{
    public static readonly Caller Admin = MemoryUsers.As(MemoryUsers.Admin);
    public static readonly Caller Alice = MemoryUsers.As(MemoryUsers.Alice);
    public static readonly Caller Bob = MemoryUsers.As(MemoryUsers.Bob);

    private readonly bool _ownsFolder;
    private DotmeshSystem? _system;

    private OneNode(string folder, bool ownsFolder)
    {
        Folder = folder;
        _ownsFolder = ownsFolder;
        Memory = new MemoryStorage(folder);
        Storage = Memory;
        Settings = new DotmeshSystemSettings(JournalIn(folder), Path.Combine(folder, "mnt"))
        {
            SerializeMessages = true,
            Deadline = TimeSpan.FromSeconds(20),
        };
    }

    public string Folder { get; }

    public MemoryStorage Memory { get; }

    public IStorage Storage { get; set; }

    public IDirectory Directory { get; set; } = new MemoryDirectory();

    public IUsers Users { get; set; } = new MemoryUsers();

    public Faults Faults { get; } = new();

    /// <summary>Null: without transfers.</summary>
    public TransferServices? Transfers { get; set; }

    public DotmeshSystemSettings Settings { get; set; }

    public LogLines Log { get; } = new();

    public DotmeshSystem System => _system ?? throw new InvalidOperationException("not started");

    public IDots Dots => System.Dots;

    /// <summary>In memory as far as a file system can be: most of what these specs do is to wait for the disk.</summary>
    public static OneNode New()
    {
        var parent = global::System.IO.Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        var folder = Path.Combine(parent, $"dotmesh-spec-{new RandomIds().NewId()}");
        global::System.IO.Directory.CreateDirectory(folder);
        return new OneNode(folder, ownsFolder: true);
    }

    public static async Task<OneNode> Started()
    {
        var node = New();
        await node.Start();
        return node;
    }

    /// <summary>A second node on the same pool, directory and journal.</summary>
    public OneNode Twin() => new(Folder, ownsFolder: false) { Storage = Storage, Directory = Directory, Users = Users };

    public async Task Start()
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        _system = await DotmeshSystem.Start(
            Settings, Storage, Directory, Users, Faults, TimeProvider.System, new RandomIds(), Log, limit.Token, transfers: Transfers);
    }

    /// <summary>Crashes and starts again on the same pool, directory and journal.</summary>
    public async Task Restart()
    {
        await System.Abandon();
        await Start();
    }

    public async Task<DotTarget> Dot(string name, Caller? by = null)
    {
        var made = await Dots.Create(by ?? Admin, Name(name), CancellationToken.None);
        _ = made.Value;
        return Find(name);
    }

    public DotTarget Find(string name, string branch = "") => Dots.Resolve(Admin, Name(name), branch, Right.Use).Value;

    public async Task<CommitId> Commit(DotTarget target, string message = "a message", string? id = null) =>
        (await TryCommit(target, message, id)).Value;

    public Task<Outcome<CommitId>> TryCommit(DotTarget target, string message = "a message", string? id = null) =>
        Dots.Commit(
            Admin,
            target,
            new CommitRequest(
                id is null ? null : new CommitId(id), new CommitMetadata([KeyValuePair.Create("message", message)])),
            CancellationToken.None);

    public async Task<IEnumerable<string>> Commits(DotTarget target) =>
        (await Dots.Commits(target, CancellationToken.None)).Value.Select(commit => commit.Metadata["message"] ?? "").ToList();

    public async Task<DotTarget> Branch(DotTarget source, string name, CommitId at)
    {
        _ = (await Dots.Branch(Admin, source, name, at, CancellationToken.None)).Value;
        return Find(source.Dot.Name.ToString(), name);
    }

    public async ValueTask DisposeAsync()
    {
        if (_system is not null)
        {
            await _system.DisposeAsync();
        }

        if (_ownsFolder)
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            global::System.IO.Directory.Delete(Folder, recursive: true);
        }
    }

    private static JournalSettings JournalIn(string folder) => JournalSettings.Sqlite(
        new Microsoft.Data.Sqlite.SqliteConnectionStringBuilder
        {
            DataSource = Path.Combine(folder, "dotmesh.db"),
            DefaultTimeout = 30,
        }.ConnectionString,
        failure => new DatabaseException(failure.Message, failure));

    public static DotName Name(string name) =>
        name.Split('/') is [var ns, var dot] ? new DotName(ns, dot) : new DotName("admin", name);
}
