using System.Collections.Immutable;
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
        var labelled = properties.Where(commit => commit.Value.Count > 0 && guids.GetValueOrDefault(commit.Key) != 0).ToList();
        var characters = labelled.Sum(commit => commit.Value.Sum(property => (long)property.Key.Length + property.Value.Length));
        if (!begin.IsBegin || begin.BigEndian || labelled.Count == 0 || characters > MostCharacters)
        {
            return Joined(begin.Bytes.ToArray(), stream, []);
        }

        if (begin.IsPackage)
        {
            // its head ends with a record of its own; its last record ends the new one
            await ZfsFrame.ReadExactly(stream, begin.Payload <= SendRecord.MaxPayload ? (int)begin.Payload : throw ZfsFrame.Bad("is damaged"), ct);
            await ZfsFrame.ReadExactly(stream, SendRecord.Length, ct);
            return Joined(begin.PackageHead(begin.Name, List(labelled, guids)), stream, []);
        }

        return Joined([.. begin.PackageHead(begin.Name, List(labelled, guids)), .. begin.Bytes.Span], stream, SendRecord.PackageEnd());
    }

    private static JoinedStream Joined(byte[] first, Stream stream, byte[] last) => new(new MemoryStream(first), stream, new MemoryStream(last));

    private static byte[] List(
        IEnumerable<KeyValuePair<string, ImmutableSortedDictionary<string, string>>> labelled, IReadOnlyDictionary<string, ulong> guids)
    {
        var (snapshots, properties) = (new NvWriter(), new NvWriter());
        foreach (var (commit, values) in labelled)
        {
            snapshots.Add(commit, guids[commit]);
            var own = new NvWriter();
            foreach (var (name, value) in values.Where(p => ZfsProperties.IsMetadata(p.Key, p.Value)))
            {
                own.Add(name, value);
            }

            properties.Add(commit, own);
        }

        // called by a number where zfs does it; nothing is looked up by it
        var filesystem = new NvWriter().Add("props", new NvWriter().Add(Mark, "yes")).Add("snaps", snapshots).Add("snapprops", properties);
        return new NvWriter().Add("fss", new NvWriter().Add("0x1", filesystem)).Pack();
    }
}
