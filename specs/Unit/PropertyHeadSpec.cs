using System.Collections.Immutable;
using System.Text;
using Dotmesh.Actors.Storage.Zfs;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Properties of commits before a send stream, read back by the reader of such streams.</summary>
public sealed class PropertyHeadSpec
{
    private static readonly ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>> Properties =
        ImmutableSortedDictionary<string, ImmutableSortedDictionary<string, string>>.Empty
            .Add("c1", Of(("io.dotmesh:meta-message", "bWVzc2FnZQ=="), ("mountpoint", "/etc"))).Add("c2", Of(("io.dotmesh:in-file", "yes")))
            .Add("c3", Of(("io.dotmesh:meta-a", ".")));

    private static readonly Dictionary<string, ulong> Guids = new(StringComparer.Ordinal) { ["c1"] = ulong.MaxValue, ["c2"] = 2 };

    private static CancellationToken Ct => CancellationToken.None;

    [Fact]
    public void Lists_are_read_as_they_were_written()
    {
        foreach (var text in (string[])["", "a", "ab", "abc", "abcd", "é"])
        {
            var list = NvList.Read(new NvWriter().Add(text + "n", text).Add("number", 7).Add("list", new NvWriter().Add("inner", text)).Pack());
            Assert.Equal((text, text), (list.Texts[text + "n"], list.Lists["list"].Texts["inner"]));
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_stream_of_one_snapshot_and_a_package_get_a_head_and_stay_what_they_are(bool package)
    {
        byte[] one = [.. Begin("pool/fs@c1"), .. Zeros(End)];
        byte[] stream = package ? [.. SendRecord.First(Begin("pool/fs@c1")).PackageHead("pool/fs@c1"), .. one, .. Zeros(End)] : one;

        var reader = new SendReader(await PropertyHead.Before(new MemoryStream(stream), Properties, Guids, Ct));

        var sent = await reader.Open(Ct);
        Assert.Equal(["c1", "c2"], sent.Keys.Order(StringComparer.Ordinal));
        Assert.Equal([new("io.dotmesh:meta-message", "bWVzc2FnZQ==")], sent["c1"]);
        Assert.Equal([new("io.dotmesh:in-file", "yes")], sent["c2"]);
        var inside = new MemoryStream();
        await (await reader.Next(Ct))!.CopyToAsync(inside);
        Assert.Equal(one, inside.ToArray());
        Assert.Null(await reader.Next(Ct));
    }

    [Fact]
    public async Task Where_nothing_is_known_of_the_snapshots_the_stream_goes_on_as_it_is()
    {
        byte[] stream = [.. Begin("pool/fs@c1"), .. Zeros(End)];
        var same = new MemoryStream();
        await (await PropertyHead.Before(new MemoryStream(stream), Properties, new Dictionary<string, ulong>(), Ct)).CopyToAsync(same);
        Assert.Equal(stream, same.ToArray());
    }

    private const byte End = 5;

    private static ImmutableSortedDictionary<string, string> Of(params (string Name, string Value)[] values) =>
        values.ToImmutableSortedDictionary(value => value.Name, value => value.Value, StringComparer.Ordinal);

    private static byte[] Zeros(byte type)
    {
        var record = new byte[SendRecord.Length];
        record[0] = type;
        return record;
    }

    private static byte[] Begin(string name)
    {
        var begin = Zeros(0);
        BitConverter.TryWriteBytes(begin.AsSpan(8), 0x2F5bacbacUL);
        begin[16] = 1;
        begin[32] = 2;
        Encoding.UTF8.GetBytes(name, begin.AsSpan(56));
        return begin;
    }
}
