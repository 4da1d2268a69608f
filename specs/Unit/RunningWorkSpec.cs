using Dotmesh.Actors;
using Dotmesh.Actors.Dots;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Who works on a dot's filesystems beside whom.</summary>
public sealed class RunningWorkSpec
{
    private static readonly FilesystemId Dot = new("dot");

    private readonly RunningWork _work = new();

    [Fact]
    public async Task Of_several_that_want_a_dot_for_themselves_one_goes_after_the_other()
    {
        var operation = _work.Enter(Dot);
        var waiting = Enumerable.Range(0, 3).Select(_ => _work.EnterAlone(Dot, default)).ToList();
        Assert.DoesNotContain(waiting, turn => turn.IsCompleted);

        operation.Dispose();
        while (waiting.Count > 0)
        {
            var first = await Task.WhenAny(waiting);
            waiting.Remove(first);
            Assert.DoesNotContain(waiting, turn => turn.IsCompleted);
            (await first).Dispose();
        }

        Assert.True(_work.Quiet(Dot).IsCompleted);
    }

    [Fact]
    public async Task Who_stops_waiting_holds_nobody_up()
    {
        using var stop = new CancellationTokenSource();
        var operation = _work.Enter(Dot);
        var waiting = _work.EnterAlone(Dot, stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        operation.Dispose();
        (await _work.EnterAlone(Dot, default)).Dispose();
    }
}
