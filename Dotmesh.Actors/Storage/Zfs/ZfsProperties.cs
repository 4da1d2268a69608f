using System.Buffers;
using System.Buffers.Text;
using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>User properties of datasets and snapshots (design D5); pure.</summary>
internal static class ZfsProperties
{
    public const string Prefix = "io.dotmesh:";
    public const string Meta = Prefix + "meta-";

    /// <summary>On a snapshot: some or all of its metadata is in the file.</summary>
    public const string InFile = Prefix + "in-file";

    /// <summary>Journals of steps begun, on the dataset they are done to.</summary>
    public const string Stashing = Prefix + "stashing", RollingBack = Prefix + "rolling-back",
        Receiving = Prefix + "receiving";

    /// <summary>On a dataset: the pool keeps, hidden, what came of a stream that broke off; the value is the commit it was to bring.</summary>
    public const string Kept = Prefix + "kept";

    /// <summary>
    /// On a dataset that was received: the commit after which the metadata in its files has not been looked at yet, or <see cref="FromStart"/>.
    /// </summary>
    public const string Unread = Prefix + "unread", FromStart = ".";

    private const string Collaborators = Prefix + "collaborators-";

    // the smallest limit of all pools is 1024 bytes with the final zero; what goes into one fits all
    private const int MaxValue = 1000;
    private const int MaxMetadataProperties = 64;

    // what pools allow in a name; we write no colon
    private const int MaxName = 255;
    private static readonly SearchValues<char> InNames = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-_.:");

    /// <summary>Splits metadata into properties and what has to go into the file.</summary>
    public static (ImmutableArray<KeyValuePair<string, string>> Properties, CommitMetadata File) Split(CommitMetadata metadata)
    {
        var properties = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        var file = new List<KeyValuePair<string, string>>();
        foreach (var pair in metadata)
        {
            var value = Encode(pair.Value);
            if (properties.Count < MaxMetadataProperties && value.Length <= MaxValue && IsPropertyName(pair.Key))
            {
                properties.Add(KeyValuePair.Create(Meta + pair.Key, value));
            }
            else
            {
                file.Add(pair);
            }
        }

        if (file.Count > 0)
        {
            properties.Add(KeyValuePair.Create(InFile, "yes"));
        }

        return (properties.ToImmutable(), new CommitMetadata(file));
    }

    /// <summary>A property that does not decode is left out, as the original does.</summary>
    public static CommitMetadata Metadata(IEnumerable<KeyValuePair<string, string>> properties) => new(
        from property in properties
        where property.Key.StartsWith(Meta, StringComparison.Ordinal)
        let value = Decode(property.Value)
        where value is not null
        select KeyValuePair.Create(property.Key[Meta.Length..], value));

    /// <summary>
    /// Whether a property that another cluster sent with a commit is metadata, or says where metadata is. Nothing else is taken over, and
    /// no value that is not one word: a line in it would be read as one of the pool's own.
    /// </summary>
    public static bool IsMetadata(string name, string value) => name == InFile
        ? value == "yes"
        : name.StartsWith(Meta, StringComparison.Ordinal) && name.Length <= MaxName && name.AsSpan(Meta.Length).IndexOfAnyExcept(InNames) < 0
        && CommitMetadata.CheckKey(name[Meta.Length..]) is null && !value.Any(char.IsWhiteSpace) && Decode(value) is not null;

    public static string Encode(string text) =>
        text.Length == 0 ? "." : Convert.ToBase64String(Encoding.UTF8.GetBytes(text));

    public static string? Decode(string value)
    {
        if (value == ".")
        {
            return "";
        }

        return Base64.IsValid(value) ? Encoding.UTF8.GetString(Convert.FromBase64String(value)) : null;
    }

