using Dotmesh.Actors.Directory;
using Dotmesh.Actors.Dots;
using Dotmesh.Actors.Gateway;
using Dotmesh.Actors.Users;

namespace Dotmesh.Actors.Containers;

/// <inheritdoc cref="IVolumes"/>
/// <param name="isElsewhere">See <see cref="ContainerSettings"/>.</param>
internal sealed class VolumesFacade(
    DotsFacade dots, DotEnvironment env, EngineContainers containers, VolumeDefinitions definitions, bool isElsewhere) : IVolumes
{
    private static readonly Caller Admin = new(new User(User.AdminId, User.AdminName, "", null), AuthenticationType.ApiKey);

    public IEnumerable<VolumeView> List() => dots.Visible(Admin)
        .Select(row => new VolumeName(row.Name, "", VolumeName.DefaultSubdot))
        .Select(name => new VolumeView(name.ToString(), PathOf(name)))
        .ExceptBy(definitions.All.Select(definition => definition.Name), view => view.Name)
        .Concat(definitions.All.Select(definition => new VolumeView(definition.Name, PathOf(definition.Target))));

    public Outcome<VolumeView> Find(string name)
    {
        var target = Target(name);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var (volume, _) = target.Value;
        return dots.Resolve(Admin, volume.Dot, volume.Branch, Right.Use).Refusal is null || (volume.Branch.Length == 0 && containers.HaveVolume(name))
            ? new VolumeView(name, PathOf(volume))
            : new Refusal(RefusalCode.NotFound, "Error getting volume: No such top-level filesystem");
    }

    public Outcome<string> PathOf(string name) => Target(name).Then<string>(target => PathOf(target.Volume));

    public async Task<Outcome<Done>> Create(string name, IReadOnlyDictionary<string, string> options, CancellationToken ct)
    {
        var read = VolumeOptions.Read(options);
        if (read.Refused(out var refusal))
        {
            return refusal;
        }

        var made = read.Value.IsDefinition ? await Define(name, read.Value, ct) : await Make(name, ct);
        return made.Refused(out refusal) ? refusal
            : read.Value.Copies is { } copies ? await dots.SetReplication(Admin, made.Value, copies, ct)
            : default(Done);
    }

    public async Task<Outcome<Done>> Remove(string name, CancellationToken ct)
    {
        if (definitions.Find(name) is not null)
        {
            await definitions.Remove(name, ct);
        }

        return default(Done);
    }

    public async Task<Outcome<string>> Mount(string name, string id, CancellationToken ct)
    {
        var target = Target(name);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        var (volume, commit) = target.Value;
        var hold = new VolumeHold(name, id);
        var done = false;
        containers.Want(name, id);
        try
        {
            var mounted = commit is { } at
                ? await dots.ProcureCommit(Admin, volume, at, hold, ct)
                : await dots.Procure(Admin, volume, hold, ct);
            done = mounted.Refusal is null;
            return isElsewhere ? mounted.Then<string>(link => MountLinks.Resolved(link, volume.Subdot)) : mounted;
        }
        finally
        {
            if (!done)
            {
                // an engine gives nothing back that it did not get
                containers.Release(name, id);
            }
        }
    }

    public Outcome<Done> Unmount(string name, string id)
    {
        containers.Release(name, id);
        return default(Done);
    }

    private Outcome<(VolumeName Volume, CommitId? Commit)> Target(string name) => definitions.Find(name) is { } defined
        ? (defined.Target, defined.Commit)
        : VolumeName.Parse(name).Then<(VolumeName, CommitId?)>(parsed => (parsed, null));

    private string PathOf(VolumeName name) => Path.Combine(env.Links.PathOf(name.Dot, name.Branch), name.Subdot);

    /// <summary>Where it is stays as it is until something is mounted.</summary>
    private async Task<Outcome<DotTarget>> Make(string name, CancellationToken ct)
    {
        var parsed = VolumeName.Parse(name);
        return parsed.Refused(out var refusal) ? refusal : await dots.FindOrCreate(Admin, parsed.Value.Dot, parsed.Value.Branch, ct);
    }

    private async Task<Outcome<DotTarget>> Define(string name, VolumeOptions options, CancellationToken ct)
    {
        var volume = options.Dot!;
        if (VolumeName.Parse(name) is { Refusal: null } plain && dots.Resolve(Admin, plain.Value.Dot, "", Right.Use).Refusal is null)
        {
            return new Refusal(RefusalCode.AlreadyExists, $"{plain.Value.Dot} is a dot: choose another name for the volume.");
        }

        var target = dots.Resolve(Admin, volume.Dot, volume.Branch, Right.Use);
        if (target.Refused(out var refusal))
        {
            return refusal;
        }

        if (options.Commit is { } commit)
        {
            var commits = await dots.Commits(target.Value, ct);
            if (commits.Refused(out refusal))
            {
                return refusal;
            }

            if (commits.Value.All(known => known.Id != commit))
            {
                return Refusals.NoSuchCommit(commit, $"{volume.Dot}{(volume.Branch.Length == 0 ? "" : $"@{volume.Branch}")}");
            }
        }

        var wanted = new VolumeDefinition(name, volume, options.Commit);
        var kept = await definitions.Add(wanted, ct);
        return kept == wanted
            ? target
            : new Refusal(
                RefusalCode.AlreadyExists,
                $"A volume {name} exists already, for {kept.Target}{(kept.Commit is { } at ? $" at {at}" : "")}. Remove it first.");
    }
}

/// <summary>Who holds a mount: <see cref="HeldMount"/> without the filesystem.</summary>
internal sealed record VolumeHold(string Volume, string Id);
