using System.Globalization;
using System.Text;
using Dotmesh.Actors.Storage.Commands;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>Runs <c>zfs</c> and <c>zpool</c>: where they are, and what their complaints mean.</summary>
internal sealed class ZfsTool
{
    private static readonly string[] UsualFolders = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

    // zfs-fuse lets go of a mount only some milliseconds after the unmount has returned
    private static readonly TimeSpan FirstPatience = TimeSpan.FromMilliseconds(10), LastPatience = TimeSpan.FromSeconds(4);

    // freed space can be used again some transaction groups later; so many are closed before a full pool is believed
    private const int GroupsUntilFree = 6;

    // of this much free space a part may still be on its way without anybody noticing
    private const long PlentyOfSpace = 64L << 20;

    private const int ReadsUntilKilled = 3;

    private readonly CommandRunner _runner;
    private readonly TimeProvider _time;
    private readonly string _pool;
    private readonly string _zfs;
    private readonly string _zpool;
    private MountTurn? _mounts;
    private Command? _closing;

    public ZfsTool(CommandRunner runner, string pool, string? root, TimeProvider time)
    {
        (_runner, _pool, _time) = (runner, pool, time);
        (_zfs, _zpool) = (Locate("zfs", root), Locate("zpool", root));
    }

    /// <summary>To be told once it is known what pool this is.</summary>
    public void Detected(bool kernel, string parent)
    {
        // on zfs-fuse commands that mount wait for each other
        _mounts = kernel ? null : new MountTurn();
        // zfs-fuse has no command for it, but closes a group for any change, even for one that it then refuses
        _closing = kernel
            ? new Command(_zpool, ["sync", _pool])
            : new Command(_zfs, ["set", $"{ZfsProperties.Prefix}synced=yes", parent]);
    }

    /// <summary>
    /// Closes a transaction group, so that the pool tells what was written and can use what was freed. Says nothing of a
    /// pool in trouble: the command after it will.
    /// </summary>
    public Task CloseGroup(CancellationToken ct) => _closing is null ? Task.CompletedTask : InTurn(_closing, ct);

    public Task<string> Zfs(IReadOnlyList<string> arguments, CancellationToken ct) => Run(new Command(_zfs, arguments), ct);

    public Task<string> Zpool(IReadOnlyList<string> arguments, CancellationToken ct) =>
        Run(new Command(_zpool, arguments), ct);

    /// <inheritdoc cref="UnmountedZfs"/>
    public async Task<CommandResult> TryUnmountedZfs(IReadOnlyList<string> arguments, CancellationToken ct)
    {
        for (var patience = FirstPatience; ; patience *= 2)
        {
            var result = await TryZfs(arguments, ct);
            if (result.ExitCode == 0 || patience > LastPatience || !IsPassing(result.Stderr))
            {
                return result;
            }

            await Task.Delay(patience, _time, ct);
        }
    }

    /// <summary>For a dataset that has just been unmounted: one that is still held is asked again for some seconds.</summary>
    public async Task UnmountedZfs(IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var result = await TryUnmountedZfs(arguments, ct);
        if (result.ExitCode != 0)
        {
            throw await Failure(arguments, result, ct);
        }
    }

    /// <summary>A rollback that meets the last moments of a mount gets an I/O error.</summary>
    private static bool IsPassing(string stderr) =>
        ZfsErrors.Classify(stderr) == StorageFailure.Busy || stderr.Contains("I/O error", StringComparison.Ordinal);

    /// <summary>Exit code and texts, for callers that know better what a failure means.</summary>
    public Task<CommandResult> TryZfs(IReadOnlyList<string> arguments, CancellationToken ct) =>
        WithRoom(new Command(_zfs, arguments), ct);

    /// <summary>The driver's own writes into a filesystem: the pool is full only when it stays so.</summary>
    public async Task WithRoom(Action write, CancellationToken ct)
    {
        for (var left = GroupsUntilFree; ; left--)
        {
            try
            {
                write();
                return;
            }
            catch (StorageException full) when (full.Failure == StorageFailure.PoolFull && left > 0)
            {
                await NextGroup(left, ct);
            }
        }
    }

    /// <summary>
    /// After something was taken away from a pool that has hardly any space: what it freed is given to the next writer only
    /// some transaction groups later, and the writer may be a user's program, which does not try again.
    /// </summary>
    public async Task FreedSpace(string dataset, CancellationToken ct)
    {
        var asked = await TryZfs(["get", "-Hp", "-o", "value", "available", dataset], ct);
        if (long.TryParse(asked.Stdout.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var free) && free >= PlentyOfSpace)
        {
            return;
        }

        for (var left = GroupsUntilFree; left > 0; left--)
        {
            await NextGroup(left, ct);
        }
    }

