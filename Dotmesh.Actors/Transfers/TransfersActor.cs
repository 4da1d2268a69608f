using Akka.Actor;
using Dotmesh.Actors.Database;
using Microsoft.Extensions.Logging;

namespace Dotmesh.Actors.Transfers;

/// <summary>Between the facade and the actors of transfers; never leaves the node.</summary>
internal static class TransfersProtocol
{
    /// <summary>This node runs the transfer.</summary>
    public sealed record Run(TransferRow Row) : INoSerializationVerificationNeeded;

    /// <param name="By">User id.</param>
    public sealed record Cancel(string Transfer, string By) : INoSerializationVerificationNeeded
    {
        /// <summary>Once nothing of it runs on this node.</summary>
        public TaskCompletionSource Ended { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public sealed record Sweep : INoSerializationVerificationNeeded
    {
        public static readonly Sweep Instance = new();
    }
}

/// <summary>
/// The transfers that this node runs, each a child. Looks once in a while, and at start, for transfers that nobody runs although this node
/// controls their dot: their node died, or lost the dot, or began anew.
/// </summary>
internal sealed class TransfersActor : ReceiveActor, IWithTimers
{
    private readonly TransferParts _parts;
    private bool _sweeping;

    public TransfersActor(TransferParts parts)
    {
        _parts = parts;
        Receive<TransfersProtocol.Run>(run => Start(run.Row));
        Receive<TransfersProtocol.Cancel>(Cancel);
        Receive<TransfersProtocol.Sweep>(_ => Sweep());
        Receive<Swept>(Continue);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    // a transfer whose actor failed is found again by the next look
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(failure =>
    {
        _parts.Env.Log.LogError(failure, "a transfer's actor failed");
        return Directive.Stop;
    });

    protected override void PreStart()
    {
        Self.Tell(TransfersProtocol.Sweep.Instance);
        Timers.StartPeriodicTimer("sweep", TransfersProtocol.Sweep.Instance, _parts.Services.Settings.Sweep);
    }

    private void Start(TransferRow row)
    {
        if (Context.Child(row.Id).IsNobody())
        {
            Context.ActorOf(Props.Create(() => new TransferActor(row, _parts)), row.Id);
        }
    }

    private void Cancel(TransfersProtocol.Cancel cancel)
    {
        var child = Context.Child(cancel.Transfer);
        if (child.IsNobody())
        {
            cancel.Ended.TrySetResult();
        }
        else
        {
            child.Tell(cancel);
        }
    }

    private void Sweep()
    {
        if (_sweeping || _parts.Env.Fenced() is not null)
        {
            return;
        }

        _sweeping = true;
        _ = Look().PipeTo(Self, success: rows => new Swept(rows), failure: why => new Swept([]) { Failure = why });
    }

    /// <summary>Those that this node has to run, and did not before.</summary>
    private async Task<List<TransferRow>> Look()
    {
        var mine = new List<TransferRow>();
        foreach (var row in await _parts.Tables.Unfinished(_parts.Env.Stopping))
        {
            if (!IsMine(row))
            {
                continue;
            }

            if (row.Node != _parts.Env.Node)
            {
                _parts.Env.Log.LogInformation("transfer {Transfer} goes on here; before it was run by {Node}", row.Id, row.Node);
                await _parts.Tables.GiveTo(row.Id, _parts.Env.Node, _parts.Env.Stopping);
            }

            mine.Add(row);
        }

        return mine;
    }

    /// <summary>Whoever controls the dot; of a dot that is not here yet whoever began, or the first of those that are up.</summary>
    private bool IsMine(TransferRow row)
    {
        if (_parts.Env.Directory.Find(row.Dot) is { } dot)
        {
            return dot.Node == _parts.Env.Node;
        }

        return row.Node == _parts.Env.Node
            || (!_parts.Members.IsLive(row.Node!.Value)
                && _parts.Members.Live.Keys.Min(node => node.Value) == _parts.Env.Node.Value);
    }

    private void Continue(Swept swept)
    {
        _sweeping = false;
        if (swept.Failure is { } failure and not (DatabaseException or OperationCanceledException))
        {
            _parts.Env.Log.LogWarning(failure, "unfinished transfers could not be looked for");
        }

        swept.Rows.ForEach(Start);
    }

    private sealed record Swept(List<TransferRow> Rows) : INoSerializationVerificationNeeded
    {
        public Exception? Failure { get; init; }
    }
}
