using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Dotmesh.Actors.Dots;

/// <summary>
/// The mailbox of dots. A dot ends at once when its journal fails, and others send to it at that very moment: a queue of Akka keeps what is
/// put in just after its actor ended, for nobody. Here that, too, goes to the dead letters, and the sender is told.
/// </summary>
internal sealed class LastWordMailbox(Settings settings, Config config)
    : MailboxType(settings, config), IProducesMessageQueue<LastWordQueue>
{
    /// <summary>In the configuration of the actor system.</summary>
    public const string Name = "dotmesh.dot-mailbox";

    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new LastWordQueue();
}

/// <summary>Unbounded, and a deque as persistent actors want it: what they put first is put there by the actor's own thread.</summary>
internal sealed class LastWordQueue : IMessageQueue, IUnboundedDequeBasedMessageQueueSemantics
{
    private readonly ConcurrentQueue<Envelope> _queue = new();
    private readonly Stack<Envelope> _first = new();
    private volatile IMessageQueue? _deadLetters;

    public bool HasMessages => _first.Count > 0 || !_queue.IsEmpty;

    public int Count => _first.Count + _queue.Count;

    public void Enqueue(IActorRef receiver, Envelope envelope)
    {
        _queue.Enqueue(envelope);

        // either the end is seen here, or this envelope is seen by the end: each writes its part before it reads the other's
        Interlocked.MemoryBarrier();
        if (_deadLetters is { } deadLetters)
        {
            Drain(receiver, deadLetters);
        }
    }

    public void EnqueueFirst(Envelope envelope) => _first.Push(envelope);

    public bool TryDequeue(out Envelope envelope) => _first.TryPop(out envelope) || _queue.TryDequeue(out envelope);

    public void CleanUp(IActorRef owner, IMessageQueue deadletters)
    {
        while (_first.TryPop(out var envelope))
        {
            deadletters.Enqueue(owner, envelope);
        }

        _deadLetters = deadletters;
        Interlocked.MemoryBarrier();
        Drain(owner, deadletters);
    }

    private void Drain(IActorRef owner, IMessageQueue deadLetters)
    {
        while (_queue.TryDequeue(out var envelope))
        {
            deadLetters.Enqueue(owner, envelope);
        }
    }
}
