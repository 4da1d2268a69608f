namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Takes what <c>zfs send</c> wrote apart: the snapshots in it one by one, each as a stream that can be received alone, and the properties
/// of snapshots. Nothing else of a package is passed on, because it decides where datasets are mounted, which are made beside the
/// one that was asked for, and what they are called; and the receiver of an old pool has no way to refuse that. To be used in the
/// order <see cref="Open"/>, <see cref="Next"/> and its stream, <see cref="Next"/> ...
/// </summary>
internal sealed class SendReader(Stream input)
{
    private const int MaxHead = 64 << 20;

    private SendRecord? _first;
    private bool _bigEndian;
    private bool _package;

    /// <summary>Reads up to the first snapshot. Answers the properties of snapshots by their names, as far as the stream has any.</summary>
    public async Task<IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>>> Open(CancellationToken ct)
    {
        var begin = SendRecord.First(await ZfsFrame.ReadExactly(input, SendRecord.Length, ct));
        if (!begin.IsBegin)
        {
            throw ZfsFrame.Bad("is not one of 'zfs send'");
        }

        (_bigEndian, _package) = (begin.BigEndian, begin.IsPackage);
        if (!_package)
        {
            _first = begin;
            return Properties(new NvList());
        }

        if (begin.Payload > MaxHead)
        {
            throw ZfsFrame.Bad($"has {begin.Payload} bytes of properties, and {MaxHead} are the most");
        }

        var payload = await ZfsFrame.ReadExactly(input, (int)begin.Payload, ct);
        var sum = new Fletcher4(_bigEndian);
        sum.Add(begin.Bytes.Span);
        sum.Add(payload);
        var end = await Read(ct);
        if (!end.IsEnd || end.Checksum != sum.Sum)
        {
            throw ZfsFrame.Bad("has a damaged head");
        }

        try
        {
            return Properties(payload.Length == 0 ? new NvList() : NvList.Read(payload));
        }
        catch (InvalidDataException damaged)
        {
            throw ZfsFrame.Bad($"has a damaged head: {damaged.Message}");
        }
    }

    /// <summary>
    /// The next snapshot, to be read to its end before the one after it; null at the end of the stream, after which nothing may follow.
    /// </summary>
    public async Task<SentSnapshot?> Next(CancellationToken ct)
    {
        var (begin, ended) = (_first, false);
        _first = null;
        if (begin is null && _package)
        {
            begin = await Read(ct);
            ended = begin.Value.IsEnd;
        }

        if (begin is null || ended)
        {
            return await input.ReadAsync(new byte[1], ct) == 0 ? null : throw ZfsFrame.Bad("goes on after its end");
        }

        return begin.Value is { IsBegin: true, IsPackage: false } snapshot
            ? new SentSnapshot(snapshot, input)
            : throw ZfsFrame.Bad("is damaged");
    }

    private async Task<SendRecord> Read(CancellationToken ct) =>
        new(await ZfsFrame.ReadExactly(input, SendRecord.Length, ct), _bigEndian);

    /// <summary>They stand under the filesystems, which are called by their GUIDs.</summary>
    private static Dictionary<string, IReadOnlyDictionary<string, string>> Properties(NvList head)
    {
        var result = new Dictionary<string, IReadOnlyDictionary<string, string>>(StringComparer.Ordinal);
        var filesystems = head.Lists.GetValueOrDefault("fss")?.Lists.Values ?? Enumerable.Empty<NvList>();
        foreach (var (name, properties) in filesystems.SelectMany(f => f.Lists.GetValueOrDefault("snapprops")?.Lists ?? []))
        {
            result[name] = properties.Texts;
        }

        return result;
    }
}

/// <summary>The stream of one snapshot, from its BEGIN to its END.</summary>
internal sealed class SentSnapshot : ReadOnlyStream
{
    private const SendFeatures Useless = SendFeatures.Resuming | SendFeatures.Redacted | SendFeatures.Raw;

    private readonly Stream _input;
    private readonly SendRecord _begin;
    private ReadOnlyMemory<byte> _structure;
    private ulong _payload;
    private bool _ended;

    public SentSnapshot(SendRecord begin, Stream input)
    {
        (_input, _begin) = (input, begin);
        (Dataset, Name) = begin.Name.Split('@') is [var dataset, var name]
            ? (dataset, name)
            : throw ZfsFrame.Bad("holds a snapshot without a name");
        if (!begin.IsOfFiles)
        {
            throw ZfsFrame.Bad($"holds {begin.Name}, which is no file system");
        }

        if ((begin.Features & Useless) != SendFeatures.None)
        {
            throw ZfsFrame.Bad($"holds {begin.Name} in a form that cannot be used here ({begin.Features & Useless})");
        }

        Enter(begin);
    }

    /// <summary>The dataset that was sent, as it is called there.</summary>
    public string Dataset { get; }

    public string Name { get; }

    public ulong FromGuid => _begin.FromGuid;

    public ulong ToGuid => _begin.ToGuid;

    /// <summary>Fills as much of the buffer as there is: records are small, and many.</summary>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var filled = 0;
        while (filled < buffer.Length)
        {
            var room = buffer[filled..];
            if (_structure.Length > 0)
            {
                var some = _structure[..Math.Min(_structure.Length, room.Length)];
                some.CopyTo(room);
                _structure = _structure[some.Length..];
                filled += some.Length;
            }
            else if (_payload > 0)
            {
                var count = await _input.ReadAsync(room[..(int)Math.Min(_payload, (ulong)room.Length)], cancellationToken);
                _payload -= (ulong)count;
                filled += count > 0 ? count : throw ZfsFrame.Bad("ends too early");
            }
            else if (_ended)
            {
                break;
            }
            else
            {
                Enter(new SendRecord(await ZfsFrame.ReadExactly(_input, SendRecord.Length, cancellationToken), _begin.BigEndian));
            }
        }

        return filled;
    }

    private void Enter(SendRecord record)
    {
        (_structure, _payload, _ended) = (record.Bytes, record.Payload, record.IsEnd);
        if (!record.IsKnown || _payload > SendRecord.MaxPayload)
        {
            throw ZfsFrame.Bad("is damaged");
        }
    }
}
