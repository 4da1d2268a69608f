using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;
using static Dotmesh.Rpc.Methods.TransferArguments;

namespace Dotmesh.Rpc.Methods;

/// <summary>Transfers, from the side that asks for them (contract 2.6), and what is new about them: a list, and ways to end or repeat one.</summary>
internal static class TransferMethods
{
    private const int MostListed = 1000;
    private const int SlowestWithContainers = 256 * 1024;

    private static readonly Argument Port = Argument.Number("Port");
    private static readonly Argument ApiKey = Argument.Text("ApiKey");
    private static readonly Argument StashDivergence = Argument.Boolean("StashDivergence");
    private static readonly Argument StopContainers = Argument.Boolean("StopContainers");
    private static readonly Argument BytesPerSecond = Argument.Number("MaxBytesPerSecond");
    private static readonly Argument TransferId = Argument.Text("TransferId");
    private static readonly Argument Running = Argument.Boolean("Running");
    private static readonly Argument Most = Argument.Number("Limit");

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<string>(
            "DotmeshRPC.Transfer", "Pushes a branch to another cluster or pulls it from there; answers the transfer's id.",
            WireJson.Default.String, Transfer)
        {
            Arguments = [.. Sides, Port, ApiKey, StashDivergence, StopContainers, BytesPerSecond],
            Right = Dotmesh.Actors.Gateway.Right.Use,
        },
        new RpcMethod<TransferPollResult>(
            "DotmeshRPC.GetTransfer", "A transfer by its id.", WireJson.Default.TransferPollResult, GetTransfer)
        {
            Style = ParamsStyle.Text,
            Arguments = [Params.Bare],
        },
        new RpcMethod<ImmutableArray<TransferEntry>>(
            "DotmeshRPC.Transfers", "The transfers of this cluster, newest first.", WireJson.Default.ImmutableArrayTransferEntry, Transfers)
        {
            Arguments = [Params.Namespace, Params.PlainName, Direction, Running, Most],
        },
        new RpcMethod<bool>(
            "DotmeshRPC.CancelTransfer", "Ends a transfer; what is complete of it stays.", WireJson.Default.Boolean,
            static call => Change(call, (transfers, id) => transfers.Cancel(call.Caller, id, call.Deadline)))
        {
            Arguments = [TransferId],
        },
        new RpcMethod<bool>(
            "DotmeshRPC.RetryTransfer", "Runs a transfer that failed once more.", WireJson.Default.Boolean,
            static call => Change(call, (transfers, id) => transfers.Retry(call.Caller, id, call.Deadline)))
        {
            Arguments = [TransferId],
        },
    ];

    private static async ValueTask<Outcome<string>> Transfer(RpcCall call)
    {
        var direction = TransferDirections.Parse(call.Text(Direction));
        var local = call.Dot(LocalNamespace, LocalName);
        var branch = Master(call.Text(LocalBranch));
        if ((local.Refusal ?? Names.CheckBranch(branch) ?? direction.Refusal) is { } refusal)
        {
            return refusal;
        }

        if (call.Arguments.Number(Port) is < 0 or > 65535)
        {
            return new Refusal(RefusalCode.Invalid, "Port must be between 0 and 65535; 0 tries the known ones.");
        }

        if (direction.Value == TransferDirection.Push && call.Arguments.Boolean(StopContainers))
        {
            return new Refusal(RefusalCode.Invalid, "StopContainers is for pulls: from here the containers of another cluster are not stopped. Stop them there.");
        }

        if (call.Arguments.Boolean(StopContainers) && call.Arguments.Number(BytesPerSecond) is > 0 and < SlowestWithContainers)
        {
            return new Refusal(
                RefusalCode.Invalid, $"StopContainers needs MaxBytesPerSecond of at least {SlowestWithContainers}, or none: containers are down for as long as the data come.");
        }

        return call.Services.Transfers is not { } transfers
            ? NoTransfers()
            : await transfers.Begin(
                call.Caller,
                new TransferRequest
                {
                    Peer = call.Text(Peer),
                    Port = (int)(call.Arguments.Number(Port) ?? 0),
                    User = call.Text(User),
                    ApiKey = call.Text(ApiKey),
                    Direction = direction.Value,
                    Local = local.Value,
                    LocalBranch = branch,
                    RemoteNamespace = call.Text(RemoteNamespace),
                    RemoteName = call.Text(RemoteName),
                    RemoteBranch = Master(call.Text(RemoteBranch)),
                    TargetCommit = call.Text(TargetCommit),
                    StashDivergence = call.Arguments.Boolean(StashDivergence),
                    StopContainers = call.Arguments.Boolean(StopContainers),
                    BytesPerSecond = Math.Max(0, call.Arguments.Number(BytesPerSecond) ?? 0),
                },
                call.Deadline);
    }

    private static async ValueTask<Outcome<TransferPollResult>> GetTransfer(RpcCall call)
    {
        var id = call.Text(Params.Bare);
        return call.Services.Transfers is not { } transfers
            ? new Refusal(RefusalCode.NotFound, $"No such intercluster transfer {id}")
            : (await transfers.Get(id, call.Deadline)).Then<TransferPollResult>(record => TransferPollResult.From(record));
    }

    private static async ValueTask<Outcome<ImmutableArray<TransferEntry>>> Transfers(RpcCall call)
    {
        var (@namespace, name) = (call.Text(Params.Namespace), call.Text(Params.PlainName));
        Outcome<DotName> local = @namespace.Length + name.Length == 0 ? default(DotName) : Names.Dot(@namespace, name);
        Outcome<TransferDirection> direction = call.Text(Direction) is { Length: > 0 } text ? TransferDirections.Parse(text) : default(TransferDirection);
        if ((local.Refusal ?? direction.Refusal) is { } refusal)
        {
            return refusal;
        }

        if (call.Services.Transfers is not { } transfers)
        {
            return ImmutableArray<TransferEntry>.Empty;
        }

        var filter = new TransferFilter(
            local.Value.Name is null ? null : local.Value,
            call.Text(Direction).Length == 0 ? null : direction.Value,
            call.Arguments.Boolean(Running),
            (int)Math.Clamp(call.Arguments.Number(Most) ?? MostListed, 1, MostListed));
        return (await transfers.List(call.Caller, filter, call.Deadline)).Select(TransferEntry.From).ToImmutableArray();
    }

    private static async ValueTask<Outcome<bool>> Change(RpcCall call, Func<ITransfers, string, Task<Outcome<Done>>> change) =>
        call.Text(TransferId) is not { Length: > 0 } id ? new Refusal(RefusalCode.Invalid, "TransferId cannot be empty: Transfers lists the ids.")
        : call.Services.Transfers is not { } transfers ? NoTransfers()
        : Params.True(await change(transfers, id));

    /// <summary>Clients of both eras send the master branch as <c>""</c>, people write its name.</summary>
    private static string Master(string branch) => branch == "master" ? "" : branch;

    internal static Refusal NoTransfers() => new(RefusalCode.Unavailable, "This node makes no transfers.");
}
