using System.Globalization;
using System.Text.RegularExpressions;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Naming;

/// <summary>What people write for a commit: an id, the beginning of one, <c>HEAD</c>, <c>HEAD^^</c>, <c>HEAD~2</c> (contract 4.2).</summary>
internal static partial class CommitReference
{
    private const int ShortestPrefix = 4;

    /// <param name="commits">Of the branch, oldest first.</param>
    /// <returns>The commit's id; what looks like nothing that is known is taken as an id, for the server to judge.</returns>
    public static string Resolve(string reference, IReadOnlyList<Commit> commits)
    {
        if (Head().Match(reference) is { Success: true } head)
        {
            return Back(head.Groups["carets"].Length + Number(head.Groups["tilde"].Value), commits);
        }

        if (reference.Length < ShortestPrefix || commits.Any(commit => commit.Id == reference))
        {
            return reference;
        }

        var found = commits.Where(commit => commit.Id.StartsWith(reference, StringComparison.Ordinal)).ToList();
        return found.Count switch
        {
            0 => reference,
            1 => found[0].Id,
            _ => throw new CommandFailure(
                ExitCodes.Usage,
                $"{reference} begins {found.Count} commits: {string.Join(", ", found.Take(5).Select(commit => commit.Id))}",
                "Write more of the id."),
        };
    }

    private static string Back(int steps, IReadOnlyList<Commit> commits) =>
        commits.Count == 0 ? throw new CommandFailure(
            ExitCodes.NotFound, "No commits match HEAD", "The branch has no commit of its own yet: 'dm commit' makes one.")
        : steps >= commits.Count ? throw new CommandFailure(
            ExitCodes.NotFound, "Commits don't go back that far", $"The branch has {commits.Count}: 'dm log' lists them.")
        : commits[commits.Count - 1 - steps].Id;

    private static int Number(string digits) =>
        digits.Length == 0 ? 0 : int.TryParse(digits, CultureInfo.InvariantCulture, out var number) ? number : int.MaxValue / 2;

    [GeneratedRegex(@"^HEAD(?<carets>\^*)(~(?<tilde>[0-9]+))?\z", RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Head();
}