    public static ImmutableSortedDictionary<string, string> Labels(FilesystemLabels labels)
    {
        var result = ImmutableSortedDictionary.CreateBuilder<string, string>(StringComparer.Ordinal);
        result[Prefix + "dot"] = labels.Dot.Value;
        result[Prefix + "namespace"] = labels.Name.Namespace;
        result[Prefix + "name"] = labels.Name.Name;
        result[Prefix + "branch"] = Encode(labels.Branch);
        result[Prefix + "owner"] = Encode(labels.OwnerId);
        result[Prefix + "owner-name"] = Encode(labels.OwnerName);
        if (labels.Epoch > 1)
        {
            result[Prefix + "epoch"] = labels.Epoch.ToString(CultureInfo.InvariantCulture);
        }

        if (labels.Generation > 0)
        {
            result[Prefix + "generation"] = labels.Generation.ToString(CultureInfo.InvariantCulture);
        }

        if (labels.Replica)
        {
            result[Prefix + "replica"] = "1";
        }

        if (labels.Collaborators.Count > 0)
        {
            var json = Convert.ToBase64String(JsonSerializer.SerializeToUtf8Bytes(
                labels.Collaborators, ZfsJson.Default.ImmutableSortedDictionaryStringString));
            foreach (var (n, chunk) in json.Chunk(MaxValue).Index())
            {
                result[$"{Collaborators}{n:D4}"] = new string(chunk);
            }
        }

        return result.ToImmutable();
    }

    /// <summary>Null when the dataset carries none.</summary>
    public static FilesystemLabels? Labels(IReadOnlyDictionary<string, string> local)
    {
        string? Text(string name) => local.TryGetValue(Prefix + name, out var value) ? Decode(value) : null;
        if (!local.TryGetValue(Prefix + "dot", out var dot) || !local.TryGetValue(Prefix + "namespace", out var ns)
            || !local.TryGetValue(Prefix + "name", out var name))
        {
            return null;
        }

        var chunks = local.Where(p => p.Key.StartsWith(Collaborators, StringComparison.Ordinal))
            .OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => p.Value);
        return new FilesystemLabels(
            new FilesystemId(dot), new DotName(ns, name), Text("branch") ?? "", Text("owner") ?? "",
            Text("owner-name") ?? "", ReadCollaborators(string.Concat(chunks)))
        {
            Epoch = Number(local, "epoch", 1),
            Generation = Number(local, "generation", 0),
            Replica = local.ContainsKey(Prefix + "replica"),
        };
    }

    private static long Number(IReadOnlyDictionary<string, string> local, string name, long otherwise) =>
        local.TryGetValue(Prefix + name, out var text)
        && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : otherwise;

    public static bool IsLabel(string property) =>
        property.StartsWith(Prefix, StringComparison.Ordinal) && property is not (Stashing or RollingBack or Receiving or Kept or Unread)
        && !property.StartsWith(Meta, StringComparison.Ordinal);

    /// <summary>A rollback begun: how many commits it takes away, to which it goes, and when.</summary>
    public static string RollbackNote(int later, CommitId to, DateTimeOffset at) => $"{later}:{to}:{at.ToUnixTimeSeconds()}";

    /// <summary>An incremental receive began: after which commit, what its last one is, and when.</summary>
    public static string ReceivingNote(CommitId after, CommitId last, DateTimeOffset at) => $"{after}:{last}:{at.ToUnixTimeSeconds()}";

    /// <summary>What programs before this one noted does not say the last commit: null.</summary>
    public static (CommitId After, CommitId? Last, DateTimeOffset Begun) ReceivingNote(string note) =>
        note.Split(':') is [var after, .. var middle, var at] && uint.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? (new CommitId(after), middle is [var last] ? new CommitId(last) : null, DateTimeOffset.FromUnixTimeSeconds(seconds))
            : (new CommitId(note), null, DateTimeOffset.UnixEpoch);

    /// <summary>Null when the dataset carries no note.</summary>
    public static (int Later, CommitId To, DateTimeOffset At)? RollbackNote(IReadOnlyDictionary<string, string> local) =>
        local.TryGetValue(RollingBack, out var note) && note.Split(':') is [var count, var to, var at]
        && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var later)
        && uint.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            ? (later, new CommitId(to), DateTimeOffset.FromUnixTimeSeconds(seconds))
            : null;

    private static ImmutableSortedDictionary<string, string> ReadCollaborators(string base64)
    {
        var none = ImmutableSortedDictionary<string, string>.Empty;
        if (base64.Length == 0 || !Base64.IsValid(base64))
        {
            return none;
        }

        try
        {
            return JsonSerializer.Deserialize(
                Convert.FromBase64String(base64), ZfsJson.Default.ImmutableSortedDictionaryStringString) ?? none;
        }
        catch (JsonException)
        {
            // a hand-made or cut value: nobody gains rights by it
            return none;
        }
    }

    private static bool IsPropertyName(string key) =>
        key.Length is > 0 and <= 200
        && key.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '_' or '.');
}
