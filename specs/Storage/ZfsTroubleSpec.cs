using System.Collections.Concurrent;
using System.Collections.Immutable;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Zfs;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// The programs misbehave: missing, killed before their work or after it, hanging, printing what nobody expects, or
/// saying what a pool in trouble says. Each operation then fails with an error that says what to do, or has been done;
/// with the programs well again the same storage goes on, and nothing is lost or half done.
/// </summary>
public sealed class ZfsTroubleSpec
{
    private const string Suspended =
        "echo \"cannot open '$2': pool I/O is currently suspended\" >&2; exit 1";

    private const string DaemonGone =
        "echo 'connect: Connection refused' >&2; echo 'Please make sure that the zfs-fuse daemon is running.' >&2; "
        + "echo 'internal error: failed to initialize ZFS library' >&2; exit 1";

    private const string Full = "echo \"cannot $1 '$2': out of space\" >&2; exit 1";

    // what an operation leaves when nothing fails: the same for all its steps
    private static readonly ConcurrentDictionary<string, Task<string>> Done = new(StringComparer.Ordinal);

    private static CancellationToken Ct => CancellationToken.None;

    public static TheoryData<string> Operations => [.. ZfsOperations.All.Keys];

    /// <summary>Operation, and a sub-command that it runs.</summary>
    public static TheoryData<string, string> Steps => new()
    {
        { "create", "create" }, { "commit", "snapshot" }, { "branch", "clone" }, { "rollback", "rollback" },
        { "rollback under a branch", "set" }, { "rollback under a branch", "rename" }, { "rollback under a branch", "clone" },
        { "rollback under a branch", "promote" }, { "rollback under a branch", "destroy" }, { "stash", "set" },
        { "stash", "rename" }, { "stash", "clone" }, { "stash", "promote" }, { "stash", "inherit" }, { "labels", "set" },
        { "mount commit", "clone" }, { "receive", "receive" }, { "receive", "rename" }, { "receive", "set" },
        { "receive plain", "receive" }, { "receive plain", "rename" }, { "receive plain", "set" },
        { "destroy", "rename" }, { "destroy", "destroy" }, { "destroy", "unmount" },
    };

    [SkippableFact]
    public async Task Commits_that_were_made_after_a_receive_that_could_not_even_be_undone_survive_the_next_start()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        await pool.Storage.Destroy(ZfsSpecPool.Branch, Ct);
        var range = new StreamRange(ZfsSpecPool.Id, new CommitOrigin(ZfsSpecPool.Id, ZfsSpecPool.Second), ZfsSpecPool.Third);

        // what was begun is noted in the pool, and then neither the receive nor its undoing gets anything done
        pool.Tools.On("receive", "exit 1");
        pool.Tools.On("inherit", "exit 1");
        var stream = new MemoryStream();
        await ZfsFrame.WriteHeader(
            new ZfsStreamHeader("c3", "dot", "c2", 1, ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>>.Empty), stream, Ct);
        await ZfsFrame.WriteChunk(new byte[100], stream, Ct);
        stream.Position = 0;
        await Assert.ThrowsAsync<StorageException>(() => pool.Storage.Receive(range, ZfsSpecPool.Labels(ZfsSpecPool.Id), stream, Ct));
        pool.Tools.Calm();
        await pool.Commit(ZfsSpecPool.Third);

        await pool.Restart();

