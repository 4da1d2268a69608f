using Dotmesh.Actors;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Users;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>A call on its way to its handler.</summary>
public sealed class RpcCall
{
    private readonly RequestDeadline _deadline;

    internal RpcCall(
        RpcServices services,
        Caller caller,
        Arguments arguments,
        string requestId,
        bool onReferencePort,
        RequestDeadline deadline)
    {
        Services = services;
        Caller = caller;
        Arguments = arguments;
        RequestId = requestId;
        OnReferencePort = onReferencePort;
        _deadline = deadline;
    }

    public RpcServices Services { get; }

    public IDots Dots => Services.Dots;

    public IUsers Users => Services.Users;

    public Caller Caller { get; }

    public Arguments Arguments { get; }

    public string RequestId { get; }

    /// <summary>Decides what Ping answers and nothing else (design D12).</summary>
    public bool OnReferencePort { get; }

    /// <summary>
    /// Ends with the deadline of the request and not with the connection: a client that goes away must not cancel a
    /// commit half way.
    /// </summary>
    public CancellationToken Deadline => _deadline.Token;

    public string Text(Argument argument) => Arguments.Text(argument);

    internal RequestDeadline Limit => _deadline;

    public Outcome<DotName> Dot(Argument @namespace, Argument name) => Names.Dot(Text(@namespace), Text(name));
}
