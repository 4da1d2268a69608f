using System.Net.Http.Json;
using System.Text.Json;
using Dotmesh.Actors;
using Dotmesh.Rpc.JsonRpc;
using Dotmesh.Rpc.Wire;

namespace Dotmesh.Rpc.Methods;

/// <summary>Payments are passed on to the configured billing endpoint; nothing about cards is kept here.</summary>
internal static class PaymentMethods
{
    private const int MaxReplyBytes = 64 * 1024;
    private static readonly TimeSpan DefaultTimeout = TimeSpan.FromSeconds(20);

    private static readonly Argument Token = Argument.Text("Token");
    private static readonly Argument PlanId = Argument.Text("PlanId");
    private static readonly Argument OldPlan = Argument.Text("Plan");

    /// <summary>The oldest web interface sent both in an object (contract 0.1).</summary>
    private static readonly Argument Details = Argument.Object("PaymentDeets", Token, OldPlan);

    public static RpcMethod[] All { get; } =
    [
        new RpcMethod<SafeUser>(
            "DotmeshRPC.SubmitPayment",
            "Passes a payment token and plan on to the billing endpoint and stores its customer id and plan on the caller.",
            WireJson.Default.SafeUser,
            Submit)
        {
            Arguments = [Token, PlanId, Details],
        },
    ];

    private static async ValueTask<Outcome<SafeUser>> Submit(RpcCall call)
    {
        if (call.Services.Settings.Billing.Endpoint is not { } endpoint || call.Services.BillingClient is not { } client)
        {
            return new Refusal(
                RefusalCode.Unavailable, "Payments are not configured on this cluster: the option Billing:Endpoint is not set.");
        }

        var old = call.Arguments.Object(Details);
        var token = call.Text(Token) is { Length: > 0 } newToken ? newToken : old?.Text(Token) ?? "";
        var plan = call.Text(PlanId) is { Length: > 0 } newPlan ? newPlan : old?.Text(OldPlan) ?? "";
        if (token.Length == 0 || plan.Length == 0)
        {
            return new Refusal(RefusalCode.Invalid, token.Length == 0 ? "Token cannot be empty" : "PlanId cannot be empty");
        }

        var paid = await Post(call, client, endpoint, new PaymentRequest(token, plan, SafeUser.From(call.Caller.User)));
        if (paid.Refused(out var refusal))
        {
            return refusal;
        }

        var user = await UserMethods.SetPaymentDetails(
            call, call.Caller.User.Id, paid.Value.CustomerId ?? "", paid.Value.CurrentPlan ?? "");
        return user.Then(changed => (Outcome<SafeUser>)SafeUser.From(changed));
    }

    private static async Task<Outcome<PaymentReply>> Post(RpcCall call, HttpClient client, Uri endpoint, PaymentRequest payment)
    {
        var timeout = call.Services.Settings.Billing.Timeout ?? DefaultTimeout;
        using var limit = new CancellationTokenSource(timeout, call.Services.Clock);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, call.Deadline);
        try
        {
            using var content = JsonContent.Create(payment, WireJson.Default.PaymentRequest);
            await content.LoadIntoBufferAsync(both.Token);
            using var request = new HttpRequestMessage(HttpMethod.Post, endpoint) { Content = content };
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, both.Token);
            if (!answer.IsSuccessStatusCode)
            {
                return Failed($"it answered status {(int)answer.StatusCode}");
            }

            await answer.Content.LoadIntoBufferAsync(MaxReplyBytes, both.Token);
            var reply = await answer.Content.ReadFromJsonAsync(WireJson.Default.PaymentReply, both.Token);
            return reply is { CustomerId.Length: > 0, CurrentPlan.Length: > 0 }
                ? reply
                : Failed("its answer lacks CustomerId or CurrentPlan");
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            return Failed($"it did not answer within {timeout.TotalSeconds:0} s; look there before paying again");
        }
        catch (HttpRequestException failure)
        {
            return Failed(failure.Message);
        }
        catch (JsonException)
        {
            return Failed("its answer is not the JSON that was expected");
        }
    }

    private static Refusal Failed(string why) =>
        new(RefusalCode.Unavailable, $"The payment was not confirmed by the billing endpoint: {why}.");
}
