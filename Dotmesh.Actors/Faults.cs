using System.Collections.Concurrent;
using System.Diagnostics;

namespace Dotmesh.Actors;

/// <summary>What an armed fault point does.</summary>
public enum FaultAction
{
    /// <summary>Throws <see cref="InjectedFaultException"/>.</summary>
    Error,

    /// <summary>Ends this process with SIGKILL: nothing is flushed, nothing is cleaned up.</summary>
    Kill,
}

/// <summary>
/// Named points between the steps of an operation where specs let it fail or let the process die. Always compiled in;
/// armed by <c>SetDebugFlag {FlagName: "FaultPoint:NAME", FlagValue: "error"|"kill"|""}</c> (admin only) or by the option
/// <c>Debug:FaultPoints</c>. Unarmed, a point costs one dictionary look-up.
/// </summary>
public sealed class Faults
{
    private readonly ConcurrentDictionary<string, FaultAction> _armed = new(StringComparer.Ordinal);

    /// <summary>Arms or, with null, clears a point; answers what it was.</summary>
    public FaultAction? Arm(string point, FaultAction? action)
    {
        FaultAction? before = _armed.TryGetValue(point, out var was) ? was : null;
        if (action is { } armed)
        {
            _armed[point] = armed;
        }
        else
        {
            _armed.TryRemove(point, out _);
        }

        return before;
    }

    public bool IsArmed(string point) => _armed.ContainsKey(point);

    /// <summary>Passes, throws or ends the process.</summary>
    public void Hit(string point)
    {
        if (_armed.IsEmpty || !_armed.TryGetValue(point, out var action))
        {
            return;
        }

        if (action == FaultAction.Kill)
        {
            using var self = Process.GetCurrentProcess();
            self.Kill();
        }

        throw new InjectedFaultException(point);
    }
}

/// <summary>Thrown by an armed fault point; its text is the contract's (2.3).</summary>
public sealed class InjectedFaultException(string point)
    : Exception("Injected fault for debugging/testing purposes")
{
    public string Point { get; } = point;
}
