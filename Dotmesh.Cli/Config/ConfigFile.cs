using Dotmesh.Cli.Running;

namespace Dotmesh.Cli.Config;

/// <summary>The config file on disk: read whole, written whole by one run at a time, for its owner only (it holds keys).</summary>
internal sealed class ConfigFile(string path)
{
    private static readonly TimeSpan LockLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LockPause = TimeSpan.FromMilliseconds(10);

    public string Path => path;

    public static ConfigFile Default => new(System.IO.Path.Combine(
        Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotmesh", "config"));

    public DmConfig Read()
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (Exception absent) when (absent is FileNotFoundException or DirectoryNotFoundException)
        {
            return Parse("");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.Error, $"The config file {path} cannot be read: {failure.Message}");
        }
    }

    /// <summary>Reads, changes and writes it; no other run does meanwhile. A killed run leaves the file as it was or as it is to be.</summary>
    public async Task<T> Update<T>(Func<DmConfig, T> change, CancellationToken ct)
    {
        try
        {
            OwnerOnly.MakeFolder(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path))!);
            // a link stays one: some keep the file elsewhere
            var target = new FileInfo(path).LinkTarget is null ? path : File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
            await using var held = await Lock(target, ct);
            var before = File.Exists(target) ? await File.ReadAllTextAsync(target, ct) : "";
            var config = Parse(before);
            var result = change(config);
            if (config.ToText() is var after && after != before)
            {
                await Replace(target, after);
            }

            return result;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.Error, $"The config file {path} cannot be written: {failure.Message}");
        }
    }

    public Task Update(Action<DmConfig> change, CancellationToken ct) => Update(
        config =>
        {
            change(config);
            return true;
        },
        ct);

    private static async Task Replace(string target, string text)
    {
        var temporary = $"{target}.{Environment.ProcessId}";
        try
        {
            await using (var file = OwnerOnly.Open(temporary, FileMode.Create, FileShare.None))
            {
                await file.WriteAsync(System.Text.Encoding.UTF8.GetBytes(text), CancellationToken.None);
                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, target, overwrite: true);
        }
        finally
        {
            // there only when it could not be written: it holds keys
            File.Delete(temporary);
        }
    }

    /// <summary>Held by an open file, which the system closes for a run that is killed.</summary>
    private static async Task<FileStream> Lock(string target, CancellationToken ct)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                return OwnerOnly.Open(target + ".lock", FileMode.OpenOrCreate, FileShare.None);
            }
            catch (IOException busy) when (IsBusy(busy) && TimeProvider.System.GetElapsedTime(started) < LockLimit)
            {
                await Task.Delay(LockPause, ct);
            }
        }
    }

    /// <summary>Another run has it: a sharing violation of Windows, EAGAIN of flock (Linux, macOS).</summary>
    private static bool IsBusy(IOException failure) => (failure.HResult & 0xFFFF) is 32 or 11 or 35;

    private DmConfig Parse(string text) => DmConfig.Parse(text) ?? throw new CommandFailure(
        ExitCodes.Error, $"{path} is not a config file of dm: a JSON object with the member Remotes was expected. Mend it, or move it away and add your remotes again.");
}
