using Dotmesh.Actors;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>
/// Kill -9 at every named point of every operation, then a start on the same data: acknowledged work is there, what was not
/// acknowledged is there whole or not at all, and the operation can be repeated.
/// </summary>
[Trait("Speed", "slow")]
public abstract class CrashSpecs : IAsyncLifetime
{
    private const int Killed = 128 + 9;

    private static readonly TimeSpan DeathLimit = TimeSpan.FromSeconds(30);

    private readonly ScratchFolder _folder = new();
    private NodeProcess? _node;

    /// <summary>Fault points of the driver, by operation.</summary>
    protected abstract IReadOnlyList<(string Operation, string Point)> DriverPoints { get; }

    /// <summary>Points on a way that is taken only when no branch stands on later commits.</summary>
    protected virtual IReadOnlyList<string> WithoutLater { get; } = [];

    /// <summary>Skips where the lane is off.</summary>
    protected abstract Task<NodeSetup> Setup(string folder);

    protected virtual Task Cleanup() => Task.CompletedTask;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        await Cleanup();
        _folder.Dispose();
    }

    [SkippableTheory]
    [InlineData("create")]
    [InlineData("commit")]
    [InlineData("branch")]
    [InlineData("rollback")]
    [InlineData("stash")]
    [InlineData("share")]
    [InlineData("delete")]
    public async Task A_crash_at_any_point_is_repaired_by_the_next_start(string operation)
    {
        var setup = await Setup(_folder.Path);
        _node = await NodeProcess.Start(setup);
        await _node.Rpc.Call(
            "RegisterNewUser", new { Name = CrashScenario.Collaborator, Email = "bob@example.com", CrashScenario.Password });
        var failures = new List<string>();
        var number = 0;
        foreach (var point in AllPoints(operation))
        {
            try
            {
                await CrashAt(setup, operation, point, $"{operation}-{number++}");
            }
            catch (Exception failure) when (!_node.HasExited)
            {
                failures.Add($"{point}: {failure.Message}");
            }
        }

        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    private IEnumerable<string> Points(string operation) => operation switch
    {
        "create" => FaultPoints.Create,
        "commit" => FaultPoints.Commit,
        "branch" => FaultPoints.Branch,
        "rollback" => FaultPoints.Rollback,
        "stash" => FaultPoints.Stash,
        "share" => FaultPoints.Share,
        "delete" => FaultPoints.Delete,
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "no such operation"),
    };

    private IEnumerable<string> AllPoints(string operation) =>
        Points(operation).Concat(DriverPoints.Where(p => p.Operation == operation).Select(p => p.Point));

    private async Task CrashAt(NodeSetup setup, string operation, string point, string dot)
    {
        var scenario = new CrashScenario(operation, dot, !WithoutLater.Contains(point));
        await scenario.Prepare(_node!);
        await _node!.Rpc.Call("SetDebugFlag", new { FlagName = $"FaultPoint:{point}", FlagValue = "kill" });

        var answer = await Record.ExceptionAsync(() => scenario.Run(_node));
        Assert.True(answer is HttpRequestException, $"the node did not die, it answered {answer?.ToString() ?? "success"}");
        var end = await _node.Ended(DeathLimit);
        Assert.True(end.ExitCode == Killed, $"the node did not die of the signal: {end}");
        await _node.DisposeAsync();

        _node = await NodeProcess.Start(setup);
        await scenario.Check(_node);
    }
}
