using System.Net;
using Dotmesh.Actors;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc.Http;
using Dotmesh.WebConsole.Serving;

namespace Dotmesh.Node.Hosting;

/// <summary>What the console is given of this node: who may sign in, and the API as them.</summary>
internal sealed class NodeConsole(RpcPipeline pipeline, IUsers users, StorageNodeId node, string keyFolder, TimeProvider clock, IIdSource ids) : IConsoleHost
{
    public string Node => node.Value;

    public string KeyFolder => keyFolder;

    public TimeProvider Clock => clock;

    public string NewId() => ids.NewId();

    public async Task<ConsoleSignIn> SignIn(string user, string password, IPAddress from, CancellationToken ct)
    {
        var (caller, crowded) = await pipeline.SignIn(user, password, from, ct);
        return caller is not null ? new ConsoleSignIn(caller.User.Id, caller.User.Name, "")
            : crowded ? ConsoleSignIn.Refused(RpcPipeline.Crowded)
            : ConsoleSignIn.Refused("User name or password is not right. (API keys are not taken here.)");
    }

    public bool IsAdmin(string userId) => userId == User.AdminId;

    public string? PasswordMark(string userId) => users.PasswordMark(userId);

    public HttpMessageHandler CallsOf(string userId, string mark) => new LocalCalls(
        pipeline, () => users.PasswordMark(userId) == mark && users.FindById(userId) is { } user ? new Caller(user, AuthenticationType.Password) : null);
}
