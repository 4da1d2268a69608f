using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Directory;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>Streams made by hand, with right checksums and wrong contents.</summary>
public sealed class DirectoryStreamSpec : IDisposable
{
    private static readonly FilesystemId Id = new("dot");

    private readonly TemporaryPools _pools = new();

    private static CancellationToken Ct => CancellationToken.None;

    public void Dispose() => _pools.Dispose();

    [Fact]
    public async Task A_well_made_stream_is_taken()
    {
        await using var pool = await _pools.Open("pool", new Faults());
        await Receive(pool, Entries(to => Put(to, DeltaKind.Attributes, Folder("folder")), Leave));
        Assert.True(System.IO.Directory.Exists(Path.Combine(await pool.Mount(Id, Ct), "folder")));
    }

    [Fact]
    public async Task Plain_streams_are_refused_with_what_to_do()
    {
        await using var pool = await _pools.Open("pool", new Faults());
        Assert.False(pool.Capabilities.PlainStreams);
        var range = new StreamRange(Id, null, new CommitId("c"));
        foreach (var call in new Func<Task>[]
                 {
                     () => pool.SendPlain(range, Stream.Null, Ct), () => pool.PredictPlain(range, Ct),
                     () => pool.ReceivePlain(range, null!, null, Stream.Null, Ct),
                 })
        {
            var refusal = await Assert.ThrowsAsync<StorageException>(call);
            Assert.Equal(StorageFailure.Unsupported, refusal.Failure);
            Assert.Contains("from a node with a ZFS pool", refusal.Message);
        }
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("a/../../b")]
    [InlineData("zero\0inside")]
    public Task A_name_that_is_none_is_refused(string name) =>
        Refused(Entries(to => Put(to, DeltaKind.Attributes, Folder(name)), Leave));

    [Fact]
    public Task A_name_longer_than_any_file_system_takes_is_refused() =>
        Refused(Entries(to => Put(to, DeltaKind.Attributes, Folder(new string('x', 256))), Leave));

    [Fact]
    public Task An_entry_below_a_symbolic_link_is_refused() => Refused(Entries(
        to => Put(to, DeltaKind.Attributes, new TreeNode { Name = "link"u8.ToArray(), Mode = 0xA1FF, Target = "/tmp"u8.ToArray() }),
        to => Enter(to, "link"),
        to => Put(to, DeltaKind.Attributes, Folder("inside")),
        Leave,
        Leave));

    [Fact]
    public Task An_entry_that_comes_twice_is_refused() => Refused(Entries(
        to => Put(to, DeltaKind.Attributes, Folder("same")),
        to => Put(to, DeltaKind.Attributes, Folder("same")),
        Leave));

    [Fact]
    public Task Entering_what_is_not_there_is_refused() => Refused(Entries(to => Enter(to, "nothing"), Leave, Leave));

    [Fact]
    public Task A_file_without_its_content_is_refused() =>
        Refused(Entries(to => Put(to, DeltaKind.Attributes, Regular("file", 5)), Leave));

    [Fact]
    public Task A_content_shared_with_no_file_is_refused() => Refused(Entries(
        to =>
        {
            Put(to, DeltaKind.SameContent, Regular("file", 5));
            to.Number(0x80000000);
        },
        Leave));

    [Fact]
    public Task Entries_that_end_inside_a_folder_are_refused() =>
        Refused(Entries(to => Put(to, DeltaKind.Attributes, Folder("folder"))));

    [Fact]
    public Task A_name_that_claims_more_bytes_than_there_are_is_refused() => Refused(Entries(to =>
    {
        to.Byte((byte)DeltaKind.Enter);
        to.Number(ulong.MaxValue);
    }));

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(1L << 40)]
    [InlineData(1L << 30)]
    [InlineData(-1L)]
    public async Task A_section_that_claims_a_gigantic_length_costs_no_memory(long length)
    {
        var output = new MemoryStream();
        using (var writer = new SectionWriter(output))
        {
            await Begin(writer);
            await writer.Open(StreamSections.Entries, length, Ct);
        }

        // other specs of this process allocate too: one undisturbed reading will do
        var allocated = long.MaxValue;
        for (var attempt = 0; attempt < 3 && allocated > 256L << 20; attempt++)
        {
            var before = GC.GetTotalAllocatedBytes(precise: true);
            await Refused(output.ToArray());
            allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        }

        Assert.InRange(allocated, 0, 256L << 20);
    }

    private static TreeNode Folder(string name) => new() { Name = System.Text.Encoding.UTF8.GetBytes(name), Mode = 0x41ED };

    private static TreeNode Regular(string name, long size) => new()
    {
        Name = System.Text.Encoding.UTF8.GetBytes(name),
        Mode = 0x81A4,
        Size = size,
        Allocated = size,
    };

    private static byte[] Entries(params Action<ByteBuffer>[] entries)
    {
        var to = new ByteBuffer(256);
        Put(to, DeltaKind.Attributes, Folder(""));
        foreach (var entry in entries)
        {
            entry(to);
        }

        return to.Span.ToArray();
    }

    private static void Put(ByteBuffer to, DeltaKind kind, TreeNode node)
    {
        to.Byte((byte)kind);
        NodeCodec.Write(to, node);
    }

    private static void Enter(ByteBuffer to, string name)
    {
        to.Byte((byte)DeltaKind.Enter);
        to.Block(System.Text.Encoding.UTF8.GetBytes(name));
    }

    private static void Leave(ByteBuffer to) => to.Byte((byte)DeltaKind.Leave);

    private static async Task Begin(SectionWriter writer)
    {
        await writer.Start(Ct);
        var head = new ByteBuffer();
        new StreamHead(null, 0, "c1", 1).Write(head);
        await writer.Write(StreamSections.Head, head.Span.ToArray(), Ct);
        var record = new ByteBuffer();
        CommitLog.WritePayload(
            record, new CommitRecord("c1", 7, DateTimeOffset.UnixEpoch, CommitMetadata.Empty, 1, "1", 0, 1));
        await writer.Write(StreamSections.Commit, record.Span.ToArray(), Ct);
    }

    private async Task Refused(Func<IStorage, Task> receive)
    {
        await using var pool = await _pools.Open("pool", new Faults());
        var refusal = await Assert.ThrowsAsync<StorageException>(() => receive(pool));
        Assert.True(refusal.Failure == StorageFailure.BadStream, $"{refusal.Failure}: {refusal.Message}");
        Assert.Null(await pool.Find(Id, Ct));
        foreach (var folder in new[] { "fs", "tmp", "intents", "mnt/dmfs" })
        {
            Assert.Empty(System.IO.Directory.EnumerateFileSystemEntries(Path.Combine(_pools.PathOf("pool"), folder)));
        }
    }

    private Task Refused(byte[] bytes) => Refused(pool => bytes.AsSpan().StartsWith(StreamSections.Magic)
        ? Receive(pool, new MemoryStream(bytes))
        : Receive(pool, bytes));

    private static async Task Receive(IStorage pool, byte[] entries)
    {
        var output = new MemoryStream();
        using var writer = new SectionWriter(output);
        await Begin(writer);
        await writer.Write(StreamSections.Entries, entries, Ct);
        await writer.WriteSeal(Ct);
        await writer.Write(StreamSections.End, default, Ct);
        output.Position = 0;
        await Receive(pool, output);
    }

    private static Task Receive(IStorage pool, Stream stream) => pool.Receive(
        new StreamRange(Id, null, new CommitId("c1")),
        new FilesystemLabels(
            Id, new DotName("admin", "test"), "", "0", "admin",
            System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty),
        stream,
        Ct);
}
