using System.Diagnostics;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Commands;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Storage;

public sealed class CommandRunnerSpec : IDisposable
{
    private readonly CommandRunner _runner = Runner(new());

    private static CommandRunner Runner(CommandRunnerOptions options) =>
        new(options, TimeProvider.System, NullLoggerFactory.Instance);

    private static Command Sh(string script) => new("sh", ["-c", script]);

    public void Dispose() => _runner.Dispose();

    [Fact]
    public async Task A_command_answers_its_output_its_complaints_and_its_exit_code()
    {
        var result = await _runner.Run(Sh("echo out; echo err >&2; exit 7"), default);
        Assert.Equal(new CommandResult(7, "out\n", "err\n"), result);
    }

    [Fact]
    public async Task Complaints_can_be_taken_as_they_come()
    {
        var taken = new System.Text.StringBuilder();
        var command = Sh("echo one >&2; echo out; echo two >&2") with
        {
            Errors = (bytes, _) =>
            {
                taken.Append(System.Text.Encoding.UTF8.GetString(bytes.Span));
                return ValueTask.CompletedTask;
            },
        };
        Assert.Equal(new CommandResult(0, "out\n", ""), await _runner.Run(command, default));
        Assert.Equal("one\ntwo\n", taken.ToString());
    }

    [Fact]
    public async Task Arguments_reach_the_program_as_they_are()
    {
        var result = await _runner.Run(new("printf", ["%s|", "a b", "$HOME", "; rm -rf x", "", "ü'\""]), default);
        Assert.Equal("a b|$HOME|; rm -rf x||ü'\"|", result.Stdout);
    }

    [Fact]
    public async Task A_missing_program_is_said_so()
    {
        var refusal = await Assert.ThrowsAsync<StorageException>(() => _runner.Run(new("/nowhere/zfs", ["list"]), default));
        Assert.Equal(StorageFailure.CommandMissing, refusal.Failure);
        Assert.Contains("/nowhere/zfs", refusal.Message);
    }

    [Fact]
    public async Task A_killed_command_is_said_so()
    {
        var refusal = await Assert.ThrowsAsync<StorageException>(() => _runner.Run(Sh("kill -9 $$"), default));
        Assert.Equal(StorageFailure.CommandKilled, refusal.Failure);
    }

    [Fact]
    public async Task A_command_that_does_nothing_is_ended_with_what_it_started()
    {
        using var runner = Runner(new() { StallAfter = TimeSpan.FromMilliseconds(200) });
        var marker = $"87{Environment.ProcessId}";
        var refusal = await Assert.ThrowsAsync<StorageException>(() => runner.Run(Sh($"sleep {marker} & wait"), default));
        Assert.Equal(StorageFailure.CommandStalled, refusal.Failure);
        Assert.DoesNotContain(marker, (await _runner.Run(new("ps", ["-eo", "args"]), default)).Stdout);
    }

    [Fact]
    public async Task A_slow_command_that_computes_or_prints_is_left_alone()
    {
        using var runner = Runner(new() { StallAfter = TimeSpan.FromSeconds(3) });
        var result = await runner.Run(Sh("for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.6; done"), default);
        Assert.Equal(0, result.ExitCode);
    }

    [Fact]
    public async Task A_cancelled_command_is_ended_at_once()
    {
        using var cancel = new CancellationTokenSource(100);
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _runner.Run(Sh("sleep 60"), cancel.Token));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 10);
    }

    [Fact]
    public async Task A_grandchild_that_holds_the_pipes_does_not_hold_up_the_answer()
    {
        var clock = Stopwatch.StartNew();
        var result = await _runner.Run(Sh("setsid sleep 60 & echo done"), default);
        Assert.Equal("done\n", result.Stdout);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 30);
    }

    [Fact]
    public async Task Too_much_output_is_a_failure()
    {
        using var runner = Runner(new() { MaxCapturedBytes = 1000 });
        var refusal = await Assert.ThrowsAsync<StorageException>(() => runner.Run(Sh("yes"), default));
        Assert.Equal(StorageFailure.Unexpected, refusal.Failure);
    }

    [Fact]
    public async Task A_stream_of_any_size_passes_through_a_command()
    {
        const long size = 300_000_000;
        var moved = 0L;
        var command = new Command("cat", [])
        {
            Input = new Zeros(size),
            Output = (piece, _) =>
            {
                moved += piece.Length;
                return ValueTask.CompletedTask;
            },
            IsStream = true,
        };
        Assert.Equal(0, (await _runner.Run(command, default)).ExitCode);
        Assert.Equal(size, moved);
    }

    [Fact]
    public async Task A_command_that_does_not_read_its_input_still_answers()
    {
        var command = Sh("echo no >&2; exit 1") with { Input = new Zeros(50_000_000), IsStream = true };
        Assert.Equal(new CommandResult(1, "", "no\n"), await _runner.Run(command, default));
    }

    [Fact]
    public async Task A_consumer_that_fails_ends_the_command()
    {
        var command = new Command("yes", []) { Output = (_, _) => throw new InvalidDataException("full"), IsStream = true };
        Assert.Equal("full", (await Assert.ThrowsAsync<InvalidDataException>(() => _runner.Run(command, default))).Message);
    }

    [Fact]
    public async Task Many_commands_at_once_all_answer()
    {
        var results = await Task.WhenAll(Enumerable.Range(0, 300).Select(n => _runner.Run(new("echo", [$"{n}"]), default)));
        Assert.Equal(Enumerable.Range(0, 300).Select(n => $"{n}\n"), results.Select(r => r.Stdout));
    }

    /// <summary>So many zero bytes.</summary>
    private sealed class Zeros(long size) : Stream
    {
        private long _left = size;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException();
        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            var n = (int)Math.Min(count, _left);
            Array.Clear(buffer, offset, n);
            _left -= n;
            return n;
        }

        public override void Flush() { }
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
        public override void SetLength(long value) => throw new NotSupportedException();
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
