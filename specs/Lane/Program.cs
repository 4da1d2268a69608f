using System.Globalization;
using Dotmesh.Specs.Lane;
using Dotmesh.Specs.Storage;
using Dotmesh.Specs.Support;

// Runs the zfs specs where there is no SDK, or many times: Dotmesh.Lane [--filter TEXT|TEXT...] [--timeout SECONDS] [--repeat N]
// One line per case, the sum at the end; 0 only when something passed and nothing failed.
// DOTMESH_SPEC_LANES decides the pool: openzfs (a kernel module) or zfs (zfs-fuse).
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;
Type[] classes = Lanes.IsOn(Lanes.OpenZfs)
    ? [typeof(KernelZfsStorageSpec), typeof(KernelPlainSendingSpec), typeof(KernelPlainReceivingSpec), typeof(KernelPlainStreamDangersSpec)]
    : [typeof(ZfsStorageSpec), typeof(PlainSendingSpec), typeof(PlainReceivingSpec), typeof(PlainStreamDangersSpec)];

string Option(string name, string otherwise) =>
    Array.IndexOf(args, name) is var at and >= 0 && at + 1 < args.Length ? args[at + 1] : otherwise;

var filter = Option("--filter", "");
var limit = TimeSpan.FromSeconds(double.Parse(Option("--timeout", "600"), CultureInfo.InvariantCulture));
var repeat = int.Parse(Option("--repeat", "1"), CultureInfo.InvariantCulture);
var results = new List<(string Name, CaseResult Result)>();
var cases = classes.SelectMany(LaneCase.Of).Where(c => filter.Split('|').Any(text => c.Name.Contains(text, StringComparison.OrdinalIgnoreCase))).ToList();
foreach (var one in Enumerable.Repeat(cases, repeat).SelectMany(c => c))
{
    var result = await LaneRun.Run(one, limit);
    results.Add((one.Name, result));
    var verdict = result.Verdict switch
    {
        Verdict.Passed => "ok",
        Verdict.Failed => "FAIL",
        _ => "skip",
    };
    Console.WriteLine($"{verdict} {one.Name} ({result.Elapsed.TotalSeconds:0.0} s) {result.Reason}".TrimEnd());
}

int Count(Verdict verdict) => results.Count(r => r.Result.Verdict == verdict);
foreach (var (name, _) in results.Where(r => r.Result.Verdict == Verdict.Failed))
{
    Console.WriteLine($"failed: {name}");
}

Console.WriteLine($"{Count(Verdict.Passed)} passed, {Count(Verdict.Failed)} failed, {Count(Verdict.Skipped)} skipped");
return Count(Verdict.Passed) > 0 && Count(Verdict.Failed) == 0 ? 0 : 1;
