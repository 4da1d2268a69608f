using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Contract 2.7.</summary>
internal static class DebugMethods
{
    private const string FaultPointPrefix = "FaultPoint:";

    private static readonly Argument FlagName = Argument.Text("FlagName");
    private static readonly Argument FlagValue = Argument.Text("FlagValue");

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<string>(
            "DotmeshRPC.SetDebugFlag", "Sets a flag for tests and answers what it was.", WireJson.Default.String, SetFlag)
        {
            Arguments = [FlagName, FlagValue],
            Access = Access.Admin,
        },
        new RpcMethod<ImmutableSortedDictionary<string, string>>(
            "DotmeshRPC.DumpInternalState", "What this node has in memory.", WireJson.Default.TextByName, Dump)
        {
            Style = ParamsStyle.Text,
            Arguments = [Params.Bare],
            Access = Access.Admin,
        },
    ];

    private static async ValueTask<Outcome<string>> SetFlag(RpcCall call)
    {
        var (name, value, faults) = (call.Text(FlagName), call.Text(FlagValue), call.Services.Faults);
        switch (name)
        {
            case "PartialFailCreateFilesystem" or "PartialFailDelete":
                return faults.Arm(name, value == "true" ? FaultAction.Error : null) is null ? "false" : "true";
            case "ForceStateMachineToDiscovering":
                return await call.Dots.Rediscover(new FilesystemId(value), call.Deadline);
            default:
                return name.StartsWith(FaultPointPrefix, StringComparison.Ordinal)
                    ? ArmPoint(faults, name[FaultPointPrefix.Length..], value)
                    : new Refusal(RefusalCode.Invalid, $"Unknown debug flag {name}");
        }
    }

    private static Outcome<string> ArmPoint(Faults faults, string point, string value)
    {
        if (FaultPoints.CheckName(point) is { } unknown)
        {
            return new Refusal(RefusalCode.Invalid, unknown);
        }

        FaultAction? action;
        switch (value)
        {
            case "":
                action = null;
                break;
            case "error":
                action = FaultAction.Error;
                break;
            case "kill":
                action = FaultAction.Kill;
                break;
            default:
                return new Refusal(RefusalCode.Invalid, $"A fault point is set to error, kill or nothing, not to {value}");
        }

        return faults.Arm(point, action) switch
        {
            FaultAction.Error => "error",
            FaultAction.Kill => "kill",
            _ => "",
        };
    }

    private static async ValueTask<Outcome<ImmutableSortedDictionary<string, string>>> Dump(RpcCall call) =>
        await call.Dots.DumpState(call.Text(Params.Bare), call.Deadline);
}
