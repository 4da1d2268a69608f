using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Contents that came whole in a stream which then broke off, by their place in it: the next stream for the same range sends their hashes only.
/// They are files of a folder of their own and belong to no filesystem. They are not flushed, so a start of the node forgets them.
/// </summary>
internal sealed class KeptContents
{
    private static readonly TimeSpan Age = TimeSpan.FromDays(1);

    private readonly PoolFolder _pool;
    private readonly string _id;
    private readonly StreamHead _stream;
    private readonly ImmutableArray<Content> _contents;

    private KeptContents(PoolFolder pool, string id, StreamHead stream, ImmutableArray<Content> contents)
    {
        _pool = pool;
        _id = id;
        _stream = stream;
        _contents = contents;
    }

    /// <summary>How many there are of a stream of this range.</summary>
    internal static int Count(PoolFolder pool, StreamRange range) =>
        TryRead(pool, range.Filesystem.Value) is { } note && note.From == range.From?.Commit.Value && note.To == range.To.Value
            ? note.Contents.Length
            : 0;

    /// <summary>For the stream that comes now; what was kept of another one for this filesystem is forgotten, as is what is old.</summary>
    internal static KeptContents Open(PoolFolder pool, string id, StreamHead stream)
    {
        foreach (var other in PoolFiles.Names(pool.Kept))
        {
            // without a note it is in the making; its own is looked at below
            if (other != id && PoolFiles.TryStat(NoteOf(pool, other), out var note)
                && pool.Time.GetUtcNow() - DateTimeOffset.FromUnixTimeSeconds(note.Modified / 1_000_000_000) > Age)
            {
                Forget(pool, other);
            }
        }

        if (TryRead(pool, id) is { } kept && kept.From == stream.From && kept.FromGuid == stream.FromGuid && kept.To == stream.To)
        {
            return new KeptContents(pool, id, stream, kept.Contents);
        }

        Forget(pool, id);
        return new KeptContents(pool, id, stream, []);
    }

    /// <summary>What cannot be removed now goes with the next start: it is no reason to fail whatever comes to its end.</summary>
    internal static void Forget(PoolFolder pool, string id)
    {
        try
        {
            if (DirectoryStorage.IsName(id))
            {
                PoolFiles.Remove($"{pool.Kept}/{id}");
            }
        }
        catch (StorageException failure)
        {
            pool.Log.LogNotForgotten(id, failure.Message);
        }
    }

    internal void Forget() => Forget(_pool, _id);

    /// <summary>Makes it an object of the filesystem.</summary>
    internal ulong Take(int place, long size, byte[] hash, FilesystemFolder folder, ObjectStore objects)
    {
        if (place >= _contents.Length || _contents[place].Size != size || _contents[place].Hash != Convert.ToHexString(hash))
        {
            throw SectionReader.Bad("it goes on after another one than what broke off here");
        }

        objects.Make(out var id).Dispose();
        PoolFiles.Rename(PathOf(place), $"{folder.Objects}/{id.ToString(CultureInfo.InvariantCulture)}");
        return id;
    }

    /// <summary>What came, and what was there for what had not come yet.</summary>
    /// <param name="contents">Those that came, with their objects, in their order.</param>
    internal void Keep(FilesystemFolder folder, List<Content> contents)
    {
        if (contents.Count == 0)
        {
            return;
        }

        try
        {
            PoolFiles.MakeFolder($"{_pool.Kept}/{_id}", 0x1C0);

            // no note is about files that are being replaced
            PoolFiles.Remove(NoteOf(_pool, _id));
            for (var place = 0; place < contents.Count; place++)
            {
                PoolFiles.Rename($"{folder.Objects}/{contents[place].Object.ToString(CultureInfo.InvariantCulture)}", PathOf(place));
            }

            var note = new Note(_stream.From, _stream.FromGuid, _stream.To, [.. contents, .. _contents.Skip(contents.Count)]);
            PoolFiles.Replace(NoteOf(_pool, _id), JsonSerializer.SerializeToUtf8Bytes(note, DirectoryJson.Default.Note), durable: false);
        }
        catch (StorageException failure)
        {
            _pool.Log.LogNothingKept(_id, failure.Message);
            Forget();
        }
    }

    private string PathOf(int place) => $"{_pool.Kept}/{_id}/{place.ToString(CultureInfo.InvariantCulture)}";

    private static string NoteOf(PoolFolder pool, string id) => $"{pool.Kept}/{id}/note";

    private static Note? TryRead(PoolFolder pool, string id)
    {
        var bytes = DirectoryStorage.IsName(id) ? PoolFiles.TryRead(NoteOf(pool, id)) : null;
        try
        {
            return bytes is null ? null : JsonSerializer.Deserialize(bytes, DirectoryJson.Default.Note);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <param name="Object">Its number while the stream is received.</param>
    /// <param name="Hash">See <see cref="ContentHash"/>; hexadecimal.</param>
    internal sealed record Content(ulong Object, long Size, string Hash);

    /// <param name="FromGuid">As in <see cref="StreamHead"/>.</param>
    internal sealed record Note(string? From, ulong FromGuid, string To, ImmutableArray<Content> Contents);
}
