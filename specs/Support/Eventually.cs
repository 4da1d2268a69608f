namespace Dotmesh.Specs.Support;

/// <summary>Waits for what comes true soon, without guessing how long it takes.</summary>
internal static class Eventually
{
    public static async Task<bool> True(Func<bool> condition, TimeSpan? limit = null)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(10));
        var began = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(began) > (limit ?? TimeSpan.FromSeconds(20)))
            {
                return false;
            }

            await timer.WaitForNextTickAsync();
        }

        return true;
    }
}
