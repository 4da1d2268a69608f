using System.Text;
using System.Threading.Channels;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Commands;

namespace Dotmesh.Node.Commands;

/// <summary>
/// A program that runs beside this one and ends in order when its standard input does: when it is told to, and by itself when
/// this process dies in whatever way, because then the system closes the pipe.
/// </summary>
internal sealed class FollowingProcess : IAsyncDisposable
{
    /// <summary>Written before the input ends when this program stops in order, and not when it dies.</summary>
    public const string InOrder = "stop";

    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(90);

    private readonly CancellationTokenSource _kill = new();
    private readonly Channel<string> _input = Channel.CreateUnbounded<string>();

    public FollowingProcess(CommandRunner runner, string name, IReadOnlyList<string> command, Action<string> output, Action<string> errors)
    {
        Name = name;
        Ended = Run(runner, command, new Lines(output), new Lines(errors));
    }

    public string Name { get; }

    /// <summary>How it ended, in words.</summary>
    public Task<string> Ended { get; }

    /// <summary>In order; killed when it takes too long.</summary>
    public async Task Stop(TimeProvider clock)
    {
        _input.Writer.TryWrite(InOrder + "\n");
        _input.Writer.TryComplete();
        if (await Task.WhenAny(Ended, Task.Delay(StopLimit, clock)) != Ended)
        {
            await _kill.CancelAsync();
        }

        await Ended;
    }

    public async ValueTask DisposeAsync()
    {
        await _kill.CancelAsync();
        await Ended;
        _kill.Dispose();
    }

    /// <summary>What starts this program once more, as another process.</summary>
    public static IEnumerable<string> ThisProgram()
    {
        var program = Environment.ProcessPath ?? throw new InvalidOperationException("this process has no program file");
        return Path.GetFileNameWithoutExtension(program) == "dotnet"
            ? [program, Path.Join(AppContext.BaseDirectory, "Dotmesh.Node.dll")]
            : [program];
    }

    private async Task<string> Run(CommandRunner runner, IReadOnlyList<string> command, Lines output, Lines errors)
    {
        await using var input = new ChannelStream(_input.Reader);
        try
        {
            var result = await runner.Run(
                new Command(command[0], [.. command.Skip(1)])
                {
                    Input = input,
                    Output = output.Take,
                    Errors = errors.Take,
                    IsStream = true,
                },
                _kill.Token);
            return result.ExitCode == 0 ? "stopped" : $"ended with status {result.ExitCode}";
        }
        catch (OperationCanceledException)
        {
            return "was killed";
        }
        catch (StorageException failure) when (failure.Failure == StorageFailure.CommandKilled)
        {
            return "was killed by a signal";
        }
        catch (StorageException failure)
        {
            return $"failed: {failure.Message}";
        }
    }

    /// <summary>Cuts bytes into lines.</summary>
    private sealed class Lines(Action<string> line)
    {
        private readonly List<byte> _begun = [];

        public ValueTask Take(ReadOnlyMemory<byte> bytes, CancellationToken ct)
        {
            foreach (var one in bytes.Span)
            {
                if (one != (byte)'\n')
                {
                    _begun.Add(one);
                    continue;
                }

                line(Encoding.UTF8.GetString([.. _begun]));
                _begun.Clear();
            }

            return ValueTask.CompletedTask;
        }
    }

    /// <summary>Ends when the channel does.</summary>
    private sealed class ChannelStream(ChannelReader<string> texts) : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!await texts.WaitToReadAsync(cancellationToken) || !texts.TryRead(out var text))
            {
                return 0;
            }

            return Encoding.UTF8.GetBytes(text, buffer.Span);
        }
    }
}
