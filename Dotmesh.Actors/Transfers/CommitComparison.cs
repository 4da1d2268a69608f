using System.Collections.Immutable;

namespace Dotmesh.Actors.Transfers;

/// <summary>
/// What has to be moved so that a target has the commits of a source, or why it cannot be (contract 5.5.1). Pure; costs one pass over
/// either list. Only ids are compared: a peer tells nothing else that tells commits apart.
/// </summary>
public abstract record CommitComparison
{
    private const int ShownIds = 10;

    /// <summary>The contract's text; for what can be sent it is for the log.</summary>
    public abstract string Text { get; }

    /// <summary>There is nothing to send.</summary>
    public sealed record NoSource : CommitComparison
    {
        public override string Text => "no snapshots in source";
    }

    /// <summary>The target has no commits: all of them, up to <paramref name="To"/>.</summary>
    public sealed record SendAll(CommitId To) : CommitComparison
    {
        public override string Text => $"toSnaps is empty, sending everything up to {To}";
    }

    /// <param name="Source">Ids as the text shows them: the newest ten at most, because this text is kept in the transfer's record.</param>
    /// <param name="Target">Likewise.</param>
    public sealed record NoCommon(string Source, string Target) : CommitComparison
    {
        public override string Text => $"no common snapshots from [{Source}] to [{Target}]";
    }

    /// <summary>Both end at the same commit.</summary>
    public sealed record UpToDate(CommitId At) : CommitComparison
    {
        public override string Text => "toSnaps is up-to-date";
    }

    /// <summary>The target ends at <paramref name="From"/>, and the source goes on from there to <paramref name="To"/>.</summary>
    public sealed record FastForward(CommitId From, CommitId To) : CommitComparison
    {
        public override string Text => $"toSnaps is behind, sending from {From} to {To}";
    }

    /// <summary>The source ends at <paramref name="LatestCommon"/>, and the target goes on from there.</summary>
    public sealed record Ahead(CommitProperties LatestCommon) : CommitComparison
    {
        public override string Text => "toSnaps is ahead";
    }

    /// <summary>Both go on from <paramref name="LatestCommon"/>, in different ways.</summary>
    public sealed record Diverged(CommitProperties LatestCommon) : CommitComparison
    {
        public override string Text => $"toSnaps diverged (latest common snapshot={LatestCommon})";
    }

    /// <summary>Compares two lists, both oldest first.</summary>
    /// <param name="source">What is to be there; metadata in texts is taken from here.</param>
    /// <param name="target">What is there.</param>
    public static CommitComparison Of(IReadOnlyList<CommitProperties> source, IReadOnlyList<CommitProperties> target)
    {
        if (source.Count == 0)
        {
            return new NoSource();
        }

        if (target.Count == 0)
        {
            return new SendAll(source[^1].Id);
        }

        var there = target.Select(commit => commit.Id).ToHashSet();
        var latest = source.Count - 1;
        while (latest >= 0 && !there.Contains(source[latest].Id))
        {
            latest--;
        }

        if (latest < 0)
        {
            return new NoCommon(Shown(source), Shown(target));
        }

        var common = source[latest];
        return (EndsSource: latest == source.Count - 1, EndsTarget: target[^1].Id == common.Id) switch
        {
            (true, true) => new UpToDate(common.Id),
            (false, true) => new FastForward(common.Id, source[^1].Id),
            (true, false) => new Ahead(common),
            (false, false) => new Diverged(common),
        };
    }

    /// <summary>The source up to the commit at which the next filesystem of the path starts (contract 6.3); null: all of it.</summary>
    /// <returns>Refused when the source has no such commit: the path and the commits were told at different times.</returns>
    public static Outcome<ImmutableArray<CommitProperties>> Cut(
        FilesystemId filesystem, ImmutableArray<CommitProperties> source, CommitId? upTo)
    {
        if (upTo is not { } last)
        {
            return source;
        }

        var at = source.IndexOf(last);
        return at < 0 ? Refusals.NoSuchCommit(last, $"{filesystem}") : source[..(at + 1)];
    }

    private static string Shown(IReadOnlyList<CommitProperties> commits) =>
        (commits.Count > ShownIds ? "... " : "")
        + string.Join(' ', commits.Skip(Math.Max(0, commits.Count - ShownIds)).Select(commit => commit.Id));
}
