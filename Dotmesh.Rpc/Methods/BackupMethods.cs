using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Gateway;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>
/// Users and names of a cluster, to be had and to be given to another one that has got the dots by push (contract 2.7, 3.9). A dot is
/// found by its id: it gets the name, the owner and the collaborators that the backup has for it.
/// </summary>
internal static class BackupMethods
{
    private static readonly Argument Prefix = Argument.Text("Prefix");
    private static readonly Argument Backup = Argument.Text("Dump");

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<BackupV1>(
            "DotmeshRPC.DumpEtcd",
            "Users, with their secrets, and names of the cluster; no data of dots. Prefix is not looked at.",
            WireJson.Default.BackupV1,
            call => Params.Now<BackupV1>(Dump(call)))
        {
            Arguments = [Prefix],
            Access = Access.Admin,
        },
        new RpcMethod<bool>(
            "DotmeshRPC.RestoreEtcd",
            "Takes users and names from a backup, Dump, which is text; dots that are not here yet are named in the error, all else is done.",
            WireJson.Default.Boolean,
            Restore)
        {
            Arguments = [Prefix, Backup],
            Access = Access.Admin,
        },
    ];

    private static BackupV1 Dump(RpcCall call)
    {
        var rows = call.Dots.Visible(call.Caller).OrderBy(row => row.Name.ToString(), StringComparer.Ordinal).ToList();
        return new BackupV1(
            BackupV1.Known,
            call.Services.Clock.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            [.. call.Users.Export().Select(BackupUser.From)],
            [.. rows.SelectMany(row => row.Filesystems.Select(id => new BackupMaster(id.Value, row.Node.Value)))],
            [.. rows.Select(row => new BackupDot(
                row.Id.Value, row.Name.Namespace, row.Name.Name, row.Collaborators.IsEmpty ? null : [.. row.Collaborators.Keys]))],
            [.. rows.SelectMany(row => row.Branches.Values.Select(branch => new BackupBranch(
                row.Id.Value, branch.Id.Value, branch.Name, new BackupOrigin(branch.Origin.Filesystem.Value, branch.Origin.Commit.Value))))]);
    }

    private static async ValueTask<Outcome<bool>> Restore(RpcCall call)
    {
        var read = Read(call.Text(Backup));
        if (read.Refused(out var refusal))
        {
            return refusal;
        }

        var (backup, faults) = (read.Value, new List<string>());
        foreach (var user in Given(backup.Users))
        {
            Note($"user {user.Name}", await Restored(call, user));
        }

        foreach (var (dot, fault) in await Restored(call, Given(backup.Dots)))
        {
            Note($"dot {dot.OwnerId}/{dot.Name} ({dot.Id})", fault);
        }

        foreach (var branch in Given(backup.Branches))
        {
            Note($"branch {branch.Name} ({branch.FilesystemId})", Missing(call, branch));
        }

        void Note(string what, string? fault) => faults.AddRange(fault is null ? [] : [$"{what}: {fault}"]);
        return faults.Count == 0
            ? true
            : new Refusal(RefusalCode.Conflict, $"got error while importing backup: [{string.Join("; ", faults)}]");
    }

    private static Outcome<BackupV1> Read(string text)
    {
        try
        {
            var backup = JsonSerializer.Deserialize(text, WireJson.Default.BackupV1);
            return backup is not { Version: BackupV1.Known }
                ? new Refusal(RefusalCode.Invalid, $"unsupported backup version '{backup?.Version}', supported version: {BackupV1.Known}")
                : backup;
        }
        catch (JsonException malformed)
        {
            return new Refusal(RefusalCode.Invalid, $"failed to unmarshal into a backup structure: {malformed.Message}");
        }
    }

    /// <summary>Without what stands in the backup as null, or not at all.</summary>
    private static IEnumerable<T> Given<T>(ImmutableArray<T>? values)
        where T : class =>
        values is { IsDefault: false } some ? some.Where(value => value is not null) : [];

    /// <summary>Those that failed are tried again as long as others succeed: a name may be free only when its dot has left it.</summary>
    private static async Task<IReadOnlyList<(BackupDot Dot, string Fault)>> Restored(RpcCall call, IEnumerable<BackupDot> dots)
    {
        var (left, before) = (dots.ToList(), int.MaxValue);
        var failed = new List<(BackupDot Dot, string Fault)>();
        while (left.Count > 0 && left.Count < before)
        {
            (before, failed) = (left.Count, []);
            foreach (var dot in left)
            {
                if (await Restored(call, dot) is { } fault)
                {
                    failed.Add((dot, fault));
                }
            }

            left = [.. failed.Select(one => one.Dot)];
        }

        return failed;
    }

    private static async Task<string?> Restored(RpcCall call, BackupUser user)
    {
        try
        {
            return (await call.Users.Restore(user.Read(), call.Deadline)).Refusal?.Message;
        }
        catch (FormatException wrong)
        {
            return wrong.Message;
        }
    }

    private static async Task<string?> Restored(RpcCall call, BackupDot dot)
    {
        var name = Names.Dot(dot.OwnerId ?? "", dot.Name ?? "");
        if (name.Refused(out var refusal))
        {
            return refusal.Message;
        }

        if (call.Users.FindByName(dot.OwnerId!) is not { } owner)
        {
            return $"there is no user {dot.OwnerId}";
        }

        var collaborators = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        foreach (var id in dot.CollaboratorIds ?? [])
        {
            if (id is null || call.Users.FindById(id) is not { } collaborator)
            {
                return $"the collaborator {id} is no user";
            }

            collaborators[id] = collaborator.Name;
        }

        var master = call.Dots.Resolve(call.Caller, new FilesystemId(dot.Id ?? ""), Right.Admin);
        if (master.Refused(out _) || master.Value.Branch.Length > 0)
        {
            return "it is not here: push it to this cluster and restore again";
        }

        return Is(master.Value.Dot, name.Value, owner.Id, collaborators)
            ? null
            : (await call.Dots.Rename(call.Caller, master.Value, name.Value, owner, collaborators.ToImmutable(), call.Deadline)).Refusal?.Message;
    }

    private static bool Is(DotRow row, DotName name, string owner, IEnumerable<KeyValuePair<string, string>> collaborators) =>
        row.Name == name && row.OwnerId == owner && row.Collaborators.SequenceEqual(collaborators);

    /// <summary>Branches come with their dots and are called what they were called.</summary>
    private static string? Missing(RpcCall call, BackupBranch branch)
    {
        var found = call.Dots.Resolve(call.Caller, new FilesystemId(branch.FilesystemId ?? ""), Right.Admin);
        return found.Refused(out _) ? "it is not here: push it to this cluster"
            : found.Value.Branch == branch.Name ? null
            : $"it is called {found.Value.Branch} here";
    }
}