    /// <summary>
    /// What changes nothing is run again when it was killed: zfs-fuse now and then closes a connection of its tools, which
    /// then abort themselves.
    /// </summary>
    /// <param name="read">Begins from nothing each time.</param>
    public async Task<T> Reading<T>(Func<Task<T>> read, CancellationToken ct)
    {
        for (var left = ReadsUntilKilled; ; left--)
        {
            try
            {
                return await read();
            }
            catch (StorageException cut) when (cut.Failure == StorageFailure.CommandKilled && left > 1)
            {
                await Task.Delay(FirstPatience, _time, ct);
            }
        }
    }

    /// <summary>A line at a time, whatever their number. Not run again when it is cut: see <see cref="Reading"/>.</summary>
    public async Task Lines(IReadOnlyList<string> arguments, Action<string> line, CancellationToken ct)
    {
        var rest = new List<byte>();
        ValueTask Take(ReadOnlyMemory<byte> piece, CancellationToken _)
        {
            var span = piece.Span;
            while (span.IndexOf((byte)'\n') is var end and >= 0)
            {
                rest.AddRange(span[..end]);
                line(Encoding.UTF8.GetString(rest.ToArray()));
                rest.Clear();
                span = span[(end + 1)..];
            }

            rest.AddRange(span);
            return ValueTask.CompletedTask;
        }

        await Run(new Command(_zfs, arguments) { Output = Take }, ct);
    }

    public Task Stream(IReadOnlyList<string> arguments, Stream? input,
        Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask>? output, CancellationToken ct) =>
        Run(new Command(_zfs, arguments) { Input = input, Output = output, IsStream = true }, ct);

    /// <summary>What the failed command means. Whatever is not found may be missing because its pool is.</summary>
    public Task<StorageException> Failure(IReadOnlyList<string> arguments, CommandResult result, CancellationToken ct) =>
        Failure(new Command(_zfs, arguments), result, ct);

    private async Task<string> Run(Command command, CancellationToken ct)
    {
        var result = await WithRoom(command, ct);
        if (result.ExitCode == 0)
        {
            return result.Stdout;
        }

        throw await Failure(command, result, ct);
    }

    private async Task<StorageException> Failure(Command command, CommandResult result, CancellationToken ct)
    {
        var said = result.Stderr.Trim();
        var failure = ZfsErrors.Classify(said);
        if (failure == StorageFailure.NotFound
            && (await Started(new Command(_zfs, ["get", "-Hp", "-o", "value", "guid", _pool]), ct)).ExitCode != 0)
        {
            failure = StorageFailure.PoolMissing;
        }

        return new StorageException(failure, Advised(failure, said.Length > 0
            ? $"{said} ({command})"
            : $"'{command}' failed with exit code {result.ExitCode} and said nothing."));
    }

    private string Advised(StorageFailure failure, string message) =>
        $"{message} {ZfsErrors.Advice(failure, _pool)}".TrimEnd();

    private async Task<CommandResult> WithRoom(Command command, CancellationToken ct)
    {
        for (var left = command.IsStream ? 0 : GroupsUntilFree; ; left--)
        {
            var result = await InTurn(command, ct);
            if (result.ExitCode == 0 || left == 0 || ZfsErrors.Classify(result.Stderr) != StorageFailure.PoolFull)
            {
                return result;
            }

            await NextGroup(left, ct);
        }
    }

    private async Task NextGroup(int left, CancellationToken ct)
    {
        await CloseGroup(ct);
        // the blocks of a removed file are let go of by a thread of the pool's own
        await Task.Delay(FirstPatience * (GroupsUntilFree - left + 1), _time, ct);
    }

    private async Task<CommandResult> InTurn(Command command, CancellationToken ct)
    {
        if (_mounts is null || command.FileName != _zfs || !MountTurn.Needs(command.Arguments))
        {
            return await Started(command, ct);
        }

        using var turn = await _mounts.Take(ct);
        return await Started(command, ct);
    }

    private Task<CommandResult> Started(Command command, CancellationToken ct) =>
        command.Output is null && command.Arguments is ["get" or "list", ..]
            ? Reading(() => Once(command, ct), ct)
            : Once(command, ct);

    private async Task<CommandResult> Once(Command command, CancellationToken ct)
    {
        try
        {
            return await _runner.Run(command, ct);
        }
        catch (StorageException cut) when (cut.WasCut)
        {
            throw new StorageException(cut.Failure, Advised(cut.Failure, cut.Message), cut);
        }
    }

    private static string Locate(string name, string? root)
    {
        if (root is not null)
        {
            return Path.Combine(root, "sbin", name);
        }

        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(UsualFolders);
        return folders.Select(f => Path.Combine(f, name)).FirstOrDefault(File.Exists) ?? name;
    }
}
