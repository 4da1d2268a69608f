using System.Diagnostics;
using System.Reflection;
using System.Runtime.ExceptionServices;
using Xunit;

namespace Dotmesh.Specs.Lane;

internal enum Verdict
{
    Passed,
    Failed,
    Skipped,
}

/// <param name="Reason">Why it was skipped or how it failed; empty for a pass.</param>
internal sealed record CaseResult(Verdict Verdict, TimeSpan Elapsed, string Reason);

/// <summary>Runs one case: a fresh instance, its lifetime, the method, within a time.</summary>
internal static class LaneRun
{
    public static async Task<CaseResult> Run(LaneCase one, TimeSpan limit)
    {
        if (one.Skip is not null)
        {
            return new(Verdict.Skipped, TimeSpan.Zero, one.Skip);
        }

        var began = Stopwatch.GetTimestamp();
        // on the pool, so that a case that blocks its thread is cut as well
        var work = Task.Run(() => Whole(one));
        if (await Task.WhenAny(work, Task.Delay(limit)) != work)
        {
            return new(Verdict.Failed, limit, $"did not end within {limit.TotalSeconds:0} s");
        }

        var failures = await work;
        var elapsed = Stopwatch.GetElapsedTime(began);
        return failures switch
        {
            [] => new(Verdict.Passed, elapsed, ""),
            [SkipException skipped] => new(Verdict.Skipped, elapsed, skipped.Message),
            _ => new(Verdict.Failed, elapsed, string.Join("\n", failures)),
        };
    }

    /// <summary>What the case threw and, after it, what its disposal threw.</summary>
    private static async Task<List<Exception>> Whole(LaneCase one)
    {
        var failures = new List<Exception>();
        object? instance = null;
        await Collect(failures, async () =>
        {
            instance = Activator.CreateInstance(one.Class);
            if (instance is IAsyncLifetime lifetime)
            {
                await lifetime.InitializeAsync();
            }

            await Invoke(one, instance!);
        });
        await Collect(failures, async () =>
        {
            if (instance is IAsyncLifetime lifetime)
            {
                await lifetime.DisposeAsync();
            }
        });
        await Collect(failures, () =>
        {
            (instance as IDisposable)?.Dispose();
            return Task.CompletedTask;
        });
        return failures;
    }

    private static async Task Collect(List<Exception> failures, Func<Task> part)
    {
        try
        {
            await part();
        }
        catch (Exception failure)
        {
            failures.Add(failure);
        }
    }

    private static async Task Invoke(LaneCase one, object instance)
    {
        object? answer;
        try
        {
            answer = one.Method.Invoke(instance, one.Arguments);
        }
        catch (TargetInvocationException thrown) when (thrown.InnerException is not null)
        {
            ExceptionDispatchInfo.Throw(thrown.InnerException);
            throw;
        }

        switch (answer)
        {
            case Task task:
                await task;
                break;
            case ValueTask task:
                await task;
                break;
            case not null:
                throw new NotSupportedException($"{one.Name} answers {answer.GetType()}, which nobody looks at.");
        }
    }
}
