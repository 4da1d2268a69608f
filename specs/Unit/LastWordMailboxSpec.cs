using Akka.Actor;
using Akka.Dispatch.MessageQueues;
using Dotmesh.Actors.Dots;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Nothing that is sent to a dot is lost when the dot ends at that moment: its sender is told (design section 3).</summary>
public sealed class LastWordMailboxSpec
{
    private readonly LastWordQueue _queue = new();
    private readonly UnboundedMessageQueue _deadLetters = new();

    [Fact]
    public void What_came_before_the_end_is_a_dead_letter_in_its_order()
    {
        Send(2);
        _queue.EnqueueFirst(Letter(1));
        Send(3);

        _queue.CleanUp(ActorRefs.Nobody, _deadLetters);

        Assert.Equal([1, 2, 3], Dead());
        Assert.False(_queue.HasMessages);
    }

    [Fact]
    public void What_comes_after_the_end_is_a_dead_letter()
    {
        _queue.CleanUp(ActorRefs.Nobody, _deadLetters);

        Send(1);

        Assert.Equal([1], Dead());
        Assert.False(_queue.HasMessages);
    }

    [Fact]
    public void What_the_actor_puts_first_is_taken_first()
    {
        Send(1);
        _queue.EnqueueFirst(Letter(2));

        Assert.Equal(2, _queue.Count);
        Assert.True(_queue.TryDequeue(out var first));
        Assert.True(_queue.TryDequeue(out var second));
        Assert.Equal([2, 1], [(int)first.Message, (int)second.Message]);
        Assert.False(_queue.TryDequeue(out _));
    }

    [Fact]
    public async Task What_several_send_while_it_ends_is_taken_or_a_dead_letter_each_once()
    {
        const int Senders = 4;
        const int Each = 20_000;
        using var go = new Barrier(Senders + 1);
        var senders = Enumerable.Range(0, Senders)
            .Select(sender => Task.Factory.StartNew(
                () =>
                {
                    go.SignalAndWait();
                    for (var letter = 0; letter < Each; letter++)
                    {
                        Send((sender * Each) + letter);
                    }
                },
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default))
            .ToList();

        go.SignalAndWait();
        var taken = new List<int>();
        while (taken.Count < Each)
        {
            if (_queue.TryDequeue(out var envelope))
            {
                taken.Add((int)envelope.Message);
            }
        }

        _queue.CleanUp(ActorRefs.Nobody, _deadLetters);
        await Task.WhenAll(senders);

        Assert.Equal(Enumerable.Range(0, Senders * Each), taken.Concat(Dead()).Order());
    }

    private static Envelope Letter(int number) => new(number, ActorRefs.Nobody);

    private void Send(int number) => _queue.Enqueue(ActorRefs.Nobody, Letter(number));

    private List<int> Dead()
    {
        var dead = new List<int>();
        while (_deadLetters.TryDequeue(out var envelope))
        {
            dead.Add((int)envelope.Message);
        }

        return dead;
    }
}
