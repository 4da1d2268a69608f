using SentProperties = System.Collections.Generic.IReadOnlyDictionary<
    string, System.Collections.Immutable.ImmutableSortedDictionary<string, string>>;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Puts properties of snapshots before a send stream, as <c>zfs send -p</c> would have: the one <c>zfs receive</c> then sets them, where
/// old tools need a process for each property of each snapshot. What a receiver does not take from it is missing afterwards, and is set
/// one by one as ever.
/// </summary>
/// <remarks>
/// The first stream with a head that comes for a dataset takes every property away from it that was set there, labels and mountpoint: old
/// pools have it so. A dataset that was made by such a stream has none yet, and carries <see cref="Mark"/> from then on, which no other way
/// of making one gives it. Without it no stream for a dataset that is there may have a head.
/// </remarks>
internal static class PropertyHead
{
    /// <summary>On a dataset, with the source <c>received</c>.</summary>
    public const string Mark = ZfsProperties.Prefix + "received";

    // of all properties together, several copies of which are made
    private const long MostCharacters = 16 << 20;

    /// <param name="stream">Of one snapshot, or a package, whose own head is dropped.</param>
    /// <param name="properties">By snapshot.</param>
    /// <param name="guids">Likewise; snapshots without one are left out.</param>
    public static async Task<Stream> Before(
        Stream stream, SentProperties properties, IReadOnlyDictionary<string, ulong> guids, CancellationToken ct)
    {
        var begin = SendRecord.First(await ZfsFrame.ReadExactly(stream, SendRecord.Length, ct));
        var labelled = guids.Where(commit => commit.Value != 0 && properties.GetValueOrDefault(commit.Key) is { Count: > 0 }).ToList();
        var characters = labelled.Sum(commit => properties[commit.Key].Sum(property => (long)property.Key.Length + property.Value.Length));
        if (!begin.IsBegin || begin.BigEndian || labelled.Count == 0 || characters > MostCharacters)
        {
            return Joined(begin.Bytes.ToArray(), stream, []);
        }

        if (begin.IsPackage)
        {
            // its head ends with a record of its own; its last record ends the new one
            await ZfsFrame.ReadExactly(stream, begin.Payload <= SendRecord.MaxPayload ? (int)begin.Payload : throw ZfsFrame.Bad("is damaged"), ct);
            await ZfsFrame.ReadExactly(stream, SendRecord.Length, ct);
            return Joined(begin.PackageHead(begin.Name, List(labelled, properties)), stream, []);
        }

        return Joined([.. begin.PackageHead(begin.Name, List(labelled, properties)), .. begin.Bytes.Span], stream, SendRecord.PackageEnd());
    }

    private static JoinedStream Joined(byte[] first, Stream stream, byte[] last) => new(new MemoryStream(first), stream, new MemoryStream(last));

    private static byte[] List(IEnumerable<KeyValuePair<string, ulong>> labelled, SentProperties properties)
    {
        var (snapshots, bySnapshot) = (new NvWriter(), new NvWriter());
        foreach (var (commit, guid) in labelled)
        {
            snapshots.Add(commit, guid);
            var own = new NvWriter();
            foreach (var (name, value) in properties[commit].Where(p => ZfsProperties.IsMetadata(p.Key, p.Value)))
            {
                own.Add(name, value);
            }

            bySnapshot.Add(commit, own);
        }

        // called by a number where zfs does it; nothing is looked up by it
        var filesystem = new NvWriter().Add("props", new NvWriter().Add(Mark, "yes")).Add("snaps", snapshots).Add("snapprops", bySnapshot);
        return new NvWriter().Add("fss", new NvWriter().Add("0x1", filesystem)).Pack();
    }
}
