using System.Collections.Immutable;

namespace Dotmesh.Actors.Transfers;

/// <summary>What is done with lists of commits, oldest first, wherever they come from.</summary>
public static class CommitList
{
    /// <summary>The newest ones are the likeliest to be asked for; -1: it is not there.</summary>
    public static int IndexOf(this ImmutableArray<CommitProperties> commits, CommitId id)
    {
        var at = commits.Length - 1;
        while (at >= 0 && commits[at].Id != id)
        {
            at--;
        }

        return at;
    }

    /// <summary>
    /// A list as another cluster told it. Refused (<see cref="RefusalCode.Invalid"/>) with the first that is malformed or there twice, counted from 1.
    /// </summary>
    public static Outcome<ImmutableArray<CommitProperties>> Read(IEnumerable<Outcome<CommitProperties>> told)
    {
        var commits = ImmutableArray.CreateBuilder<CommitProperties>();
        var seen = new HashSet<CommitId>();
        foreach (var commit in told)
        {
            var why = commit.Refused(out var refusal) ? refusal.Message
                : seen.Add(commit.Value.Id) ? null
                : $"{commit.Value.Id} is there twice";
            if (why is not null)
            {
                return new Refusal(RefusalCode.Invalid, $"commit {commits.Count + 1}: {why}");
            }

            commits.Add(commit.Value);
        }

        return commits.ToImmutable();
    }
}
