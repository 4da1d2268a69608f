using System.IO.Compression;
using Dotmesh.Actors.Transfers;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What our writer of containers writes, read by the runtime's reader, which checks lengths and checksum.</summary>
public sealed class StoredGzipSpec
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65535)]
    [InlineData(65536)]
    [InlineData(200_000)]
    public async Task What_was_written_is_read_as_one_container(int length)
    {
        var content = new byte[length];
        new Random(length).NextBytes(content);
        var body = new MemoryStream();
        var gzip = new StoredGzip(body);
        await gzip.WriteAsync(content.AsMemory(0, length / 3));
        await gzip.WriteAsync(content.AsMemory(length / 3));
        await gzip.Complete(CancellationToken.None);

        body.Position = 0;
        var read = new MemoryStream();
        await new GZipStream(body, CompressionMode.Decompress).CopyToAsync(read);
        Assert.Equal(content, read.ToArray());
        Assert.InRange(body.Length - length, 23, 23 + (5 * (length / 65535 + 2)));
    }

    [Fact]
    public async Task Without_its_end_it_is_no_container()
    {
        var body = new MemoryStream();
        await new StoredGzip(body).WriteAsync(new byte[100]);
        body.Position = 0;
        await Assert.ThrowsAsync<Dotmesh.Actors.Storage.StorageException>(() => new StrictGunzip(body).CopyToAsync(Stream.Null));
    }
}
