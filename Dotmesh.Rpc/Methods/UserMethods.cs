using System.Collections.Immutable;
using Dotmesh.Actors;
using Dotmesh.Actors.Users;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Contract 2.2.</summary>
internal static class UserMethods
{
    private static readonly Argument Id = Argument.Text("Id");
    private static readonly Argument Name = Argument.Text("Name");
    private static readonly Argument Email = Argument.Text("Email");
    private static readonly Argument Password = Argument.Text("Password");
    private static readonly Argument NewPassword = Argument.Text("NewPassword");
    private static readonly Argument Field = Argument.Text("Field");
    private static readonly Argument Value = Argument.Text("Value");
    private static readonly Argument CustomerId = Argument.Text("CustomerId");
    private static readonly Argument CurrentPlan = Argument.Text("CurrentPlan");

    public static RpcMethod[] All { get; } =
    [
        Key("GetApiKey", "The caller's API key.", Access.Any, static call => call.Users.GetApiKey(call.Caller.User.Id, call.Deadline)),
        Key(
            "ResetApiKey",
            "Makes a new API key for the caller; the old one is refused from now on.",
            Access.Password,
            static call => call.Users.ResetApiKey(call.Caller.User.Id, call.Deadline)),
        Changing(
            "UpdatePassword",
            "Changes the caller's password.",
            Access.Any,
            [NewPassword],
            static call => SetPassword(call, call.Caller.User.Id)),
        Changing(
            "RegisterNewUser",
            "Makes a user.",
            Access.Admin,
            [Name, Email, Password],
            static call => call.Users.Register(call.Text(Name), call.Text(Email), call.Text(Password), call.Deadline)),
        ChangingById(
            "UpdateUserPassword", "Changes the password of a user given by id, name or e-mail.", SetPassword, NewPassword),
        new RpcMethod<ImmutableArray<SafeUser>>(
            "DotmeshRPC.Users", "All users, by name.", WireJson.Default.ImmutableArraySafeUser,
            static call => Params.Now<ImmutableArray<SafeUser>>(
                call.Users.All.OrderBy(user => user.Name, StringComparer.Ordinal).Select(SafeUser.From).ToImmutableArray()))
        {
            Access = Access.Admin,
        },
        Finding("UserFromName", "Finds a user by name.", Name, static call => call.Users.FindByReference(call.Text(Name))),
        Finding("UserFromEmail", "Finds a user by e-mail.", Email, static call => call.Users.FindByEmail(call.Text(Email))),
        Finding(
            "UserFromCustomerId",
            "Finds a user by the metadata field CustomerId.",
            CustomerId,
            static call => call.Users.FindByCustomerId(call.Text(CustomerId))),
        ChangingById(
            "SetUserMetadataField",
            "Sets a metadata field of a user.",
            static (call, user) => call.Users.SetMetadataField(user, call.Text(Field), call.Text(Value), call.Deadline),
            Field,
            Value),
        ChangingById(
            "DeleteUserMetadataField",
            "Removes a metadata field of a user.",
            static (call, user) => call.Users.SetMetadataField(user, call.Text(Field), null, call.Deadline),
            Field),
        ChangingById(
            "SetUserEmail",
            "Changes the e-mail of a user.",
            static (call, user) => call.Users.SetEmail(user, call.Text(Email), call.Deadline),
            Email),
        ChangingById(
            "UpdateUserPaymentDetails",
            "Sets the metadata fields CustomerId and CurrentPlan of a user; empty ones are left as they are.",
            static (call, user) => SetPaymentDetails(call, user, call.Text(CustomerId), call.Text(CurrentPlan)),
            CustomerId,
            CurrentPlan),
    ];

    private static Task<Outcome<User>> SetPassword(RpcCall call, string user) =>
        call.Users.SetPassword(user, call.Text(NewPassword), call.Deadline);

    /// <summary>Empty values leave the field as it is.</summary>
    internal static async Task<Outcome<User>> SetPaymentDetails(RpcCall call, string user, string customer, string plan)
    {
        var outcome = call.Users.FindByReference(user);
        foreach (var (field, value) in new[] { ("CustomerId", customer), ("CurrentPlan", plan) })
        {
            if (!outcome.Refused(out _) && value.Length > 0)
            {
                outcome = await call.Users.SetMetadataField(outcome.Value.Id, field, value, call.Deadline);
            }
        }

        return outcome;
    }

    private static RpcMethod<ApiKeyReply> Key(
        string name, string summary, Access access, Func<RpcCall, Task<Outcome<string>>> handler) =>
        new(
            $"DotmeshRPC.{name}",
            summary,
            WireJson.Default.ApiKeyReply,
            async call => (await handler(call)).Then(key => (Outcome<ApiKeyReply>)new ApiKeyReply(key)))
        {
            Access = access,
        };

    /// <summary>For admin: changes the user that <see cref="Id"/> says, by id, name or e-mail.</summary>
    private static RpcMethod<SafeUser> ChangingById(
        string name, string summary, Func<RpcCall, string, Task<Outcome<User>>> handler, params Argument[] arguments) =>
        Changing(name, summary, Access.Admin, [Id, .. arguments], call => handler(call, call.Text(Id)));

    private static RpcMethod<SafeUser> Changing(
        string name, string summary, Access access, Argument[] arguments, Func<RpcCall, Task<Outcome<User>>> handler) =>
        new(
            $"DotmeshRPC.{name}",
            summary,
            WireJson.Default.SafeUser,
            async call => (await handler(call)).Then(user => (Outcome<SafeUser>)SafeUser.From(user)))
        {
            Access = access,
            Arguments = arguments,
        };

    private static RpcMethod<SafeUser> Finding(
        string name, string summary, Argument argument, Func<RpcCall, Outcome<User>> handler) =>
        new(
            $"DotmeshRPC.{name}",
            summary,
            WireJson.Default.SafeUser,
            call => Params.Now(handler(call).Then(user => (Outcome<SafeUser>)SafeUser.From(user))))
        {
            Access = Access.Admin,
            Arguments = [argument],
        };
}
