using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd.Transfers;

/// <summary>
/// The stream endpoints as an original server uses them: no header of ours, gzip, prelude, marker, and what <c>zfs send</c> writes. The other
/// side is the <c>zfs</c> program itself, called as the original called it (contract 5.4, 6.4).
/// </summary>
public sealed class OriginalStreamsZfsSpec : IAsyncLifetime
{
    private const string Id = "11111111-2222-4333-8444-555555555555";

    private readonly ScratchFolder _folder = new();
    private ZfsPool? _pool;
    private ZfsPool? _other;
    private NodeProcess? _node;

    private Side Side => new([_node!]);

    private string Dataset => $"{_other!.Name}/{Id}";

    public async Task InitializeAsync()
    {
        Lanes.Require(Lanes.Zfs);
        _pool = await ZfsPool.Create(1L << 30);
        _other = await ZfsPool.Create(1L << 30);
        _node = await NodeProcess.Start(new NodeSetup(Path.Combine(_folder.Path, "node"), _pool.Name));
    }

    public async Task DisposeAsync()
    {
        // none when the lane is off
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        foreach (var pool in new[] { _pool, _other }.OfType<ZfsPool>())
        {
            await pool.DisposeAsync();
        }

        _folder.Dispose();
    }

    [SkippableFact]
    public async Task What_an_original_pulls_from_here_its_zfs_receive_takes_whole_and_after_a_commit_that_it_has()
    {
        await Side.Create("data");
        await Side.Commits("data", "one");
        await Side.Commits("data", "two");
        var id = await Side.IdOf("data");
        var commits = await Ids("data");

        var prelude = await Pull($"/filesystems/{id}/START/{commits[1]}");
        Assert.Equal(["Initial commit", "one"], Messages(prelude));
        await ChildProcess.Shell($"zfs receive {_other!.Name}/copy < {_folder.Path}/stream");
        Assert.Equal(["two"], Messages(await Pull($"/filesystems/{id}/{commits[1]}/{commits[2]}")));
        await ChildProcess.Shell($"zfs receive {_other.Name}/copy < {_folder.Path}/stream");

        Assert.Equal(commits.Order(), (await Snapshots($"{_other.Name}/copy")).Order());
        Assert.Equal("two", await ReadThere("copy", "__default__/two"));
        Assert.DoesNotContain("io.dotmesh", await Out("get", "-H", "-r", "all", $"{_other.Name}/copy"), StringComparison.Ordinal);
    }

    [SkippableFact]
    public async Task What_an_original_pushes_is_here_with_its_files_and_with_the_metadata_of_either_of_its_ways()
    {
        await MakeThere();

        // the last servers told the metadata in the properties of the stream
        await Push("START", "c2", "-p -R", "{\"SnapshotProperties\":null}");
        Assert.Equal(["first there", "second there"], await Side.Log("pushed"));
        Assert.Equal("two", await Side.Read("pushed", "file"));

        // those of 2018 beside it
        await CommitThere("c3", "three");
        await Push("c2", "c3", "-I c2", """{"SnapshotProperties":[{"Id":"c3","Metadata":{"message":"third there","author":"x"}}]}""");
        Assert.Equal(["first there", "second there", "third there"], await Side.Log("pushed"));
        Assert.Equal("three", await Side.Read("pushed", "file"));

        await Side.Commits("pushed", "mine");
        Assert.Equal("mine", (await Side.Log("pushed"))[^1]);
    }

    [SkippableFact]
    public async Task A_push_onto_what_was_written_to_is_refused_in_the_words_that_clients_look_for()
    {
        await MakeThere();
        await Push("START", "c2", "-p -R", "{\"SnapshotProperties\":null}");
        await Side.Write("pushed", "mine", "not committed");
        await CommitThere("c3", "three");

        var (status, text) = await TryPush("c2", "c3", "-p -I c2", "{\"SnapshotProperties\":null}");

        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.StartsWith($"Unable to receive {Id}: ", text, StringComparison.Ordinal);
        Assert.Contains("has been modified\nsince most recent snapshot", text, StringComparison.Ordinal);
        Assert.Equal("not committed", await Side.Read("pushed", "mine"));
        Assert.Equal(["first there", "second there"], await Side.Log("pushed"));
    }

