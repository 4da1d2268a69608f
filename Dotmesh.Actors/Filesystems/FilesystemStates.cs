using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Dotmesh.Actors.Gateway;

namespace Dotmesh.Actors.Filesystems;

/// <summary>
/// What each filesystem is doing, in the words of contract 5.1; only what is not at rest takes memory. Every change counts
/// in <c>dm_state_transition_total</c>.
/// </summary>
public sealed class FilesystemStates(PoolIndex index)
{
    public const string Active = "active";
    public const string Inactive = "inactive";
    public const string Missing = "missing";
    public const string Waiting = "waiting";

    private readonly ConcurrentDictionary<FilesystemId, string> _working = new();

    /// <summary>State and status text, commit count included (contract 3.1).</summary>
    public ServerView View(FilesystemId id)
    {
        var status = _working.GetValueOrDefault(id, Waiting);
        return new ServerView(State(id), $"{status}, {index.Count(id)} commits");
    }

    public string State(FilesystemId id) => !index.Contains(id) ? Missing : index.IsMounted(id) ? Active : Inactive;

    public void Begin(FilesystemId id, string work)
    {
        _working[id] = work;
        var state = State(id);
        Telemetry.Transition(state, state, work);
    }

    public void End(FilesystemId id, string stateBefore)
    {
        _working.TryRemove(id, out _);
        Telemetry.Transition(stateBefore, State(id), Waiting);
    }
}

/// <summary>The meter of the domain; the host exports it.</summary>
public static class Telemetry
{
    public const string MeterName = "Dotmesh";

    public static readonly ActivitySource Activities = new(MeterName);

    private static readonly Meter Meter = new(MeterName);

    private static readonly Counter<long> Transitions = Meter.CreateCounter<long>(
        "dm_state_transition_total", description: "Transitions of filesystems from state to state.");

    private static readonly Counter<long> CommandsRun = Meter.CreateCounter<long>(
        "dotmesh_dot_commands_total", description: "Commands that dots have answered, by command and outcome.");

    private static readonly Histogram<double> CommandTime = Meter.CreateHistogram<double>(
        "dotmesh_dot_command_seconds", "s", "Time from a command's arrival at its dot to the answer.");

    private static readonly Counter<long> JournalFailures = Meter.CreateCounter<long>(
        "dotmesh_journal_failures_total", description: "Events that could not be written, by reason.");

    private static readonly Counter<long> ProgramsRun = Meter.CreateCounter<long>(
        "dotmesh_programs_run_total", description: "Programs that were started and have ended, by what was run and its outcome.");

    private static readonly Histogram<double> ProgramTime = Meter.CreateHistogram<double>(
        "dotmesh_program_seconds", "s", "Time that a program took, its wait for a turn included.");

    private static long s_awakeDots;
    private static long s_gatewayRequests;

    // read when somebody asks: whoever begins to listen late still sees the whole figure
    static Telemetry()
    {
        Meter.CreateObservableUpDownCounter(
            "dotmesh_dots_awake", () => Volatile.Read(ref s_awakeDots), description: "Dot actors in memory.");
        Meter.CreateObservableUpDownCounter(
            "dotmesh_gateway_in_flight",
            () => Volatile.Read(ref s_gatewayRequests),
            description: "Requests that the gateway actor has sent and not answered.");
    }

    public static void Transition(string from, string to, string status) => Transitions.Add(
        1,
        new KeyValuePair<string, object?>("from", from),
        new KeyValuePair<string, object?>("to", to),
        new KeyValuePair<string, object?>("status", status));

    public static void Command(string name, string outcome, TimeSpan took)
    {
        var command = new KeyValuePair<string, object?>("command", name);
        CommandsRun.Add(1, command, new KeyValuePair<string, object?>("outcome", outcome));
        CommandTime.Record(took.TotalSeconds, command);
    }

    /// <param name="program">The program and its verb, never its other arguments: each value is a series of its own.</param>
    public static void Program(string program, string outcome, TimeSpan took)
    {
        var ran = new KeyValuePair<string, object?>("program", program);
        ProgramsRun.Add(1, ran, new KeyValuePair<string, object?>("outcome", outcome));
        ProgramTime.Record(took.TotalSeconds, ran);
    }

    public static void DotAwake(int change) => Interlocked.Add(ref s_awakeDots, change);

    public static void InFlight(int change) => Interlocked.Add(ref s_gatewayRequests, change);

    public static void JournalFailed(string reason) =>
        JournalFailures.Add(1, new KeyValuePair<string, object?>("reason", reason));
}
