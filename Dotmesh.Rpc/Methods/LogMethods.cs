using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Gateway;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>What happened, and who wanted it: the journals of dots and of transfers, for people. New with this server.</summary>
internal static class LogMethods
{
    private const int Most = 1000;
    private const int Usual = 100;

    private static readonly Argument TransferId = Argument.Text("TransferId");
    private static readonly Argument Before = Argument.Number("Before");
    private static readonly Argument Limit = Argument.Number("Limit");
    private static readonly Argument Event = Argument.Text("Event");

    public static RpcMethod[] All { get; } =
    [
        Log("History", "What happened to a dot", History, Right.Use, Params.Namespace, Params.PlainName),
        Log("Activity", "What happened lately to the dots that the caller may use, of the kind that Event says or all of it", Activity, Right.Use, Event),
        Log("TransferLog", "What happened to a transfer", TransferLog, null, TransferId),
    ];

    private static RpcMethod<ImmutableArray<LogEntry>> Log(
        string name, string what, Func<RpcCall, ValueTask<Outcome<ImmutableArray<LogEntry>>>> handler, Right? right, params Argument[] arguments) =>
        new(
            $"DotmeshRPC.{name}",
            $"{what}, newest first: at most Limit ({Usual}) entries, from before the Sequence that Before says.",
            WireJson.Default.ImmutableArrayLogEntry,
            handler)
        {
            Arguments = [.. arguments, Before, Limit],
            Right = right,
        };

    private static async ValueTask<Outcome<ImmutableArray<LogEntry>>> History(RpcCall call)
    {
        var name = call.Dot(Params.Namespace, Params.PlainName);
        if (name.Refused(out var refusal))
        {
            return refusal;
        }

        var target = call.Dots.Resolve(call.Caller, name.Value, "", Right.Use);
        var window = Window(call);
        if (target.Refused(out refusal) || window.Refused(out refusal))
        {
            return refusal;
        }

        var (before, most) = window.Value;
        return (await call.Dots.History(target.Value, before, most, call.Deadline)).Select(happened => LogEntry.From(happened, call.Users)).ToImmutableArray();
    }

    private static async ValueTask<Outcome<ImmutableArray<LogEntry>>> Activity(RpcCall call)
    {
        var window = Window(call);
        if (window.Refused(out var refusal))
        {
            return refusal;
        }

        var word = call.Text(Event);
        var kind = DotLog.Kinds.GetValueOrDefault(word);
        if (word.Length > 0 && kind is null)
        {
            return new Refusal(RefusalCode.Invalid, $"There are no events '{word}'; there are {string.Join(", ", DotLog.Kinds.Keys.Order(StringComparer.Ordinal))}.");
        }

        var (before, most) = window.Value;
        return (await call.Dots.Happened(call.Caller, kind, before, most, call.Deadline)).Select(happened => LogEntry.From(happened, call.Users)).ToImmutableArray();
    }

    private static async ValueTask<Outcome<ImmutableArray<LogEntry>>> TransferLog(RpcCall call)
    {
        var id = call.Text(TransferId);
        if (id.Length == 0)
        {
            return new Refusal(RefusalCode.Invalid, "TransferId not set: Transfers lists them");
        }

        var window = Window(call);
        if (window.Refused(out var refusal))
        {
            return refusal;
        }

        var (before, most) = window.Value;
        return call.Services.Transfers is not { } transfers
            ? new Refusal(RefusalCode.NotFound, $"No such intercluster transfer {id}")
            : (await transfers.Log(call.Caller, id, before, most, call.Deadline))
                .Then<ImmutableArray<LogEntry>>(log => log.Entries.Select(entry => LogEntry.From(entry, log.Dot, call.Users)).ToImmutableArray());
    }

    private static Outcome<(long Before, int Most)> Window(RpcCall call) =>
        call.Arguments.Number(Before) is < 0 and var before
            ? new Refusal(RefusalCode.Invalid, $"Before must be the Sequence of an entry, or 0, not {before}")
            : call.Arguments.Number(Limit) is < 0 or > Most
                ? new Refusal(RefusalCode.Invalid, $"Limit must be a number from 1 to {Most}")
                : (call.Arguments.Number(Before) ?? 0, call.Arguments.Number(Limit) is > 0 and var most ? (int)most : Usual);
}
