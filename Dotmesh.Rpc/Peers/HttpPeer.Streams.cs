using System.Net;
using System.Runtime.ExceptionServices;
using Dotmesh.Actors;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Transfers;
using Dotmesh.Rpc.Nodes;

namespace Dotmesh.Rpc.Peers;

/// <summary>
/// The stream endpoints (contract 6.4). What breaks off the connection, or lets it stand still, is an <see cref="IOException"/> to whoever
/// reads or writes, and <see cref="RefusalCode.Unavailable"/> to the caller, whatever the reader or writer made of it. Any other
/// failure of theirs is thrown as it was.
/// </summary>
internal sealed partial class HttpPeer
{
    public async Task<Outcome<Done>> Pull(
        StreamRange range, string format, string? resume, Func<Stream, string, CancellationToken, Task> read, CancellationToken ct)
    {
        var path = Path(range);
        using var ready = new CancellationTokenSource(call.Limits.Ready, call.Clock);
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(ready.Token, ct);
        HttpResponseMessage response;
        try
        {
            using var request = call.Request(HttpMethod.Get, path);
            request.Headers.Add(StreamFormats.Header, format);
            if (resume is not null)
            {
                request.Headers.Add(StreamFormats.ResumeHeader, resume);
            }

            response = await call.Send(request, ends.Token);
        }
        catch (Exception failure) when (PeerCall.IsOfTheWire(failure) && !ct.IsCancellationRequested)
        {
            return Broken(path, failure, ready, call.Limits.Ready);
        }

        using (response)
        {
            return await Pull(path, response, read, ready, ct);
        }
    }

    public async Task<Outcome<PushAnswer>> Push(
        string transfer, StreamRange range, string format, Func<Stream, CancellationToken, Task> write, CancellationToken ct)
    {
        var path = Path(range);
        using var watch = new PushWatch(call.Limits, call.Clock, ct);
        using var body = new PushContent(write, watch);
        using var request = call.Request(HttpMethod.Post, path);
        request.Content = body;
        request.Headers.Add(StreamFormats.Header, format);
        request.Headers.Add(StreamFormats.TransferHeader, transfer);
        request.Headers.TransferEncodingChunked = true;

        // a peer that does not want the stream says so before it is sent
        request.Headers.ExpectContinue = true;
        try
        {
            using var response = await call.Send(request, watch.Token);
            watch.Answering();
            var answer = new PushAnswer((int)response.StatusCode, await call.Text(response, watch.Token));

            // a peer that takes half a stream for a whole one has taken nothing
            return body.Broken is { } broken && response.StatusCode == HttpStatusCode.OK ? Broken(path, broken) : answer;
        }
        catch (Exception failure)
        {
            watch.BreakOff();
            await body.Ended;
            ct.ThrowIfCancellationRequested();
            if (body.Failure is { } own)
            {
                ExceptionDispatchInfo.Throw(own);
            }

            if (!PeerCall.IsOfTheWire(failure))
            {
                throw;
            }

            return Broken(path, body.Broken ?? watch.Expired ?? failure);
        }
    }

    private static string Path(StreamRange range) => $"/filesystems/{range.Filesystem}/{StreamStart.Of(range)}/{range.To}";

    private async Task<Outcome<Done>> Pull(
        string path, HttpResponseMessage response, Func<Stream, string, CancellationToken, Task> read, CancellationTokenSource ready, CancellationToken ct)
    {
        if (response.StatusCode != HttpStatusCode.OK)
        {
            return await Refused(path, response, ready, ct);
        }

        var named = response.Headers.TryGetValues(StreamFormats.Header, out var values) ? string.Join(',', values) : StreamFormats.ZfsSend;
        if (!PeerReplies.IsFormat(named))
        {
            return call.Unusable($"GET {path}", $"the header {StreamFormats.Header} names no format");
        }

        await using var body = new PullStream(new StallingStream(await response.Content.ReadAsStreamAsync(ct), call.Limits.PullStall));
        try
        {
            await read(body, named, ct);
        }
        catch (Exception) when (body.Broken is not null && !ct.IsCancellationRequested)
        {
            // whatever the reader made of it, this is why
        }

        return body.Broken is { } broken ? Broken(path, broken) : default(Done);
    }

    private async Task<Refusal> Refused(string path, HttpResponseMessage response, CancellationTokenSource ready, CancellationToken ct)
    {
        using var ends = CancellationTokenSource.CreateLinkedTokenSource(ready.Token, ct);
        try
        {
            return await call.Unanswered(response, $"GET {path}", ends.Token);
        }
        catch (Exception failure) when (PeerCall.IsOfTheWire(failure) && !ct.IsCancellationRequested)
        {
            return Broken(path, failure, ready, call.Limits.Ready);
        }
    }

    private Refusal Broken(string path, Exception failure, CancellationTokenSource limit, TimeSpan length) => limit.IsCancellationRequested
        ? call.Unreached($"GET {path} was not answered within {length.TotalSeconds:0.###} s")
        : Broken(path, failure);

    private Refusal Broken(string path, Exception failure) => call.Unreached($"the stream {path} broke off ({PeerCall.Reason(failure)})");
}
