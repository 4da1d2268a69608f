using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.Peers;
using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>A caller of other clusters, as alice, that sees to it that her key is in no text.</summary>
internal sealed class PeerClient : IDisposable
{
    public const string Key = "MYRJNBIKDMT7OCAZYEHM2YITDS4TK3EY";
    public const string Basic = "YWxpY2U6TVlSSk5CSUtETVQ3T0NBWllFSE0yWUlURFM0VEszRVk=";

    public static readonly FilesystemId Master = new("61f356f0-39a4-4e0e-6286-e04d25744344");
    public static readonly FilesystemId Branch = new("05652ba4-acb8-4349-4711-956bd0c88c8c");
    public static readonly StreamRange Whole = new(Master, null, new CommitId("c2"));
    public static readonly StreamRange Further = new(Master, new CommitOrigin(Master, new CommitId("c1")), new CommitId("c2"));
    public static readonly StreamRange FromOrigin = new(Branch, new CommitOrigin(Master, new CommitId("c1")), new CommitId("b1"));

    private readonly HttpPeers _peers;

    /// <param name="change">Of the handler, before it is used.</param>
    public PeerClient(PeerLimits? limits = null, PeerHttpSettings? settings = null, Action<SocketsHttpHandler>? change = null)
    {
        var handler = PeerHttp.Make(settings ?? new PeerHttpSettings()).Value;
        change?.Invoke(handler);
        _peers = new HttpPeers(handler, limits ?? new PeerLimits(), TimeProvider.System);
    }

    public Task<Outcome<IPeer>> Reach(int port, string host = "127.0.0.1", CancellationToken ct = default) =>
        _peers.Reach(new PeerAddress(host, port, "alice", Key), ct);

    public async Task<IPeer> Peer(PeerStub stub) => (await Reach(stub.Port)).Value;

    public async Task<string> Unreachable(int port, string host = "127.0.0.1") => Refused(await Reach(port, host), RefusalCode.Unavailable);

    public static string Refused<T>(Outcome<T> outcome, RefusalCode code)
    {
        Assert.True(outcome.Refused(out var refusal), $"{outcome}");
        Assert.Equal(code, refusal.Code);
        Assert.DoesNotContain(Key, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(Basic, refusal.Message, StringComparison.Ordinal);
        return refusal.Message;
    }

    public void Dispose() => _peers.Dispose();
}
