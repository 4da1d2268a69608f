using System.Globalization;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Sizes. A pool tells them as of its last transaction group, so one is forced first: a write that is not seen here would
/// be lost by whoever asks whether there is anything to commit.
/// </summary>
public sealed partial class ZfsStorage
{
    private const int MaxNames = 500;

    public async Task<IReadOnlyDictionary<FilesystemId, FilesystemUsage>> Usage(
        IReadOnlyCollection<FilesystemId> ids, CancellationToken ct)
    {
        var result = new Dictionary<FilesystemId, FilesystemUsage>();
        if (ids.Count == 0)
        {
            return result;
        }

        await _tool.CloseGroup(ct);
        foreach (var chunk in ids.Chunk(MaxNames))
        {
            string[] what = _features.Kernel
                ? ["get", "-Hp", "-o", "name,property,value", "referenced,written"]
                : ["get", "-Hp", "-r", "-o", "name,property,value", "referenced,used,usedbydataset,origin"];
            var answer = await _tool.TryZfs([.. what, .. chunk.Select(_names.Dataset)], ct);
            // missing ones make it fail, the others are there nevertheless
            if (answer.ExitCode != 0
                && await _tool.Failure(what, answer, ct) is var failure && failure.Failure != StorageFailure.NotFound)
            {
                throw failure;
            }

            foreach (var (name, rows) in Rows(answer.Stdout))
            {
                if (_names.FilesystemOf(name) is { } id)
                {
                    result[id] = _features.Kernel
                        ? new FilesystemUsage(Number(rows[0], "referenced"), Number(rows[0], "written"))
                        : Estimated(rows);
                }
            }

            if (answer.ExitCode == 0 && !chunk.All(result.ContainsKey))
            {
                throw new StorageException(StorageFailure.Unexpected,
                    $"zfs told no size of {chunk.First(id => !result.ContainsKey(id))}, and no error. Try again.");
            }
        }

        return result;
    }

    /// <summary>Commits do not change, so other than for <see cref="Usage"/> no transaction group has to be closed.</summary>
    public async Task<IReadOnlyDictionary<CommitId, long>> CommitSizes(FilesystemId id, CancellationToken ct)
    {
        try
        {
            return await _tool.Reading(() => ReadCommitSizes(id, ct), ct);
        }
        catch (StorageException missing) when (missing.Failure == StorageFailure.NotFound)
        {
            return new Dictionary<CommitId, long>();
        }
    }

    private async Task<Dictionary<CommitId, long>> ReadCommitSizes(FilesystemId id, CancellationToken ct)
    {
        var (dataset, told) = (_names.Dataset(id), false);
        var sizes = new Dictionary<CommitId, long>();
        await _tool.Lines(
            ["get", "-Hp", "-r", "-o", "name,property,value", "referenced", dataset],
            line =>
            {
                if (line.Split('\t') is not [var name, "referenced", var value]
                    || !long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var bytes))
                {
                    throw ZfsInventory.NotUnderstood(line);
                }

                // the filesystem is listed before its commits
                told |= name == dataset;
                if (_names.CommitOf(name) is { } commit && commit.Filesystem == id)
                {
                    sizes[commit.Commit] = bytes;
                }
            },
            ct);
        return told ? sizes : throw new StorageException(StorageFailure.Unexpected, $"zfs told no size of {id}, and no error. Try again.");
    }

    /// <summary>
    /// Without <c>written</c>: growth since the newest commit plus what only that commit still holds. Commits of this
    /// driver always have a block of their own there (see Commit), so the sum is zero exactly when nothing was written;
    /// it is a lower bound of the bytes, since blocks that older commits share with the newest are not counted.
    /// </summary>
    private static FilesystemUsage Estimated(List<Dictionary<string, string>> rows)
    {
        var (live, referenced) = (rows[0], Number(rows[0], "referenced"));
        if (rows.Count == 1)
        {
            var isBranch = live.GetValueOrDefault("origin") is { } origin && origin != "-";
            return new FilesystemUsage(referenced, isBranch ? Number(live, "usedbydataset") : referenced);
        }

        var newest = rows[^1];
        var growth = referenced - Number(newest, "referenced");
        var dirty = Math.Max(0, growth) + Number(newest, "used");
        return new FilesystemUsage(referenced, dirty == 0 && growth != 0 ? 1 : dirty);
    }

    /// <summary>Per dataset its own values and those of its snapshots, in the order printed.</summary>
    private static Dictionary<string, List<Dictionary<string, string>>> Rows(string output)
    {
        var result = new Dictionary<string, List<Dictionary<string, string>>>(StringComparer.Ordinal);
        var last = "";
        foreach (var line in output.Split('\n'))
        {
            if (line.Split('\t') is not [var name, var property, var value])
            {
                continue;
            }

            var dataset = name.Split('@')[0];
            if (!result.TryGetValue(dataset, out var rows))
            {
                result[dataset] = rows = [];
            }

            if (name != last)
            {
                rows.Add(new(StringComparer.Ordinal));
                last = name;
            }

            rows[^1][property] = value;
        }

        return result;
    }

    private static long Number(Dictionary<string, string> row, string property) =>
        long.TryParse(row.GetValueOrDefault(property), NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new StorageException(StorageFailure.Unexpected, $"zfs told no '{property}' that is a number. Try again.");
}
