using Microsoft.AspNetCore.Components.Server.Circuits;

namespace Dotmesh.WebConsole.Session;

/// <summary>An open page is no sign that somebody sits before it: clicks and keys are.</summary>
internal sealed class IdleCircuit(ConsoleSession session) : CircuitHandler
{
    public override Func<CircuitInboundActivityContext, Task> CreateInboundActivityHandler(Func<CircuitInboundActivityContext, Task> next) => async context =>
    {
        session.Touch();
        await next(context);
    };
}
