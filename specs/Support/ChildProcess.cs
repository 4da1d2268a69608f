using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Dotmesh.Specs.Support;

/// <summary>What a finished program left: exit code (128+N for signal N) and what it printed.</summary>
public sealed record ChildResult(int ExitCode, string Output, string Errors)
{
    public override string ToString() => $"exit {ExitCode}\n{Output}\n{Errors}";
}

/// <summary>
/// A real process of a spec or of the bench. The only place outside the product's command runner that starts one: the
/// subject here is a node as a process, with its signals, its exit code and its death.
/// </summary>
public sealed partial class ChildProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _output = new();
    private readonly ConcurrentQueue<string> _errors = new();
    private bool _disposed;

    private ChildProcess(Process process) => _process = process;

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    public string Output => string.Join('\n', _output);

    public string Errors => string.Join('\n', _errors);

    public string Log => $"--- stdout\n{Output}\n--- stderr\n{Errors}";

    /// <param name="environment">Added to this process's environment; a null value removes the variable.</param>
    /// <param name="keepInput">Its stdin stays open, for <see cref="Type"/>.</param>
    public static ChildProcess Start(
        string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? folder = null,
        bool keepInput = false)
    {
        var info = new ProcessStartInfo(program, arguments)
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = folder ?? string.Empty,
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            info.Environment[name] = value;
        }

        var process = new Process { StartInfo = info };
        var child = new ChildProcess(process);
        process.OutputDataReceived += (_, line) => Keep(child._output, line.Data);
        process.ErrorDataReceived += (_, line) => Keep(child._errors, line.Data);
#pragma warning disable RS0030 // see the class's summary
        process.Start();
#pragma warning restore RS0030
        if (!keepInput)
        {
            process.StandardInput.Close();
        }

        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return child;
    }

    /// <summary>Runs a program to its end; kills it after the given time.</summary>
    public static async Task<ChildResult> Run(
        string program,
        IEnumerable<string> arguments,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? folder = null,
        TimeSpan? limit = null)
    {
        await using var child = Start(program, arguments, environment, folder);
        return await child.Finished(limit ?? TimeSpan.FromMinutes(2));
    }

    /// <summary>Runs a program that has to succeed; <see cref="InvalidOperationException"/> with what it printed when it does not.</summary>
    public static async Task Succeed(string program, params string[] arguments)
    {
        var result = await Run(program, arguments);
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {result}");
        }
    }

    /// <summary>A line of bash that has to succeed, with all of its pipes; the tools of ZFS are found.</summary>
    public static Task Shell(string line) => Succeed("bash", "-c", $"set -eo pipefail; PATH=$PATH:/usr/sbin; {line}");

    public async Task<ChildResult> Finished(TimeSpan limit)
    {
        using var timer = new CancellationTokenSource(limit);
        try
        {
            await _process.WaitForExitAsync(timer.Token);
        }
        catch (OperationCanceledException late)
        {
            throw new TimeoutException($"process {Id} did not end within {limit}\n{Log}", late);
        }

        return new ChildResult(_process.ExitCode, Output, Errors);
    }

    public async Task Type(string text)
    {
        await _process.StandardInput.WriteAsync(text);
        await _process.StandardInput.FlushAsync();
    }

    /// <summary>SIGKILL: nothing is flushed.</summary>
    public async Task Kill9()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        await Finished(TimeSpan.FromSeconds(30));
    }

    public void Signal(PosixSignal signal)
    {
        var number = signal switch
        {
            PosixSignal.SIGINT => 2,
            PosixSignal.SIGTERM => 15,
            _ => throw new ArgumentOutOfRangeException(nameof(signal)),
        };
        Send(number);
    }

    /// <summary>
    /// SIGSTOP, which a program cannot ignore; but the kernel only begins to stop it when one of its threads gets the processor. Answers when
    /// none of them does anything any more.
    /// </summary>
    public async Task Freeze()
    {
        Send(19);
        await Patience.Holds(
            () => Task.FromResult(IsStopped() ? "stopped" : null), TimeSpan.FromSeconds(30), () => $"process {_process.Id} does not stop");
    }

    /// <summary>SIGCONT.</summary>
    public void Thaw() => Send(18);

    /// <summary>Ends it if it runs; may be called again.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private void Send(int number)
    {
        if (SendSignal(_process.Id, number) != 0)
        {
            throw new InvalidOperationException($"kill -{number} {_process.Id}: error {Marshal.GetLastPInvokeError()}");
        }
    }

    /// <summary>Whether each thread is. Its state follows its name, which is in brackets and may hold anything.</summary>
    private bool IsStopped() => Directory.GetDirectories($"/proc/{_process.Id}/task").All(thread =>
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(thread, "stat"));
            return stat[stat.LastIndexOf(')')..].StartsWith(") T", StringComparison.Ordinal);
        }
        catch (Exception gone) when (gone is DirectoryNotFoundException or FileNotFoundException or IOException)
        {
            return true;
        }
    });

    private static void Keep(ConcurrentQueue<string> lines, string? line)
    {
        if (line is null)
        {
            return;
        }

        lines.Enqueue(line);
        while (lines.Count > 5_000)
        {
            lines.TryDequeue(out _);
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int process, int signal);
}
