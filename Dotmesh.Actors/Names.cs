using System.Text.RegularExpressions;

namespace Dotmesh.Actors;

/// <summary>Validation of names at the edge; patterns and texts of contract 4.1, in its order.</summary>
public static partial class Names
{
    private const string Pattern = @"^[a-zA-Z0-9_\-]{1,64}$";
    private const string IdPattern = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";

    public static Refusal? CheckNamespace(string value) => Check(value, "namespace", "namespace");

    public static Refusal? CheckDot(string value) => Check(value, "name", "dot");

    /// <summary>Empty is the master branch and valid.</summary>
    public static Refusal? CheckBranch(string value) => value.Length == 0 ? null : Check(value, "branch", "branch");

    public static Refusal? CheckCommit(string value) => Check(value, "snapshot", "snapshot");

    public static Refusal? CheckSubdot(string value) => Check(value, "subdot", "subdot");

    /// <summary>Namespace first, then name (contract 4.1).</summary>
    public static Outcome<DotName> Dot(string @namespace, string name) =>
        (CheckNamespace(@namespace) ?? CheckDot(name)) is { } refusal ? refusal : new DotName(@namespace, name);

    /// <summary>A commit's id.</summary>
    public static Outcome<CommitId> Commit(string value) => CheckCommit(value) is { } refusal ? refusal : new CommitId(value);

    /// <summary>
    /// The id of a filesystem as another cluster sent it. It becomes the name of a dataset and of folders, so only the form that every
    /// server makes is let in: a lower-case UUID, of any version and variant, because the original's variant bits are random.
    /// </summary>
    public static Outcome<FilesystemId> Filesystem(string value) =>
        value.Length == 0 ? new Refusal(RefusalCode.Invalid, "filesystem id cannot be empty")
        : IdOfFilesystem().IsMatch(value) ? new FilesystemId(value)
        : new Refusal(RefusalCode.Invalid, $"invalid filesystem id, should match pattern: {IdPattern}");

    private static Refusal? Check(string value, string whenEmpty, string whenInvalid)
    {
        if (value.Length == 0)
        {
            return new Refusal(RefusalCode.Invalid, $"{whenEmpty} cannot be empty");
        }

        return NamePattern().IsMatch(value)
            ? null
            : new Refusal(RefusalCode.Invalid, $"invalid {whenInvalid} name, should match pattern: {Pattern}");
    }

    // \z and not $: .NET's $ accepts a trailing newline
    [GeneratedRegex(@"^[a-zA-Z0-9_\-]{1,64}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1000)]
    private static partial Regex IdOfFilesystem();
}
