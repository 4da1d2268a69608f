using System.Text;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>A recorded exchange that this server answers in another way, on purpose.</summary>
/// <param name="Case">Name of the recorded exchange.</param>
/// <param name="Why">For the table of <c>docs/differences.md</c>.</param>
/// <param name="Expected">The answer instead; null: not sent.</param>
internal sealed record DecidedDifference(string Case, string Why, string? Expected);

/// <summary>The whole list of exceptions from the recorded exchanges; <c>docs/differences.md</c> shows it.</summary>
internal static class DecidedDifferences
{
    private const string NotBuiltYet = "not part of this server yet: ";
    private const string CauseWasLost = "the original lost the cause of what its state machine refused";

    public static IReadOnlyList<DecidedDifference> All { get; } =
    [
        new(
            "not json",
            "JSON-RPC 2.0: a parse error is answered",
            """{"error":{"code":-32700,"message":"Parse error: the body is not valid JSON (line 1, byte 2)."},"id":null}"""),
        new("id is a float", "echoed byte for byte; the recording's tool shortened it", """{"result":true,"id":1.50}"""),
        new(
            "unknown service",
            "JSON-RPC 2.0: the code for unknown methods",
            """{"error":{"code":-32601,"message":"rpc: can't find service \"Foo.Ping\""}}"""),
        new(
            "bare method",
            "JSON-RPC 2.0: the code for unknown methods",
            """{"error":{"code":-32601,"message":"rpc: service/method request ill-formed: \"Ping\""}}"""),
        new(
            "create wrong type",
            "JSON-RPC 2.0: the code for invalid params; the text names the member",
            """{"error":{"code":-32602,"message":"Invalid params: Name must be a string, not a number."}}"""),
        new(
            "commit id override again",
            CauseWasLost,
            """{"error":{"code":-32000,"message":"A commit with id WEIRDCOMMIT already exists in admin/cap1"}}"""),
        new(
            "branch unknown commit",
            CauseWasLost,
            """{"error":{"code":-32000,"message":"No such commit nope in admin/cap1. Its commits are listed by Commits."}}"""),
        new(
            "branch of branch, commit of master",
            CauseWasLost,
            """
            {"error":{"code":-32000,"message":
              "No such commit f841187c-1909-443e-a734-c8ca763cb00a in admin/cap1@b1. Its commits are listed by Commits."}}
            """),
        new(
            "path of branch",
            "the original left two members empty for branches that it made itself",
            """
            {"result":{"TopLevelFilesystemId":"6e67bd46-c5ab-416c-b23d-1ec85962652d","Clones":[{"Name":"b1","Clone":{
              "TopLevelFilesystemId":"6e67bd46-c5ab-416c-b23d-1ec85962652d","Name":"b1",
              "FilesystemId":"12a6acf7-65a7-4017-9ff5-191b4e735fe1",
              "Origin":{"FilesystemId":"6e67bd46-c5ab-416c-b23d-1ec85962652d",
                        "SnapshotId":"f841187c-1909-443e-a734-c8ca763cb00a"}}}]}}
            """),
        new("switch containers", NotBuiltYet + "containers", null),
        new("s3 list none", NotBuiltYet + "file API", null),
        new("s3 put", NotBuiltYet + "file API", null),
        new("s3 list xml", NotBuiltYet + "file API", null),
        new("s3 bob", NotBuiltYet + "file API", null),
    ];

    public static DecidedDifference? Find(string name) => All.FirstOrDefault(difference => difference.Case == name);

    /// <summary>As Markdown.</summary>
    public static string Table()
    {
        var table = new StringBuilder("| recorded exchange | answer here | why |\n|---|---|---|\n");
        foreach (var (name, why, expected) in All)
        {
            var answer = expected is null ? "" : $"`{string.Join(' ', expected.Split((char[])['\n', ' '], StringSplitOptions.RemoveEmptyEntries))}`";
            table.Append($"| {name} | {answer} | {why} |\n");
        }

        return table.ToString();
    }
}
