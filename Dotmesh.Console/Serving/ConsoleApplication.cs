using Dotmesh.WebConsole.Session;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;

namespace Dotmesh.WebConsole.Serving;

/// <summary>
/// How a node serves the console:
/// <code>
/// builder.Services.AddDotmeshConsole(host);
/// app.UseDotmeshConsole();
/// </code>
/// Everything is under <see cref="Root"/>; a browser that asks for <c>/</c> is sent there.
/// </summary>
public static class ConsoleApplication
{
    public const string Root = "/ui";
    internal const string Scheme = CookieAuthenticationDefaults.AuthenticationScheme;
    internal const string CookieName = "dotmesh-console";

    /// <summary>Without a request or a click for so long, one is signed out.</summary>
    internal static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(30);

    public static IServiceCollection AddDotmeshConsole(this IServiceCollection services, IConsoleHost host)
    {
        services.AddSingleton(host);
        services.AddRouting();
        services.AddDataProtection().SetApplicationName("dotmesh-console").PersistKeysToFileSystem(Directory.CreateDirectory(host.KeyFolder));
        services.AddAuthentication(Scheme).AddCookie(Scheme, Cookie);
        services.AddAuthorization();
        services.AddAntiforgery(options =>
        {
            options.Cookie.Name = "dotmesh-console-form";
            options.Cookie.HttpOnly = true;
            options.Cookie.SameSite = SameSiteMode.Strict;
            options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        });
        services.AddCascadingAuthenticationState();
        services.AddRazorComponents().AddInteractiveServerComponents();
        services.AddMudServices();
        services.AddSingleton(new SharedReads(host.Clock));
        services.AddSingleton(new SignedOut(host.Clock));
        services.AddScoped<ConsoleSession>();
        return services;
    }

    public static IApplicationBuilder UseDotmeshConsole(this IApplicationBuilder app)
    {
        app.Map(Root, console =>
        {
            console.UseMiddleware<SecurityHeaders>();
            console.Use(BehindProxy);
            console.Use(Limits);
            console.Use(EmbeddedAssets.Serve);
            console.UseWebSockets();
            console.UseStatusCodePagesWithReExecute("/not-found");
            console.UseRouting();
            console.UseAuthentication();
            console.UseAuthorization();
            console.UseAntiforgery();
            console.UseEndpoints(endpoints =>
            {
                SignIn.Map(endpoints);
                endpoints.MapRazorComponents<App>().AddInteractiveServerRenderMode().RequireAuthorization();
            });
        });
        return app.Use(ToConsole);
    }

    private static void Cookie(CookieAuthenticationOptions options)
    {
        options.Cookie.Name = CookieName;
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        options.ExpireTimeSpan = IdleLimit;
        options.SlidingExpiration = true;
        options.LoginPath = "/sign-in";
        options.ReturnUrlParameter = "to";
        options.Events.OnValidatePrincipal = SignIn.Validate;
    }

    /// <summary>
    /// A proxy in front that ends TLS says so: cookies are for encrypted ways only then. Whoever lies about it harms nobody else.
    /// </summary>
    private static Task BehindProxy(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Headers["X-Forwarded-Proto"] is [{ } scheme] && scheme.Equals(Uri.UriSchemeHttps, StringComparison.OrdinalIgnoreCase))
        {
            context.Request.Scheme = Uri.UriSchemeHttps;
        }

        return next(context);
    }

    /// <summary>
    /// Pages of another port of this host get a browser to send the cookie along: no websocket for them. And a form is small, whoever sends it.
    /// </summary>
    private static Task Limits(HttpContext context, RequestDelegate next)
    {
        const int largestForm = 64 * 1024;
        var request = context.Request;
        if (request.Headers.Origin is [{ } origin] && !(Uri.TryCreate(origin, UriKind.Absolute, out var from) && from.Authority == request.Host.Value))
        {
            context.Response.StatusCode = StatusCodes.Status403Forbidden;
            return context.Response.WriteAsync("This page is of another origin.", context.RequestAborted);
        }

        if (HttpMethods.IsPost(request.Method) && request.Path.StartsWithSegments("/sign-in", StringComparison.OrdinalIgnoreCase)
            && context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = largestForm;
        }

        return next(context);
    }

    /// <summary>People who type the address of a node; programs get what they got before.</summary>
    private static Task ToConsole(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Path == "/" && HttpMethods.IsGet(context.Request.Method)
            && context.Request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase))
        {
            context.Response.Redirect(Root);
            return Task.CompletedTask;
        }

        return next(context);
    }
}
