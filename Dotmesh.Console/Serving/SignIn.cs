using System.Net;
using System.Security.Claims;
using Dotmesh.WebConsole.Pages;
using Dotmesh.WebConsole.Session;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Dotmesh.WebConsole.Serving;

/// <summary>The form that asks who one is, and the way out. Plain pages: they work without scripts.</summary>
internal static class SignIn
{
    internal const string Mark = "mark";
    private const string SessionId = "session";

    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/sign-in", (string? to) => Page(to, "", "")).AllowAnonymous();
        endpoints.MapPost("/sign-in", Enter).AllowAnonymous();
        endpoints.MapPost("/sign-out", (Delegate)Leave).AllowAnonymous();
        // renews the cookie of who works on an open page, which asks for nothing else
        endpoints.MapGet("/alive", () => Results.NoContent()).RequireAuthorization();
    }

    /// <summary>A cookie of somebody who is gone, or whose password was changed since, is worth nothing.</summary>
    public static async Task Validate(CookieValidatePrincipalContext context)
    {
        var host = context.HttpContext.RequestServices.GetRequiredService<IConsoleHost>();
        if (!IsCurrent(host, context.HttpContext.RequestServices.GetRequiredService<SignedOut>(), context.Principal))
        {
            context.RejectPrincipal();
            await context.HttpContext.SignOutAsync(ConsoleApplication.Scheme);
        }
    }

    public static bool IsCurrent(IConsoleHost host, SignedOut signedOut, ClaimsPrincipal? user) =>
        user?.FindFirstValue(ClaimTypes.NameIdentifier) is { } id && host.PasswordMark(id) is { } mark && user.FindFirstValue(Mark) == mark
        && user.FindFirstValue(SessionId) is { } session && !signedOut.Has(session);

    /// <summary>Only ways within the console: a link must not lead elsewhere by signing in.</summary>
    internal static string Within(string? to) =>
        to is { Length: > 1 } && to.StartsWith(ConsoleApplication.Root + "/", StringComparison.Ordinal) && !to.Contains('\\', StringComparison.Ordinal)
            ? to
            : ConsoleApplication.Root;

    private static RazorComponentResult<SignInPage> Page(string? to, string user, string refusal) =>
        new(new Dictionary<string, object?> { [nameof(SignInPage.To)] = Within(to), [nameof(SignInPage.User)] = user, [nameof(SignInPage.Refusal)] = refusal });

    private static async Task<IResult> Enter(HttpContext context, IAntiforgery forms, IConsoleHost host)
    {
        if (!context.Request.HasFormContentType || !await forms.IsRequestValidAsync(context))
        {
            return Page(null, "", "This form is too old. Please sign in again.");
        }

        var form = await context.Request.ReadFormAsync(context.RequestAborted);
        var (user, to) = (form["user"].ToString().Trim(), form["to"].ToString());
        var entered = await host.SignIn(user, form["password"].ToString(), context.Connection.RemoteIpAddress ?? IPAddress.None, context.RequestAborted);
        if (entered.UserId is not { } id || host.PasswordMark(id) is not { } mark)
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return Page(to, user, entered.Refusal);
        }

        var identity = new ClaimsIdentity(
            [new(ClaimTypes.NameIdentifier, id), new(ClaimTypes.Name, entered.Name), new(Mark, mark), new(SessionId, host.NewId())],
            ConsoleApplication.Scheme);
        await context.SignInAsync(ConsoleApplication.Scheme, new ClaimsPrincipal(identity));
        return Results.LocalRedirect(Within(to));
    }

    /// <summary>Always: a form of another user's page must not leave somebody signed in. Another site's page does not send the cookie along.</summary>
    private static async Task<IResult> Leave(HttpContext context, SignedOut signedOut)
    {
        if (context.User.FindFirstValue(SessionId) is { } session)
        {
            signedOut.Add(session, ConsoleApplication.IdleLimit);
        }

        await context.SignOutAsync(ConsoleApplication.Scheme);
        return Results.LocalRedirect($"{ConsoleApplication.Root}/sign-in");
    }
}
