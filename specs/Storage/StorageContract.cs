using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// What every storage driver does (design D4). A driver's spec class inherits this and says how its pool is opened; the
/// facts are in the files <c>StorageContract.*.cs</c>. All facts are <c>[SkippableFact]</c>, so that a lane that is off
/// shows as skipped.
/// </summary>
public abstract partial class StorageContract : IAsyncLifetime
{
    private static readonly RandomIds Ids = new();

    private IStorage? _storage;

    /// <summary>The pool under test, open.</summary>
    protected IStorage Storage => _storage ?? throw new InvalidOperationException("The pool is not open.");

    /// <summary>The fault points that <see cref="Open"/> hands to the driver.</summary>
    protected Faults Faults { get; } = new();

    protected CancellationToken Ct => CancellationToken.None;

    /// <summary>Opens the spec's pool: an empty one at first, later the same again, as a restarted node would.</summary>
    protected abstract Task<IStorage> Open();

    /// <summary>Makes and opens another, empty pool.</summary>
    protected abstract Task<IStorage> OpenAnother();

    /// <summary>An empty pool that holds about so many bytes; null when this driver's lane has no such thing.</summary>
    protected abstract Task<IStorage?> OpenSmall(long bytes);

    /// <summary>
    /// Names of the fault points of an operation (<c>create</c>, <c>commit</c>, <c>branch</c>, <c>rollback</c>,
    /// <c>stash</c>, <c>destroy</c>, <c>receive</c>), in the order in which it passes them.
    /// </summary>
    protected abstract IReadOnlyList<string> FaultPointsOf(string operation);

    /// <summary>Before anything is opened: skips when the lane is off.</summary>
    protected virtual Task Prepare() => Task.CompletedTask;

    /// <summary>After everything was closed: removes the pools.</summary>
    protected virtual Task CleanUp() => Task.CompletedTask;

    public async Task InitializeAsync()
    {
        await Prepare();
        _storage = await Open();
        await _storage.Recover(Ct);
    }

    public async Task DisposeAsync()
    {
        if (_storage is not null)
        {
            await _storage.DisposeAsync();
        }

        await CleanUp();
    }

    /// <summary>What a restart of the node does: close, open the same pool, recover.</summary>
    protected async Task<IReadOnlyList<string>> Restart()
    {
        await Storage.DisposeAsync();
        _storage = await Open();
        return await Storage.Recover(Ct);
    }

    protected static FilesystemId NewFilesystemId() => new(Ids.NewId());

    protected static CommitId NewCommitId() => new(Ids.NewId());

    protected static FilesystemLabels LabelsOf(FilesystemId dot, string branch = "", string name = "test") =>
        new(dot, new DotName("admin", name), branch, "00000000-0000-0000-0000-000000000000", "admin",
            ImmutableSortedDictionary<string, string>.Empty);

    protected static CommitMetadata Message(string message) =>
        new([KeyValuePair.Create("message", message), KeyValuePair.Create("author", "admin")]);

    protected async Task<FilesystemId> Created()
    {
        var id = NewFilesystemId();
        await Storage.Create(id, LabelsOf(id), Ct);
        return id;
    }

    protected async Task<FilesystemId> Branched(FilesystemId source, CommitId at, string name = "branch")
    {
        var id = NewFilesystemId();
        await Storage.Branch(source, at, id, LabelsOf(source, name), Ct);
        return id;
    }

    protected async Task Write(FilesystemId id, string file, string text) => await Write(Storage, id, file, text);

    protected async Task Write(IStorage storage, FilesystemId id, string file, string text)
    {
        var path = Path.Combine(await storage.Mount(id, Ct), "__default__", file);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, text, Ct);
    }

    /// <summary>The file's text, or null when there is none.</summary>
    protected async Task<string?> Read(FilesystemId id, string file) => await Read(Storage, id, file);

    protected async Task<string?> Read(IStorage storage, FilesystemId id, string file)
    {
        var path = Path.Combine(await storage.Mount(id, Ct), "__default__", file);
        return File.Exists(path) ? await File.ReadAllTextAsync(path, Ct) : null;
    }

    protected async Task<string?> ReadAt(FilesystemId id, CommitId commit, string file)
    {
        var path = Path.Combine(await Storage.MountCommit(id, commit, Ct), "__default__", file);
        return File.Exists(path) ? await File.ReadAllTextAsync(path, Ct) : null;
    }

    /// <summary>Writes one file and commits.</summary>
    protected async Task<CommitId> Committed(FilesystemId id, string file, string text)
    {
        await Write(id, file, text);
        return await Committed(id, text);
    }

    protected async Task<CommitId> Committed(FilesystemId id, string message = "a commit") =>
        (await Storage.Commit(id, NewCommitId(), Message(message), Ct)).Id;

    protected async Task<StoredFilesystem> Found(FilesystemId id) => await Found(Storage, id);

    protected async Task<StoredFilesystem> Found(IStorage storage, FilesystemId id)
    {
        var found = await storage.Find(id, Ct);
        Assert.NotNull(found);
        return found;
    }

    protected async Task<CommitId[]> CommitsOf(FilesystemId id) => (await Found(id)).Commits.Select(c => c.Id).ToArray();

    protected async Task<long> DirtyOf(FilesystemId id) => (await Storage.Usage([id], Ct))[id].DirtyBytes;

    protected static async Task<StorageException> Refused(StorageFailure failure, Func<Task> call)
    {
        var refusal = await Assert.ThrowsAsync<StorageException>(call);
        Assert.True(refusal.Failure == failure, $"{failure} was expected: {refusal.Failure}: {refusal.Message}");
        return refusal;
    }

    /// <summary>What a read-only filesystem or a driver's own guard says to a writer.</summary>
    protected static async Task RefusesWrites(string path)
    {
        var refusal = await Record.ExceptionAsync(() => File.WriteAllTextAsync(path, "no"));
        Assert.True(refusal is IOException or UnauthorizedAccessException, $"Written to {path}: {refusal}");
    }
}
