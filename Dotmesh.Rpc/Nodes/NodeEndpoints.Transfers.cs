using Dotmesh.Actors;
using Dotmesh.Actors.Transfers;
using Microsoft.AspNetCore.Http;

namespace Dotmesh.Rpc.Nodes;

/// <summary>The questions about transfers.</summary>
public sealed partial class NodeEndpoints
{
    public const string RunTransfer = "/node/transfer/run";
    public const string CancelTransfer = "/node/transfer/cancel";
    public const string ReceiveStream = "/node/transfer/receive";
    public const string ResumePoint = "/node/transfer/resume";
    public const string OfferedStream = "/node/transfer/offered";

    private volatile ITransferAnswers? _transfers;

    /// <summary>From now on there is somebody to ask about transfers.</summary>
    public void Serve(ITransferAnswers transfers) => _transfers = transfers;

    private async Task AnswerTransfers(HttpContext context, byte[] body)
    {
        if (_transfers is not { } transfers)
        {
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }

        var ct = context.RequestAborted;
        switch (context.Request.Path.Value)
        {
            case RunTransfer:
                await Write(context, await transfers.Run(Read(body, NodeJson.Default.TransferWire).Transfer, ct), NodeJson.Default.Done);
                break;
            case CancelTransfer:
                var cancel = Read(body, NodeJson.Default.TransferWire);
                await Write(context, await transfers.Cancel(cancel.Transfer, cancel.By, ct), NodeJson.Default.Done);
                break;
            case ReceiveStream:
                var offer = Read(body, NodeJson.Default.OfferWire).Read();
                await Write(context, await Unbroken(() => transfers.Receive(offer, ct)), NodeJson.Default.Done);
                break;
            case ResumePoint:
                var point = await transfers.ResumePoint(Read(body, NodeJson.Default.StreamRange), ct);
                await Write(context, point.Then<ResumeWire>(at => new ResumeWire(at)), NodeJson.Default.ResumeWire);
                break;
            case OfferedStream:
                var ticket = Read(body, NodeJson.Default.TransferWire).Transfer;
                await Send(context, $"offered stream {ticket}", output => transfers.SendOffered(ticket, output, ct));
                break;
            default:
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                break;
        }
    }

    /// <summary>What broke off on the way is a refusal for the node that offered the stream.</summary>
    private static async Task<Outcome<Done>> Unbroken(Func<Task<Outcome<Done>>> receive)
    {
        try
        {
            return await receive();
        }
        catch (IOException broken)
        {
            return new Refusal(RefusalCode.Storage, broken.Message);
        }
    }
}
