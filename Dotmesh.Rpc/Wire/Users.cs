using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Dotmesh.Actors.Users;

namespace Dotmesh.Rpc.Wire;

/// <summary>A user as callers see one (contract 3.7): the members of both eras.</summary>
public sealed record SafeUser(
    string Id,
    string Name,
    string Email,
    string EmailHash,
    string CustomerId,
    string CurrentPlan,
    ImmutableSortedDictionary<string, string>? Metadata)
{
    public static SafeUser From(User user) => new(
        user.Id,
        user.Name,
        user.Email,
        Convert.ToHexStringLower(MD5.HashData(Encoding.UTF8.GetBytes(user.Email))),
        user.Metadata?.GetValueOrDefault("CustomerId") ?? "",
        user.Metadata?.GetValueOrDefault("CurrentPlan") ?? "",
        user.Metadata);
}

/// <summary>The only reply that shows an API key.</summary>
public sealed record ApiKeyReply(string ApiKey)
{
    public override string ToString() => "ApiKeyReply";
}
