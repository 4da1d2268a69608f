using Dotmesh.Client;
using Dotmesh.WebConsole.Session;
using Microsoft.AspNetCore.Components;

namespace Dotmesh.WebConsole.Parts;

/// <summary>
/// A page whose content follows the cluster: read at once, and again every few seconds as long as it is open. What cannot be read leaves what was
/// there, with the reason above it.
/// </summary>
public abstract class LivePage : ComponentBase, IDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _left = new();
    private readonly SemaphoreSlim _reading = new(1);
    private readonly CancellationToken _gone;
    private bool _begun;

    protected LivePage() => _gone = _left.Token;

    [Inject]
    protected ConsoleSession Session { get; set; } = null!;

    protected DotmeshClient Api => Session.Api;

    /// <summary>Ends when the page is left.</summary>
    protected CancellationToken Left => _gone;

    /// <summary>Why the last reading failed; null when it did not.</summary>
    protected DotmeshException? Failure { get; private set; }

    /// <summary>Whether there is something to show.</summary>
    protected bool HasRead { get; private set; }

    protected abstract Task Read();

    protected override async Task OnParametersSetAsync()
    {
        await ReadNow();
        if (!_begun)
        {
            _begun = true;
            _ = Follow();
        }
    }

    /// <summary>After a change, to show it without delay.</summary>
    protected async Task ReadNow()
    {
        await _reading.WaitAsync(Left);
        try
        {
            await Read();
            (Failure, HasRead) = (null, true);
        }
        catch (DotmeshException failure)
        {
            Failure = failure;
        }
        finally
        {
            _reading.Release();
        }
    }

    private async Task Follow()
    {
        using var turns = new PeriodicTimer(Pause, Session.Clock);
        try
        {
            while (await turns.WaitForNextTickAsync(Left))
            {
                await InvokeAsync(async () =>
                {
                    await ReadNow();
                    StateHasChanged();
                });
            }
        }
        catch (OperationCanceledException) when (Left.IsCancellationRequested)
        {
            // nobody looks any more
        }
        catch (Exception bug)
        {
            await DispatchExceptionAsync(bug);
        }
    }

    public void Dispose()
    {
        _left.Cancel();
        _left.Dispose();
        _reading.Dispose();
        GC.SuppressFinalize(this);
    }
}
