using System.Collections.Immutable;
using Dotmesh.Actors.Storage;

namespace Dotmesh.Actors.Transfers;

/// <summary>Commits that go over in one stream.</summary>
/// <param name="Commits">Those that the range brings, oldest first.</param>
internal sealed record CommitPackage(StreamRange Range, ImmutableArray<CommitProperties> Commits);

/// <summary>Cuts a range into packages, so that little is repeated after a break. Pure.</summary>
internal static class Packages
{
    /// <summary>Commits in one package. Each costs a fixed number of steps on either side, and as much again as it has commits.</summary>
    public const int Most = 256;

    /// <summary>Characters of metadata in one package, whose prelude is bounded too (<see cref="WirePrelude.MostBytes"/>); one commit in any case.</summary>
    /// <remarks>JSON writes up to six bytes for one, and base64 a third more.</remarks>
    public const int MostMetadata = 1 << 20;

    /// <param name="source">The commits of the side that sends, up to the range's end.</param>
    /// <param name="size">Null: all at once, for an original, which shows a stream as a segment.</param>
    public static IEnumerable<CommitPackage> Of(StreamRange range, ImmutableArray<CommitProperties> source, PackageSize? size)
    {
        var own = range.From?.Filesystem == range.Filesystem;
        var first = own ? source.IndexOf(range.From!.Commit) + 1 : 0;
        var last = source.IndexOf(range.To);
        var from = range.From;
        for (var at = first; at <= last;)
        {
            var count = size is null ? last - at + 1 : Count(source, at, last, size.Most);
            var to = source[at + count - 1].Id;
            yield return new CommitPackage(new StreamRange(range.Filesystem, from, to), source[at..(at + count)]);
            from = new CommitOrigin(range.Filesystem, to);
            at += count;
        }
    }

    private static int Count(ImmutableArray<CommitProperties> source, int first, int last, int most)
    {
        var (count, metadata) = (0, 0L);
        while (count < most && first + count <= last)
        {
            metadata += source[first + count].Metadata.Sum(pair => (long)pair.Key.Length + pair.Value.Length);
            if (count > 0 && metadata > MostMetadata)
            {
                break;
            }

            count++;
        }

        return count;
    }
}

/// <summary>How many commits the next package has at most: few after a break, until packages pass again.</summary>
internal sealed class PackageSize
{
    private const int Shrink = 8;

    public int Most { get; private set; } = Packages.Most;

    /// <param name="commits">Of the package that did not get over.</param>
    public void Broke(int commits) => Most = Math.Max(1, commits / Shrink);

    public void Passed() => Most = Math.Min(Packages.Most, Most * 2);
}
