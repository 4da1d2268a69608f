using System.Globalization;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>
/// What came whole before a connection broke is not sent again: files where the storage is a folder, commits on zfs-fuse. Both nodes send
/// slowly, so that little of it is on its way when it breaks.
/// </summary>
public abstract class TransferResumeContract(bool onPools) : TwoNodesSpec(onPools, ("DOTMESH__TRANSFERS__MAXBYTESPERSECOND", "2000000"))
{
    private const int Files = 60;
    private const int Size = 1 << 18;

    /// <summary>Files in one commit.</summary>
    protected abstract int Together { get; }

    [SkippableTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_transfer_whose_connection_breaks_goes_on_after_the_last_part_that_came_whole(bool push)
    {
        var (source, target) = push ? (Here, There) : (There, Here);
        var name = push ? "pushed" : "pulled";
        await source.Create(name);
        var folder = await source.Procure(name);
        var random = new Random(11);
        for (var file = 0; file < Files; file++)
        {
            var content = new byte[Size];
            random.NextBytes(content);
            await File.WriteAllBytesAsync(Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"f{file}")), content);
            if ((file + 1) % Together == 0)
            {
                await source.Commit(name, "some more");
            }
        }

        var port = FreePorts.Take();
        await using var line = new TcpForwarder(port, There.Nodes[0].Setup.ClientPort);

        var id = await Here.Begin(push ? "push" : "pull", There, name, name, port: port);
        await Patience.Holds(
            () => Task.FromResult(line.Bytes > Files * Size * 3 / 4 ? "most" : null), TimeSpan.FromSeconds(60), () => $"only {line.Bytes} bytes go over");
        line.Reset();
        Side.Finished(await Here.Over(id));

        // all of it again would be seven quarters
        Assert.InRange(line.Bytes, Files * Size, Files * Size * 3 / 2);
        Assert.Equal(await source.Ids(name), await target.Ids(name));
        Assert.Equal(Side.Files(folder), Side.Files(await target.Procure(name)));
    }

    [SkippableFact]
    public async Task Where_nothing_broke_off_a_stream_begins_at_its_beginning_and_only_who_may_push_is_told()
    {
        await Here.Create("asked");
        var id = await Here.IdOf("asked");
        var commit = (await Here.Ids("asked"))[0];
        var range = new { FromFilesystemId = "", FromSnapshotId = "", ToFilesystemId = id, ToSnapshotId = commit };
        Assert.Equal("", (string?)await Here.Rpc().Call("ResumePoint", range));
        await Assert.ThrowsAsync<RpcErrorException>(() => There.Rpc().Call("ResumePoint", range));
        await Assert.ThrowsAsync<RpcErrorException>(() => Here.Rpc().Call("ResumePoint", range with { ToSnapshotId = "../x" }));
    }
}

/// <inheritdoc/>
[Trait("Speed", "slow")]
public sealed class TransferResumeSpec() : TransferResumeContract(onPools: false)
{
    protected override int Together => 60;
}

/// <inheritdoc/>
[Trait("Speed", "slow")]
public sealed class TransferResumeZfsSpec() : TransferResumeContract(onPools: true)
{
    protected override int Together => 4;
}
