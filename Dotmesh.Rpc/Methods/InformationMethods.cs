using Dotmesh.Actors;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Contract 2.1.</summary>
internal static class InformationMethods
{
    private const string Website = "https://dotmesh.io";

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<Pong>(
            "DotmeshRPC.Ping",
            "Answers that the server is alive: the string \"true\" on the reference port, the boolean true elsewhere.",
            WireJson.Default.Pong,
            static call => Params.Now<Pong>(new Pong(call.OnReferencePort)))
        {
            ResultSchema = """{"enum":[true,"true"]}""",
        },
        new RpcMethod<SafeUser>(
            "DotmeshRPC.CurrentUser", "The user who asks.", WireJson.Default.SafeUser, CurrentUser),
        new RpcMethod<SafeUser>(
            "DotmeshRPC.AuthenticatedUser",
            "The user who asks, who must have given a password and not an API key.",
            WireJson.Default.SafeUser,
            CurrentUser)
        {
            Access = Access.Password,
        },
        new RpcMethod<ConfigReply>(
            "DotmeshRPC.Config", "Plans and public key for payments.", WireJson.Default.ConfigReply, Config)
        {
            Access = Access.Admin,
        },
        new RpcMethod<VersionReply>(
            "DotmeshRPC.Version", "The server's version.", WireJson.Default.VersionReply, Version)
        {
            Access = Access.Admin,
        },
        new RpcMethod<string>(
            "DotmeshRPC.CheckNameIsValid",
            "Empty when the name of a dot and branch is valid, else what is wrong with it.",
            WireJson.Default.String,
            CheckName)
        {
            Arguments = Params.NameTriple,
        },
    ];

    private static ValueTask<Outcome<SafeUser>> CurrentUser(RpcCall call) =>
        Params.Now<SafeUser>(SafeUser.From(call.Caller.User));

    private static ValueTask<Outcome<ConfigReply>> Config(RpcCall call)
    {
        var billing = call.Services.Settings.Billing;
        return Params.Now<ConfigReply>(new ConfigReply(billing.Plans, billing.StripePublicKey));
    }

    private static ValueTask<Outcome<VersionReply>> Version(RpcCall call)
    {
        var full = call.Services.Settings.Version;
        var shortened = string.Join('.', full.Split('.').Take(2));
        return Params.Now<VersionReply>(
            new VersionReply("Dotmesh", shortened, Website, full, "", 0, "", "", Website, false));
    }

    private static ValueTask<Outcome<string>> CheckName(RpcCall call)
    {
        var problem = Names.CheckNamespace(call.Text(Params.Namespace))
            ?? Names.CheckDot(call.Text(Params.Name))
            ?? Names.CheckBranch(call.Text(Params.Branch));
        return Params.Now<string>(problem?.Message ?? "");
    }
}
