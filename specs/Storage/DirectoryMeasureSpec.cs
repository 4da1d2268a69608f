using System.Diagnostics;
using System.Globalization;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Xunit;
using Xunit.Abstractions;

namespace Dotmesh.Specs.Storage;

/// <summary>Figures of the directory driver; run by hand with <c>DOTMESH_MEASURE=1</c>.</summary>
public sealed class DirectoryMeasureSpec(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryPools _pools = new();

    public void Dispose() => _pools.Dispose();

    [SkippableFact]
    public async Task Figures_of_commits_over_many_files()
    {
        Skip.IfNot(Environment.GetEnvironmentVariable("DOTMESH_MEASURE") == "1", "DOTMESH_MEASURE=1 runs it");
        await using var pool = await _pools.Open("pool", new Faults());
        foreach (var count in new[] { 10_000, 100_000 })
        {
            var id = new FilesystemId($"dot{count}");
            await pool.Create(id, Labels(id), default);
            var folder = Path.Combine(await pool.Mount(id, default), "__default__");
            for (var n = 0; n < count; n++)
            {
                var at = System.IO.Directory.CreateDirectory(Path.Combine(folder, $"{n / 100}")).FullName;
                await File.WriteAllTextAsync(Path.Combine(at, $"{n}"), $"content {n}");
            }

            Report($"{count} files, first commit", await Timed(() => Commit(pool, id, "first")));
            var times = new List<double>();
            for (var n = 0; n < 20; n++)
            {
                await File.WriteAllTextAsync(Path.Combine(folder, "7", "700"), $"changed {n}");
                times.Add(await Timed(() => Commit(pool, id, $"c{n}")));
            }

            Report($"{count} files, commit of 1 changed, p50", times.Order().ElementAt(10));
            Report($"{count} files, commit of 1 changed, least", times.Min());
            Report($"{count} files, commit of nothing", await Median(21, n => Commit(pool, id, $"n{n}")));
            Report($"{count} files, usage", await Timed(() => pool.Usage([id], default)));
            Report($"{count} files, rollback of 1", await Timed(() => pool.Rollback(id, new CommitId("c3"), default)));
        }
    }

    [SkippableFact]
    public async Task Figures_of_ten_thousand_filesystems()
    {
        Skip.IfNot(Environment.GetEnvironmentVariable("DOTMESH_MEASURE") == "1", "DOTMESH_MEASURE=1 runs it");
        var pool = await _pools.Open("pool", new Faults());
        var ids = Enumerable.Range(0, 10_000).Select(n => new FilesystemId($"dot{n}")).ToArray();
        var building = await Timed(async () =>
        {
            foreach (var id in ids)
            {
                await pool.Create(id, Labels(id), default);
                for (var c = 0; c < 10; c++)
                {
                    await Commit(pool, id, $"c{c}");
                }
            }
        });
        Report("create 10,000 x 10 commits", building);
        await pool.DisposeAsync();
        IStorage again = pool;
        Report("open", await Timed(async () => again = await _pools.Open("pool", new Faults())));
        Report("recover", await Timed(() => again.Recover(default)));
        Report("list", await Timed(() => again.List(default)));
        Report("usage of all, first", await Timed(() => again.Usage(ids, default)));
        Report("usage of all, again", await Timed(() => again.Usage(ids, default)));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        Report("memory MB", before / 1e6);
        var times = new List<double>();
        for (var n = 0; n < 21; n++)
        {
            times.Add(await Timed(() => Commit(again, ids[n * 100], "more")));
        }

        Report("commit among 10,000, p50", times.Order().ElementAt(10));
        await again.DisposeAsync();
    }

    [SkippableFact]
    public async Task Figures_of_a_small_filesystem()
    {
        Skip.IfNot(Environment.GetEnvironmentVariable("DOTMESH_MEASURE") == "1", "DOTMESH_MEASURE=1 runs it");
        await using var pool = await _pools.Open("pool", new Faults());
        var id = new FilesystemId("dot");
        await pool.Create(id, Labels(id), default);
        var file = Path.Combine(await pool.Mount(id, default), "__default__", "file");
        Report("small, commit of 1 changed, p50", await Median(101, async n =>
        {
            await File.WriteAllTextAsync(file, $"changed {n}");
            await Commit(pool, id, $"c{n}");
        }));
        Report("small, commit of nothing, p50", await Median(101, n => Commit(pool, id, $"n{n}")));
        Report("small, usage, p50", await Median(101, _ => pool.Usage([id], default)));
    }

    private static async Task<double> Median(int count, Func<int, Task> work)
    {
        var times = new List<double>();
        for (var n = 0; n < count; n++)
        {
            times.Add(await Timed(() => work(n)));
        }

        return times.Order().ElementAt(count / 2);
    }

    private void Report(string what, double value) =>
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {value:F1}"));

    private static Task Commit(IStorage pool, FilesystemId id, string commit) =>
        pool.Commit(id, new CommitId(commit), CommitMetadata.Empty.With("message", "m"), default);

    private static async Task<double> Timed(Func<Task> work)
    {
        var started = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static FilesystemLabels Labels(FilesystemId dot) => new(
        dot, new DotName("admin", "test"), "", "0", "admin",
        System.Collections.Immutable.ImmutableSortedDictionary<string, string>.Empty);
}
