using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Metadata in <c>dotmesh.metadata/COMMIT.json</c> inside the filesystem (contract 3.2). The folder is in the users'
/// hands, so links are not followed and sizes are bounded.
/// </summary>
internal static class MetadataFiles
{
    private const string Folder = "dotmesh.metadata";
    private const long MaxBytes = 16 << 20;

    public static void Write(string root, CommitId commit, CommitMetadata metadata)
    {
        var folder = new DirectoryInfo(Path.Combine(root, Folder));
        if (folder.LinkTarget is not null)
        {
            throw new StorageException(StorageFailure.Unrepresentable, $"'{Folder}' is a link; metadata cannot be kept in it.");
        }

        var json = new JsonObject(metadata.Select(pair =>
            KeyValuePair.Create(pair.Key, (JsonNode?)ZfsProperties.Encode(pair.Value))));
        try
        {
            folder.Create();
            StorageErrors.AllowAll(folder.FullName);
            var path = Path.Combine(folder.FullName, $"{commit}.json");
            // a link in the file's place is removed, not written through
            File.Delete(path);
            using (var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write))
            {
                JsonSerializer.Serialize(file, json, ZfsJson.Default.JsonObject);
            }

            StorageErrors.AllowAll(path);
        }
        catch (IOException full)
        {
            Remove(root, commit);
            throw StorageErrors.From(full, $"The metadata of commit {commit} could not be written");
        }
    }

    public static void Remove(string root, CommitId commit)
    {
        try
        {
            File.Delete(Path.Combine(root, Folder, $"{commit}.json"));
        }
        catch (IOException)
        {
            // what is left is data of no commit; a repetition overwrites it
        }
    }

    /// <summary>Ids of commits that have a file here.</summary>
    public static HashSet<string> Ids(string root)
    {
        var folder = new DirectoryInfo(Path.Combine(root, Folder));
        return folder is { Exists: true, LinkTarget: null }
            ? folder.EnumerateFiles("*.json").Select(f => Path.GetFileNameWithoutExtension(f.Name)).ToHashSet(StringComparer.Ordinal)
            : [];
    }

    /// <summary>Null when there is none or it is not what it should be.</summary>
    public static CommitMetadata? Read(string root, CommitId commit)
    {
        var file = new FileInfo(Path.Combine(root, Folder, $"{commit}.json"));
        if (file is not { Exists: true, LinkTarget: null, Length: <= MaxBytes })
        {
            return null;
        }

        try
        {
            return JsonNode.Parse(File.ReadAllBytes(file.FullName)) is JsonObject json
                ? new CommitMetadata(
                    from pair in json
                    where pair.Value is JsonValue value && value.GetValueKind() == JsonValueKind.String
                    let text = ZfsProperties.Decode(pair.Value!.GetValue<string>())
                    where text is not null
                    select KeyValuePair.Create(pair.Key, text))
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

internal static class StorageErrors
{
    private const int EIo = 5, ENoSpc = 28, ENotConn = 107, EDQuot = 122;
    private const UnixFileMode All = (UnixFileMode)0b111_111_111;

    /// <summary>The runtime keeps the system's error number in the result code.</summary>
    public static StorageException From(IOException error, string what)
    {
        var (failure, advice) = (error.HResult & 0xffff) switch
        {
            ENoSpc or EDQuot => (StorageFailure.PoolFull, "Remove files, branches or dots, or give the pool more space, and try again."),
            ENotConn => (StorageFailure.PoolMissing, "The ZFS daemon behind this mount ended: start it, import the pool, and try again."),
            EIo => (StorageFailure.PoolSuspended, "The pool has a device that fails; 'zpool status' tells more."),
            _ => (StorageFailure.Unexpected, ""),
        };
        return new StorageException(failure, $"{what}: {error.Message} {advice}".TrimEnd(), error);
    }

    /// <summary>Mode 0777, whatever the umask.</summary>
    public static void AllowAll(string path)
    {
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, All);
        }
    }
}
