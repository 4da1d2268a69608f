using System.Text.RegularExpressions;

namespace Dotmesh.Actors;

/// <summary>Validation of names at the edge; patterns and texts of contract 4.1, in its order.</summary>
public static partial class Names
{
    private const string Pattern = @"^[a-zA-Z0-9_\-]{1,64}$";

    public static Refusal? CheckNamespace(string value) => Check(value, "namespace", "namespace");

    public static Refusal? CheckDot(string value) => Check(value, "name", "dot");

    /// <summary>Empty is the master branch and valid.</summary>
    public static Refusal? CheckBranch(string value) => value.Length == 0 ? null : Check(value, "branch", "branch");

    public static Refusal? CheckCommit(string value) => Check(value, "snapshot", "snapshot");

    public static Refusal? CheckSubdot(string value) => Check(value, "subdot", "subdot");

    /// <summary>Namespace first, then name (contract 4.1).</summary>
    public static Outcome<DotName> Dot(string @namespace, string name) =>
        (CheckNamespace(@namespace) ?? CheckDot(name)) is { } refusal ? refusal : new DotName(@namespace, name);

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
}
