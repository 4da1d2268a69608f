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
    private const int SlowFactor = 10;

    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);

    private readonly CancellationTokenSource _left = new();
    // never disposed: a reading that is under way when the page is left still ends its turn, and it holds nothing of the system
    private readonly SemaphoreSlim _reading = new(1);
    private readonly CancellationToken _gone;
    private TimeSpan _took;
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
        var started = Session.Clock.GetTimestamp();
        try
        {
            await Read();
            _took = Session.Clock.GetElapsedTime(started);
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
        try
        {
            while (true)
            {
                // what is slow to read is read less often: pages must not be what keeps a node busy
                await Task.Delay(Pause > SlowFactor * _took ? Pause : SlowFactor * _took, Session.Clock, Left);
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
        GC.SuppressFinalize(this);
    }
}