    private static IEnumerable<string?> Messages(JsonNode prelude) =>
        ((JsonArray)prelude["SnapshotProperties"]!).Select(commit => (string?)commit!["Metadata"]!["message"]);

    private Task<string> Out(params string[] arguments) => _other!.Run("zfs", arguments);

    private async Task<IReadOnlyList<string>> Snapshots(string dataset) =>
    [
        .. (await Out("list", "-H", "-o", "name", "-t", "snapshot", "-r", dataset)).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(name => name.Split('@')[1]),
    ];

    private async Task<IReadOnlyList<string>> Ids(string name) =>
    [
        .. ((JsonArray)(await Side.Rpc().Call("Commits", new { Namespace = "admin", Name = name, Branch = "" }))!).Select(commit => (string)commit!["Id"]!),
    ];

    private async Task<string> ReadThere(string dataset, string file)
    {
        await ChildProcess.Shell($"zfs set mountpoint={_folder.Path}/{dataset} {_other!.Name}/{dataset}; zfs mount {_other.Name}/{dataset} 2>/dev/null || true");
        var text = await File.ReadAllTextAsync(Path.Combine(_folder.Path, dataset, file));
        await ChildProcess.Shell($"zfs umount {_other.Name}/{dataset}");
        return text;
    }

    private async Task MakeThere()
    {
        await ChildProcess.Shell($"zfs create -o mountpoint={_folder.Path}/there {Dataset}; mkdir -p {_folder.Path}/there/__default__");
        await CommitThere("c1", "one", "first there");
        await CommitThere("c2", "two", "second there");
    }

    private async Task CommitThere(string commit, string text, string? message = null)
    {
        await File.WriteAllTextAsync(Path.Combine(_folder.Path, "there", "__default__", "file"), text);
        await ChildProcess.Shell($"zfs snapshot {Dataset}@{commit}");
        if (message is not null)
        {
            await ChildProcess.Shell($"zfs set io.dotmesh:meta-message={Convert.ToBase64String(Encoding.UTF8.GetBytes(message))} {Dataset}@{commit}");
        }
    }

    /// <summary>Answers the prelude; the stream is in a file.</summary>
    private async Task<JsonNode> Pull(string path)
    {
        using var http = Side.Http();
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "body"), await http.GetByteArrayAsync(new Uri(path, UriKind.Relative)));
        await ChildProcess.Shell($"gunzip -c {_folder.Path}/body > {_folder.Path}/plain");
        var plain = await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "plain"));
        var marker = plain.AsSpan().IndexOf("!!END_PRELUDE!!"u8);
        await File.WriteAllBytesAsync(Path.Combine(_folder.Path, "stream"), plain[(marker + 15)..]);
        return JsonNode.Parse(Convert.FromBase64String(Encoding.ASCII.GetString(plain[..marker])))!;
    }

    private async Task Push(string from, string to, string options, string prelude)
    {
        var (status, text) = await TryPush(from, to, options, prelude);
        Assert.True(status == HttpStatusCode.OK, $"{status}: {text}\n{_node!.Log}");
    }

    private async Task<(HttpStatusCode Status, string Text)> TryPush(string from, string to, string options, string prelude)
    {
        await Side.Announce("pushed", Id, from, to);
        var encoded = Convert.ToBase64String(Encoding.UTF8.GetBytes(prelude));
        await ChildProcess.Shell($"(printf %s '{encoded}!!END_PRELUDE!!'; zfs send {options} {Dataset}@{to}) | gzip -1 > {_folder.Path}/body");
        using var http = Side.Http();
        using var content = new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(_folder.Path, "body")));
        using var reply = await http.PostAsync(new Uri($"/filesystems/{Id}/{from}/{to}", UriKind.Relative), content);
        return (reply.StatusCode, await reply.Content.ReadAsStringAsync());
    }
}