        var found = await pool.Storage.Find(ZfsSpecPool.Id, Ct);
        Assert.Equal([ZfsSpecPool.First, ZfsSpecPool.Second, ZfsSpecPool.Third], found!.Commits.Select(commit => commit.Id));
    }

    [SkippableTheory]
    [MemberData(nameof(Operations))]
    public async Task A_missing_program_a_suspended_pool_and_a_daemon_that_is_gone(string operation)
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await Made(operation);
        var before = await pool.State();
        await Refuses(pool, operation, StorageFailure.CommandMissing, "Install it", tools => tools.Uninstall());
        await Refuses(pool, operation, StorageFailure.PoolSuspended, "zpool clear", tools => tools.On("any", Suspended));
        await Refuses(pool, operation, StorageFailure.PoolMissing, "zpool import", tools => tools.On("any", DaemonGone));
        Assert.Equal(before, await pool.State());
        await ZfsOperations.All[operation](pool);
    }

    [SkippableTheory]
    [MemberData(nameof(Steps))]
    public Task A_full_pool_at_a_step(string operation, string step) =>
        RefusesOrHasDone(operation, step, Full, StorageFailure.PoolFull);

    [SkippableTheory]
    [MemberData(nameof(Steps))]
    public Task A_step_that_is_killed_before_it_did_anything(string operation, string step) =>
        RefusesOrHasDone(operation, step, "kill -9 $$", StorageFailure.CommandKilled);

    [SkippableTheory]
    [MemberData(nameof(Steps))]
    public Task A_step_that_is_killed_after_it_was_done(string operation, string step) =>
        RefusesOrHasDone(operation, step, "\"$tool\" \"$@\"; kill -9 $$", StorageFailure.CommandKilled);

    [SkippableTheory]
    [InlineData("create", "create", "exec sleep 1000")]
    [InlineData("commit", "snapshot", "\"$tool\" \"$@\"; exec sleep 1000")]
    [InlineData("rollback", "rollback", "exec sleep 1000")]
    [InlineData("stash", "promote", "exec sleep 1000")]
    [InlineData("receive", "receive", "exec sleep 1000")]
    [InlineData("destroy", "destroy", "exec sleep 1000")]
    [InlineData("list", "get", "exec sleep 1000")]
    public Task A_step_that_hangs(string operation, string step, string shell) =>
        RefusesOrHasDone(operation, step, shell, StorageFailure.CommandStalled, stallAfter: TimeSpan.FromSeconds(8));

    [SkippableTheory]
    [InlineData("nothing", "exit 0")]
    [InlineData("garbage", "echo 'Segmentation fault, or so'; exit 0")]
    [InlineData("a cut line", "\"$tool\" \"$@\" | cut -f 1,2; exit 0")]
    [InlineData("wrong numbers", "\"$tool\" \"$@\" | sed 's/\\t[0-9][0-9]*/\\tmany/'; exit 0")]
    [InlineData("negative numbers", "\"$tool\" \"$@\" | sed 's/\\t\\([0-9][0-9]*\\)/\\t-\\1/'; exit 0")]
    [InlineData("half of the lines", "\"$tool\" \"$@\" | sed '/guid/d;/creation/d;/referenced/d'; exit 0")]
    public async Task Output_that_makes_no_sense(string what, string shell)
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        var before = await pool.State();
        pool.Tools.On("get", shell);
        // the removal of a branch without commits reads no number
        string[] removal = what.Contains("numbers", StringComparison.Ordinal) || what.Contains("half", StringComparison.Ordinal)
            ? []
            : ["destroy"];
        foreach (var operation in (string[])["list", "find", "usage", "commit sizes", "rollback", "stash", "send", .. removal])
        {
            var refusal = await Record.ExceptionAsync(() => ZfsOperations.All[operation](pool));
            Assert.True(refusal is StorageException { Failure: StorageFailure.Unexpected }, $"{operation} met {what}: {refusal}");
        }

        pool.Tools.Well();
        Assert.Equal(before, await pool.State());
    }

    [SkippableFact]
    public async Task What_the_tools_complain_of_in_words_unknown_is_handed_on()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        pool.Tools.On("snapshot", "echo 'the moon is in the wrong house' >&2; exit 3");
        var refusal = await Assert.ThrowsAsync<StorageException>(() => pool.Commit(ZfsSpecPool.Third));
        Assert.Equal(StorageFailure.Unexpected, refusal.Failure);
        Assert.Contains("the moon is in the wrong house", refusal.Message);
        pool.Tools.On("snapshot", "exit 4");
        Assert.Contains("exit code 4", (await Assert.ThrowsAsync<StorageException>(() => pool.Commit(ZfsSpecPool.Third))).Message);
    }

    [SkippableFact]
    public async Task A_mount_of_what_is_held_a_moment_longer_waits_for_it()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        await pool.Storage.Unmount(ZfsSpecPool.Id, Ct);
        pool.Tools.On("mount", Once(pool, "cannot mount '$2': mountpoint or dataset is busy", "exit 1"));
        await pool.Storage.Mount(ZfsSpecPool.Id, Ct);
        Assert.Equal("two", await pool.Read(ZfsSpecPool.Id));
    }

    [SkippableFact]
    public async Task A_reading_that_was_killed_once_is_repeated()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        var before = await pool.State();
        foreach (var operation in (string[])["list", "find", "usage"])
        {
            pool.Tools.On("get", Once(pool, "internal error: Connection reset by peer", "\"$tool\" \"$@\" | head -n 1; kill -6 $$"));
            await ZfsOperations.All[operation](pool);
            pool.Tools.Calm();
        }

        Assert.Equal(before, await pool.State());
    }

    [SkippableFact]
    public async Task A_rollback_that_was_cut_and_repeated_does_not_come_back_at_the_next_start()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        await pool.Storage.Destroy(ZfsSpecPool.Branch, Ct);
        pool.Tools.On("rollback", "\"$tool\" \"$@\"; kill -9 $$");
        await Assert.ThrowsAsync<StorageException>(() => pool.Storage.Rollback(ZfsSpecPool.Id, ZfsSpecPool.First, Ct));
        pool.Tools.Well();
        await pool.Storage.Rollback(ZfsSpecPool.Id, ZfsSpecPool.First, Ct);
        await pool.Write(ZfsSpecPool.Id, "three");
        await pool.Commit(ZfsSpecPool.Third);
        await pool.Restart();
        Assert.Equal("three", await pool.Read(ZfsSpecPool.Id));
        Assert.Equal(2, (await pool.Storage.Find(ZfsSpecPool.Id, Ct))!.Commits.Length);
    }

    [SkippableFact]
    public async Task A_rollback_that_was_cut_takes_no_commit_away_that_was_made_after_it_was_refused()
    {
        Lanes.Require(Lanes.Zfs);
        await using var pool = await ZfsSpecPool.Make();
        await pool.Storage.Destroy(ZfsSpecPool.Branch, Ct);
        pool.Tools.On("rollback", "\"$tool\" \"$@\"; kill -9 $$");
        await Assert.ThrowsAsync<StorageException>(() => pool.Storage.Rollback(ZfsSpecPool.Id, ZfsSpecPool.First, Ct));
        pool.Tools.Well();
        // the pool tells times of commits in seconds
        var second = TimeProvider.System.GetUtcNow().ToUnixTimeSeconds();
        Assert.True(await Eventually.True(() => TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() > second));
        await pool.Write(ZfsSpecPool.Id, "three");
        await pool.Commit(ZfsSpecPool.Third);
        await pool.Restart();
        Assert.Equal("three", await pool.Read(ZfsSpecPool.Id));
        Assert.Contains((await pool.Storage.Find(ZfsSpecPool.Id, Ct))!.Commits, c => c.Id == ZfsSpecPool.Third);
    }

    /// <summary>The first time only.</summary>
    private static string Once(ZfsSpecPool pool, string complaint, string shell)
    {
        var hit = Path.Combine(pool.Tools.Root, "hit");
        File.Delete(hit);
        return $"if [ ! -f '{hit}' ]; then : > '{hit}'; echo \"{complaint}\" >&2; {shell}; fi";
    }

    private static async Task Refuses(
        ZfsSpecPool pool, string operation, StorageFailure failure, string advice, Action<TroubledTools> trouble)
    {
        trouble(pool.Tools);
        var refusal = await Assert.ThrowsAsync<StorageException>(() => ZfsOperations.All[operation](pool));
        Assert.True(refusal.Failure == failure, $"{refusal}");
        Assert.Contains(advice, refusal.Message);
        pool.Tools.Well();
    }

    /// <summary>
    /// One step fails. The operation says so, and works when it is repeated; or it did its work in spite of it. The next
    /// start finds the same as was seen before it.
    /// </summary>
    private static async Task RefusesOrHasDone(
        string operation, string step, string shell, StorageFailure failure, TimeSpan? stallAfter = null)
    {
        Lanes.Require(Lanes.Zfs);
        var expected = await Done.GetOrAdd(operation, WhenNothingFails);
        await using var pool = await Made(operation, stallAfter);
        var hit = Path.Combine(pool.Tools.Root, "hit");
        pool.Tools.On(step, $": > '{hit}'\n{shell}");
        var refusal = await Record.ExceptionAsync(() => ZfsOperations.All[operation](pool));
        Assert.True(File.Exists(hit), $"{operation} did not run {step}");
        pool.Tools.Well();
        if (refusal is not null)
        {
            Assert.True(refusal is StorageException told && told.Failure == failure, $"{refusal}");
            await ZfsOperations.All[operation](pool);
        }

        Assert.Equal(expected, await pool.State());
        Assert.Empty(await pool.Leftovers());
        await pool.Restart();
        Assert.Equal(expected, await pool.State());
    }

    private static async Task<string> WhenNothingFails(string operation)
    {
        await using var well = await Made(operation);
        await ZfsOperations.All[operation](well);
        return await well.State();
    }

    private static async Task<ZfsSpecPool> Made(string operation, TimeSpan? stallAfter = null)
    {
        var pool = await ZfsSpecPool.Make(stallAfter: stallAfter);
        if (operation.StartsWith("receive", StringComparison.Ordinal))
        {
            await pool.MakeStream(100);
        }

        return pool;
    }
}
