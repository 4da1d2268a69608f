using System.Runtime.ExceptionServices;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// How one operation uses several threads: a few, because the rest of the node wants to live too; and a failure in one
/// of them comes out as itself and not wrapped.
/// </summary>
internal static class Parallelism
{
#pragma warning disable CA1068 // the work reads best last
    internal static void ForEach<T>(IEnumerable<T> source, CancellationToken ct, Action<T> work) =>
        Unwrapped(() => Parallel.ForEach(source, Options(ct), work));

    internal static void For(int from, int to, CancellationToken ct, Action<int> work) =>
        Unwrapped(() => Parallel.For(from, to, Options(ct), work));

#pragma warning restore CA1068
    private static ParallelOptions Options(CancellationToken ct) =>
        new() { CancellationToken = ct, MaxDegreeOfParallelism = Math.Clamp(Environment.ProcessorCount, 1, 4) };

    private static void Unwrapped(Action run)
    {
        try
        {
            run();
        }
        catch (AggregateException several)
        {
            ExceptionDispatchInfo.Throw(several.Flatten().InnerExceptions[0]);
        }
    }
}
