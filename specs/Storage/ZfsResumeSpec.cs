using System.Collections.Immutable;
using System.Security.Cryptography;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>What a pool keeps of streams that broke off: whose it is, and for how long.</summary>
public sealed class ZfsResumeSpec : IAsyncLifetime
{
    private readonly ShiftedClock _time = new();
    private ZfsPool? _pool;
    private ZfsPool? _sources;
    private IStorage? _storage;
    private IStorage? _source;

    private static CancellationToken Ct => CancellationToken.None;

    private IStorage Storage => _storage!;

    private IStorage Source => _source!;

    public async Task InitializeAsync()
    {
        Lanes.Require(Lanes.Zfs);
        (_pool, _sources) = (await ZfsPool.Create(1L << 30), await ZfsPool.Create(1L << 30));
        (_storage, _source) = (await _pool.Open(new Faults(), _time), await _sources.Open(new Faults(), _time));
    }

    public async Task DisposeAsync()
    {
        foreach (var storage in new[] { _storage, _source }.OfType<IStorage>())
        {
            await storage.DisposeAsync();
        }

        foreach (var pool in new[] { _pool, _sources }.OfType<ZfsPool>())
        {
            await pool.DisposeAsync();
        }
    }

    [SkippableFact]
    public async Task Nobody_goes_on_with_what_was_sent_to_somebody_else()
    {
        var (range, whole) = await Sent("a");
        await BreaksOff(range, whole, "owner");
        var rest = await Source.Sent(range, await Storage.ResumePoint(range, Ct));

        var refused = await Assert.ThrowsAsync<StorageException>(() => Storage.Receive(range, Labels(range, "other"), new MemoryStream(rest), Ct));

        Assert.Equal(StorageFailure.BadStream, refused.Failure);
        Assert.Null(await Storage.ResumePoint(range, Ct));
        await Storage.Receive(range, Labels(range, "other"), new MemoryStream(whole), Ct);
    }

    [SkippableFact]
    public async Task After_a_day_it_goes_with_the_next_stream_of_any_filesystem()
    {
        var (range, whole) = await Sent("a");
        var (next, another) = await Sent("b");
        await BreaksOff(range, whole, "owner");
        _time.Shift = TimeSpan.FromHours(25);

        await Storage.Receive(next, Labels(next, "owner"), new MemoryStream(another), Ct);

        Assert.Null(await Storage.ResumePoint(range, Ct));
        Assert.DoesNotContain(":receive", await _pool!.Run("zfs", "list", "-H", "-o", "name", "-r", _pool.Name), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task A_stream_that_was_cancelled_goes_on_later()
    {
        var (range, whole) = await Sent("a");
        using var cancelled = new CancellationTokenSource();
        var halting = new Halting(whole[..(whole.Length * 9 / 10)], cancelled);
        await Assert.ThrowsAnyAsync<Exception>(() => Storage.Receive(range, Labels(range, "owner"), halting, cancelled.Token));

        // a command that was killed lets go a moment later
        var place = await Patience.Holds(() => Storage.ResumePoint(range, Ct), TimeSpan.FromSeconds(20), () => "nothing was kept");
        await Storage.Receive(range, Labels(range, "owner"), new MemoryStream(await Source.Sent(range, place)), Ct);
        Assert.Equal(3, (await Storage.Find(range.Filesystem, Ct))!.Commits.Length);
    }

    [SkippableFact]
    public async Task What_a_receive_refuses_by_itself_is_not_kept()
    {
        var (range, whole) = await Sent("a");
        whole[whole.Length * 9 / 10] ^= 0x10;

        await Assert.ThrowsAsync<StorageException>(() => Storage.Receive(range, Labels(range, "owner"), new Halting(whole, null), Ct));

        Assert.Null(await Storage.ResumePoint(range, Ct));
        Assert.DoesNotContain(":receive", await _pool!.Run("zfs", "list", "-H", "-o", "name", "-r", _pool.Name), StringComparison.Ordinal);
    }

    private static FilesystemLabels Labels(StreamRange range, string owner) =>
        new(range.Filesystem, new DotName("admin", "dot"), "", owner, owner, ImmutableSortedDictionary<string, string>.Empty);

    private async Task BreaksOff(StreamRange range, byte[] whole, string owner) => await Assert.ThrowsAsync<StorageException>(
        () => Storage.Receive(range, Labels(range, owner), new MemoryStream(whole[..(whole.Length * 9 / 10)]), Ct));

    /// <summary>A filesystem of three commits, as a stream.</summary>
    private async Task<(StreamRange Range, byte[] Whole)> Sent(string name)
    {
        var id = new FilesystemId($"aaaaaaaa-0000-4000-8000-00000000000{name}");
        await Source.Create(id, Labels(new StreamRange(id, null, new CommitId("none")), "owner"), Ct);
        var last = new CommitId("c2");
        for (var n = 0; n < 3; n++)
        {
            var file = Path.Combine(await Source.Mount(id, Ct), "__default__", $"{n}");
            await File.WriteAllBytesAsync(file, RandomNumberGenerator.GetBytes(1_000_000), Ct);
            await Source.Commit(id, new CommitId($"c{n}"), CommitMetadata.Empty, Ct);
        }

        var range = new StreamRange(id, null, last);
        return (range, await Source.Sent(range));
    }

    /// <summary>Stands still after its content: for ever, or until it is cancelled there.</summary>
    private sealed class Halting(byte[] content, CancellationTokenSource? cancel) : ReadOnlyStream
    {
        private readonly MemoryStream _content = new(content);

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = await _content.ReadAsync(buffer, cancellationToken);
            if (count == 0)
            {
                await (cancel?.CancelAsync() ?? Task.CompletedTask);
                await Task.Delay(Timeout.Infinite, cancellationToken);
            }

            return count;
        }
    }

    /// <summary>The system's clock, set to another time of the day; what waits is woken as ever.</summary>
    private sealed class ShiftedClock : TimeProvider
    {
        public TimeSpan Shift { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Shift;
    }
}
