using System.Collections.Immutable;
using SentProperties = System.Collections.Generic.IReadOnlyDictionary<
    string, System.Collections.Immutable.ImmutableSortedDictionary<string, string>>;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Puts properties of snapshots before a send stream, as <c>zfs send -p</c> would have: the one <c>zfs receive</c> then sets them, where
/// old tools need a process for each property of each snapshot. What a receiver does not take from it is missing afterwards, and is set
/// one by one as ever.
/// </summary>
internal static class PropertyHead
{
    /// <param name="stream">Of one snapshot, or a package, whose own head is dropped.</param>
    /// <param name="properties">By snapshot.</param>
    /// <param name="guids">Likewise; snapshots without one are left out.</param>
    public static async Task<Stream> Before(
        Stream stream, SentProperties properties, IReadOnlyDictionary<string, ulong> guids, CancellationToken ct)
    {
        var begin = SendRecord.First(await ZfsFrame.ReadExactly(stream, SendRecord.Length, ct));
        var labelled = properties.Where(commit => commit.Value.Count > 0 && guids.GetValueOrDefault(commit.Key) != 0).ToList();
        if (!begin.IsBegin || begin.BigEndian || labelled.Count == 0)
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
        var filesystem = new NvWriter().Add("snaps", snapshots).Add("snapprops", properties);
        return new NvWriter().Add("fss", new NvWriter().Add("0x1", filesystem)).Pack();
    }
}
