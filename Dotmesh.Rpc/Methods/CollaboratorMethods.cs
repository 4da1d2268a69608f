using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Sharing of dots (contract 2.3).</summary>
internal static class CollaboratorMethods
{
    private static readonly Argument MasterBranchId = Argument.Text("MasterBranchID", "Volume");
    private static readonly Argument Collaborator = Argument.Text("Collaborator");

    public static RpcMethod[] All { get; } =
    [
        Sharing("AddCollaborator", "Lets a user read and change a dot.", Add),
        Sharing("RemoveCollaborator", "Takes that back.", Remove),
    ];

    private static RpcMethod<bool> Sharing(string name, string summary, Func<RpcCall, ValueTask<Outcome<bool>>> handler) =>
        new($"DotmeshRPC.{name}", summary, WireJson.Default.Boolean, handler)
        {
            Arguments = [MasterBranchId, Collaborator],
            Right = Right.Own,
            Answered = Answered.Owner,
        };

    private static async ValueTask<Outcome<bool>> Add(RpcCall call)
    {
        var master = Master(
            call,
            "Please add collaborators to the master branch of the dot",
            "Not owner. Please ask the owner to add the collaborator.");
        if (master.Refused(out var refusal))
        {
            return refusal;
        }

        var user = call.Users.FindByReference(call.Text(Collaborator));
        return user.Refused(out var unknown)
            ? unknown
            : Params.True(await call.Dots.AddCollaborator(call.Caller, master.Value, user.Value, call.Deadline));
    }

    private static async ValueTask<Outcome<bool>> Remove(RpcCall call)
    {
        var master = Master(
            call,
            "Please remove collaborators from the master branch of the dot",
            "Not owner. Please ask the owner to remove the collaborator.");
        if (master.Refused(out var refusal))
        {
            return refusal;
        }

        var name = call.Text(Collaborator);
        if (name == call.Caller.User.Name)
        {
            return new Refusal(RefusalCode.Invalid, "You cannot remove yourself as a collaborator from a dot.");
        }

        // by the name that the dot remembers: a collaborator who is not a user any more can still be removed
        var id = master.Value.Dot.Collaborators.FirstOrDefault(user => user.Value == name).Key;
        return id is null
            ? new Refusal(RefusalCode.NotFound, $"{name} is not a collaborator on this dot so cannot remove.")
            : Params.True(await call.Dots.RemoveCollaborator(call.Caller, master.Value, id, call.Deadline));
    }

    private static Outcome<DotTarget> Master(RpcCall call, string whenBranch, string whenDenied)
    {
        var id = call.Text(MasterBranchId);
        var target = call.Dots.Resolve(call.Caller, new FilesystemId(id), Right.Own);
        if (target.Refused(out var refusal))
        {
            return refusal.Code switch
            {
                RefusalCode.Denied => refusal with { Message = whenDenied },
                RefusalCode.NotFound => refusal with
                {
                    Message = $"Unable to find user-facing filesystemName, cloneName for filesystem id {id}",
                },
                _ => refusal,
            };
        }

        return target.Value.Branch.Length == 0 ? target : new Refusal(RefusalCode.Invalid, whenBranch);
    }
}
