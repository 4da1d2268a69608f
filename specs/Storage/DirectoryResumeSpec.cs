using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Directory;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>A stream that broke off goes on after the last file that came whole.</summary>
public sealed class DirectoryResumeSpec : IDisposable
{
    private const int Files = 20;
    private const int Size = 50_000;

    private static readonly FilesystemId Id = new("dot");
    private static readonly CommitId First = new("c1");
    private static readonly CommitId Last = new("c2");
    private static readonly StreamRange Whole = new(Id, null, Last);

    private readonly TemporaryPools _pools = new();
    private readonly Random _random = new(7);

    private static CancellationToken Ct => CancellationToken.None;

    private string Kept => Path.Combine(_pools.PathOf("to"), "kept");

    public void Dispose() => _pools.Dispose();

    [Fact]
    public async Task What_came_whole_is_not_sent_again()
    {
        await using var from = await Made();
        await using var to = await _pools.Open("to", new Faults());
        var whole = await from.Sent(Whole);
        await BreaksOff(to, Whole, whole[..(whole.Length * 3 / 4)]);

        var rest = await from.Sent(Whole, await to.ResumePoint(Whole, Ct));

        // three quarters of the stream came, less the file that was on its way
        Assert.InRange(rest.Length, 0, (whole.Length / 4) + (2 * Size));
        await to.Receive(Whole, Labels(), new MemoryStream(rest), Ct);
        await Same(from, to);
        Assert.Empty(System.IO.Directory.GetFileSystemEntries(Kept));
    }

    [Fact]
    public async Task It_may_break_off_again_and_again_and_also_among_what_is_there_already()
    {
        await using var from = await Made();
        await using var to = await _pools.Open("to", new Faults());
        var places = new List<int>();
        foreach (var part in new[] { 0.3, 0.5, 0.02, 0.5 })
        {
            var stream = await from.Sent(Whole, await to.ResumePoint(Whole, Ct));
            await BreaksOff(to, Whole, stream[..(int)(stream.Length * part)]);
            places.Add(int.Parse((await to.ResumePoint(Whole, Ct))!, System.Globalization.CultureInfo.InvariantCulture));
        }

        Assert.Equal(places.Order(), places);
        Assert.True(places[^1] > Files, $"{places[^1]} of {2 * Files} files have come");
        await to.Receive(Whole, Labels(), new MemoryStream(await from.Sent(Whole, await to.ResumePoint(Whole, Ct))), Ct);
        await Same(from, to);
    }

    [Fact]
    public async Task An_incremental_stream_goes_on_too()
    {
        await using var from = await Made();
        await using var to = await _pools.Open("to", new Faults());
        var first = new StreamRange(Id, null, First);
        await to.Receive(first, Labels(), new MemoryStream(await from.Sent(first)), Ct);
        var range = new StreamRange(Id, new CommitOrigin(Id, First), Last);
        var whole = await from.Sent(range);
        await BreaksOff(to, range, whole[..(whole.Length / 2)]);
        Assert.Equal([First], (await to.Find(Id, Ct))!.Commits.Select(commit => commit.Id));

        var rest = await from.Sent(range, await to.ResumePoint(range, Ct));

        Assert.InRange(rest.Length, 0, (whole.Length / 2) + (2 * Size));
        await to.Receive(range, Labels(), new MemoryStream(rest), Ct);
        await Same(from, to);
    }

    [Fact]
    public async Task What_is_kept_is_for_this_range_only()
    {
        await using var from = await Made();
        await using var to = await _pools.Open("to", new Faults());
        var whole = await from.Sent(Whole);
        await BreaksOff(to, Whole, whole[..(whole.Length / 2)]);
        var other = new StreamRange(Id, null, First);

        Assert.Null(await to.ResumePoint(other, Ct));
        await to.Receive(other, Labels(), new MemoryStream(await from.Sent(other)), Ct);

        Assert.Null(await to.ResumePoint(Whole, Ct));
        Assert.Empty(System.IO.Directory.GetFileSystemEntries(Kept));
    }

