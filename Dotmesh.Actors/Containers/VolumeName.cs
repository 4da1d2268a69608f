namespace Dotmesh.Actors.Containers;

/// <summary>
/// What a container engine calls a volume, <c>[NAMESPACE/]DOT[@BRANCH][.SUBDOT]</c> (contract 4.2).
/// </summary>
/// <param name="Branch">Empty: not pinned, the branch that the plain name leads to on this node; <c>@master</c> is the same.</param>
/// <param name="Subdot">Empty: the filesystem's root, written <c>__root__</c>.</param>
public sealed record VolumeName(DotName Dot, string Branch, string Subdot)
{
    public const string Root = "__root__";
    public const string DefaultSubdot = "__default__";
    private const string DefaultNamespace = "admin";

    /// <summary>The texts of contract 4.2, then those of the names in it.</summary>
    public static Outcome<VolumeName> Parse(string text)
    {
        var dots = text.Split('.');
        if (dots.Length > 2)
        {
            return new Refusal(RefusalCode.Invalid, $"Volume names must be of the form [NAMESPACE/]DOT[.SUBDOT]: '{text}'");
        }

        var subdot = dots.Length == 2 ? dots[1] : DefaultSubdot;
        if (subdot.AsSpan().ContainsAny("$:/.@"))
        {
            return new Refusal(RefusalCode.Invalid, $"Subdot names must not contain $, :, /, ., or @: '{text}'");
        }

        var slashes = dots[0].Split('/');
        if (slashes.Length > 2)
        {
            return new Refusal(RefusalCode.Invalid, $"Volume names must be of the form NAMESPACE/VOLUME or just VOLUME: '{text}'");
        }

        var (space, rest) = slashes.Length == 2 ? (slashes[0], slashes[1]) : (DefaultNamespace, slashes[0]);
        var at = rest.IndexOf('@', StringComparison.Ordinal);
        var (name, branch) = at < 0 ? (rest, "") : (rest[..at], rest[(at + 1)..]);
        return Named(space, name, branch, subdot);
    }

    /// <summary>As an engine lists it: without <c>admin/</c> and <c>__default__</c>, so that it is the name that it was asked for with.</summary>
    public override string ToString()
    {
        var dot = Dot.Namespace == DefaultNamespace ? Dot.Name : Dot.ToString();
        var pinned = Branch.Length == 0 ? dot : $"{dot}@{Branch}";
        return Subdot == DefaultSubdot ? pinned : $"{pinned}.{(Subdot.Length == 0 ? Root : Subdot)}";
    }

    private static Outcome<VolumeName> Named(string space, string name, string branch, string subdot)
    {
        branch = branch == "master" ? "" : branch;
        var dot = Names.Dot(space, name);
        if (dot.Refused(out var refusal))
        {
            return refusal;
        }

        return (Names.CheckBranch(branch) ?? Names.CheckSubdot(subdot)) is { } malformed
            ? malformed
            : new VolumeName(dot.Value, branch, subdot == Root ? "" : subdot);
    }
}
