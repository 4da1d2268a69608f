using System.Globalization;

namespace Dotmesh.Actors.Containers;

/// <summary>Options of <c>docker volume create -o</c>.</summary>
/// <param name="Dot">Another name for this dot, with its subdot; null: the volume's own name says which.</param>
/// <param name="Branch">Empty: the plain name's.</param>
/// <param name="Commit">Read-only, as it was; null: live.</param>
/// <param name="Copies">How many nodes hold the dot (design D8); null: it stays as it is.</param>
internal sealed record VolumeOptions(VolumeName? Dot, string Branch, CommitId? Commit, int? Copies)
{
    private static readonly string[] Known = ["branch", "commit", "copies", "dot"];

    /// <summary>Whether the name means something else than itself.</summary>
    public bool IsDefinition => Dot is not null;

    /// <summary>Unknown options are refused by name: what is ignored silently is found out too late.</summary>
    public static Outcome<VolumeOptions> Read(IReadOnlyDictionary<string, string> options)
    {
        if (options.Keys.FirstOrDefault(name => !Known.Contains(name, StringComparer.Ordinal)) is { } unknown)
        {
            var meant = Spelling.Closest(unknown, Known) is { } closest ? $" Did you mean {closest}?" : "";
            return new Refusal(RefusalCode.Invalid, $"There is no volume option {unknown}.{meant} There are {string.Join(", ", Known)}.");
        }

        VolumeName? dot = null;
        if (options.TryGetValue("dot", out var text))
        {
            var parsed = VolumeName.Parse(text);
            if (parsed.Refused(out var malformed))
            {
                return malformed with { Message = $"Option dot: {malformed.Message}" };
            }

            dot = parsed.Value;
        }

        return Read(options, dot);
    }

    private static Outcome<VolumeOptions> Read(IReadOnlyDictionary<string, string> options, VolumeName? dot)
    {
        var (branch, commit) = (options.GetValueOrDefault("branch", ""), options.GetValueOrDefault("commit"));
        branch = branch == "master" ? "" : branch;
        if ((Names.CheckBranch(branch) ?? (commit is null ? null : Names.CheckCommit(commit))) is { } malformed)
        {
            return malformed;
        }

        if (dot is null && (branch.Length > 0 || commit is not null))
        {
            return new Refusal(
                RefusalCode.Invalid,
                "A branch or commit needs a dot to take it of: choose a name for the volume that is not a dot's, and add -o dot=NAME.");
        }

        if (dot is { Branch.Length: > 0 } && branch.Length > 0 && dot.Branch != branch)
        {
            return new Refusal(RefusalCode.Invalid, $"Option dot says branch {dot.Branch}, option branch says {branch}.");
        }

        var copies = default(int?);
        if (options.TryGetValue("copies", out var number))
        {
            if (!int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var count) || count > 1000)
            {
                return new Refusal(RefusalCode.Invalid, $"Option copies is a number of nodes, 0 to 1000, where 0 is the cluster's own: {number}");
            }

            copies = count;
        }

        return new VolumeOptions(
            dot is null ? null : dot with { Branch = branch.Length > 0 ? branch : dot.Branch }, branch, commit is null ? null : new CommitId(commit), copies);
    }
}