    [Fact]
    public async Task What_does_not_fit_is_refused_and_forgotten_and_a_whole_stream_is_taken()
    {
        await using var from = await Made();
        await using var to = await _pools.Open("to", new Faults());
        var whole = await from.Sent(Whole);
        // a file came with a flipped bit: nothing has told so yet, its commit's checksum is still to come
        whole[whole.Length / 4] ^= 1;
        await BreaksOff(to, Whole, whole[..(whole.Length * 3 / 8)]);
        var rest = await from.Sent(Whole, await to.ResumePoint(Whole, Ct));

        var refused = await Assert.ThrowsAsync<StorageException>(() => to.Receive(Whole, Labels(), new MemoryStream(rest), Ct));

        Assert.Equal(StorageFailure.BadStream, refused.Failure);
        Assert.Empty(await to.List(Ct));
        Assert.Null(await to.ResumePoint(Whole, Ct));
        await to.Receive(Whole, Labels(), new MemoryStream(await from.Sent(Whole)), Ct);
        await Same(from, to);
    }

    [Fact]
    public async Task A_bad_stream_leaves_nothing_to_go_on_from()
    {
        await using var from = await Made();
        await using var to = await _pools.Open("to", new Faults());
        var whole = await from.Sent(Whole);
        whole[whole.Length / 4] ^= 1;

        var refused = await Assert.ThrowsAsync<StorageException>(() => to.Receive(Whole, Labels(), new MemoryStream(whole), Ct));

        Assert.Equal(StorageFailure.BadStream, refused.Failure);
        Assert.Null(await to.ResumePoint(Whole, Ct));
    }

    [Fact]
    public async Task A_start_and_a_deletion_forget_it()
    {
        await using var from = await Made();
        var whole = await from.Sent(Whole);
        await using (var to = await _pools.Open("to", new Faults()))
        {
            await BreaksOff(to, Whole, whole[..(whole.Length / 2)]);
            Assert.NotNull(await to.ResumePoint(Whole, Ct));
            await to.Destroy(Id, Ct);
            Assert.Null(await to.ResumePoint(Whole, Ct));
            await BreaksOff(to, Whole, whole[..(whole.Length / 2)]);
        }

        await using var again = await _pools.Open("to", new Faults());
        await again.Recover(Ct);
        Assert.Null(await again.ResumePoint(Whole, Ct));
        Assert.Empty(System.IO.Directory.GetFileSystemEntries(Kept));
    }

    private static FilesystemLabels Labels() =>
        new(Id, new DotName("admin", "dot"), "", "0", "admin", ImmutableSortedDictionary<string, string>.Empty);

    private static async Task BreaksOff(DirectoryStorage to, StreamRange range, byte[] part)
    {
        var refused = await Assert.ThrowsAsync<StorageException>(() => to.Receive(range, Labels(), new MemoryStream(part), Ct));
        Assert.Contains("ends too early", refused.Message, StringComparison.Ordinal);
    }

    private static async Task Same(DirectoryStorage from, DirectoryStorage to)
    {
        foreach (var commit in new[] { Last, First })
        {
            Assert.Equal(await FilesOf(from, commit), await FilesOf(to, commit));
        }
    }

    private static async Task<List<(string, string)>> FilesOf(DirectoryStorage pool, CommitId commit) =>
    [
        .. System.IO.Directory.GetFiles(await pool.MountCommit(Id, commit, Ct), "*", SearchOption.AllDirectories)
            .Select(file => (Path.GetFileName(file), Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)))))
            .Order(),
    ];

    /// <summary>Two commits of as many files each.</summary>
    private async Task<DirectoryStorage> Made()
    {
        var pool = await _pools.Open("from", new Faults());
        await pool.Create(Id, Labels(), Ct);
        var folder = Path.Combine(await pool.Mount(Id, Ct), "__default__");
        foreach (var commit in new[] { First, Last })
        {
            for (var file = 0; file < Files; file++)
            {
                var content = new byte[Size];
                _random.NextBytes(content);
                await File.WriteAllBytesAsync(Path.Combine(folder, $"{commit}-{file:00}"), content);
            }

            await pool.Commit(Id, commit, CommitMetadata.Empty, Ct);
        }

        return pool;
    }
}
