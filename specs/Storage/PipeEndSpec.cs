using Dotmesh.Actors.Storage.Commands;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>What a command wrote before it ended is read, however late we are.</summary>
public sealed class PipeEndSpec
{
    [Fact]
    public async Task What_is_written_between_an_empty_read_and_the_end_of_the_process_is_not_lost()
    {
        using var loop = new PollLoop();
        var (read, write) = Native.Pipe();
        using var pipe = new LateReader(read, loop, () => Write(write, [1, 2, 3]));
        var buffer = new byte[16];

        Assert.Equal(3, await pipe.Read(buffer));
        Assert.Equal([1, 2, 3], buffer[..3]);
        Assert.Equal(0, await pipe.Read(buffer));
        _ = Native.close(write);
    }

    private static unsafe void Write(int descriptor, byte[] bytes)
    {
        fixed (byte* first = bytes)
        {
            Assert.Equal(bytes.Length, (int)Native.write(descriptor, first, (nuint)bytes.Length));
        }
    }

    /// <summary>Its first read finds nothing; before it is told so, the process writes and ends.</summary>
    private sealed class LateReader(int descriptor, PollLoop loop, Action write) : PipeEnd(descriptor, loop)
    {
        private bool _late;

        protected override int TryRead(Span<byte> buffer)
        {
            var count = base.TryRead(buffer);
            if (!_late)
            {
                _late = true;
                write();
                StopWaiting();
            }

            return count;
        }
    }
}
