using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>A program on a terminal of its own, which util-linux's <c>script</c> makes and keeps a record of.</summary>
internal sealed class PseudoTerminal : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly ChildProcess _script;
    private readonly string _record;

    private PseudoTerminal(ChildProcess script, string record) => (_script, _record) = (script, record);

    /// <summary>All that was written to it, control sequences included.</summary>
    public string Screen
    {
        get
        {
            using var file = new FileStream(_record, FileMode.OpenOrCreate, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(file);
            return reader.ReadToEnd();
        }
    }

    public static PseudoTerminal Start(string[] line)
    {
        var record = Path.GetTempFileName();
        var quoted = string.Join(' ', line.Select(word => $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        return new PseudoTerminal(
            ChildProcess.Start(
                "script", ["--quiet", "--return", "--flush", "--command", $"stty cols 160 rows 50; exec {quoted}", record],
                // exec, and always the same shell: some, once interrupted, end with a code of their own in place of the program's
                new Dictionary<string, string?> { ["SHELL"] = "/bin/sh", ["TERM"] = "xterm", ["NO_COLOR"] = null, ["CI"] = null },
                keepInput: true),
            record);
    }

    public Task Shows(string text) => Patience.Holds(
        () => Task.FromResult(Screen.Contains(text, StringComparison.Ordinal) ? Screen : null), Limit, () => $"not shown: {text}\n{Screen}\n{_script.Log}");

    public Task Type(string text) => _script.Type(text);

    /// <summary>Its exit code.</summary>
    public async Task<int> Ended()
    {
        try
        {
            return (await _script.Finished(Limit)).ExitCode;
        }
        catch (TimeoutException late)
        {
            Assert.Fail($"{late.Message}\n{Screen}");
            return -1;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _script.DisposeAsync();
        File.Delete(_record);
    }
}
