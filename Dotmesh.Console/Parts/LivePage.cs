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
    private TimeSpan _took;
    private string? _read;

    protected LivePage() => Left = _left.Token;

    [Inject]
    protected ConsoleSession Session { get; set; } = null!;

    protected DotmeshClient Api => Session.Api;

    /// <summary>Ends when the page is left.</summary>
    protected CancellationToken Left { get; }

    /// <summary>Why the last reading failed; null when it did not.</summary>
    protected DotmeshException? Failure { get; private set; }

    /// <summary>Whether there is something to show.</summary>
    protected bool HasRead { get; private set; }

    /// <summary>What the page is about, by its address: another one is read at once. What only picks from it (a search) is none of it.</summary>
    protected virtual string Subject => "";

    protected abstract Task Read();

    protected override async Task OnParametersSetAsync()
    {
        var isFirst = _read is null;
        if (_read == Subject)
        {
            return;
        }

        _read = Subject;
        await ReadNow();
        if (isFirst)
        {
            _ = Follow();
        }
    }

    /// <summary>What all pages of this user read. See <see cref="ConsoleSession.Shared"/>.</summary>
    protected Task<T> Shared<T>(string what, Func<DotmeshClient, CancellationToken, Task<T>> read) => Session.Shared(what, read).WaitAsync(Left);

    /// <summary>After a change, to show it without delay.</summary>
    protected Task ReadFresh()
    {
        Session.Forget();
        return ReadNow();
    }

    private async Task ReadNow()
    {
        await _reading.WaitAsync(Left);
        var started = Session.Clock.GetTimestamp();
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
            // what fails late is not asked again at once
            _took = Session.Clock.GetElapsedTime(started);
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
                var rest = SlowFactor * _took;
                await Task.Delay(rest > Pause ? rest : Pause, Session.Clock, Left);
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
