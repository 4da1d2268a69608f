using System.Net;
using Dotmesh.Actors.Users;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class UsersLoginThrottleSpec
{
    private static readonly IPAddress Bad = IPAddress.Parse("192.0.2.1");

    private readonly SteppedClock _clock = new();

    [Fact]
    public void After_five_failures_the_delay_doubles_up_to_ten_seconds()
    {
        var throttle = new LoginThrottle(_clock);
        var delays = Enumerable.Range(0, 14).Select(_ =>
        {
            throttle.Failed(Bad);
            return throttle.DelayFor(Bad).TotalMilliseconds;
        });

        Assert.Equal([0, 0, 0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000], delays);
        Assert.Equal(TimeSpan.Zero, throttle.DelayFor(IPAddress.Loopback));
    }

    [Fact]
    public void Ten_quiet_minutes_end_it()
    {
        var throttle = new LoginThrottle(_clock);
        Fail(throttle, Bad, 8);
        _clock.Pass(TimeSpan.FromMinutes(10));
        Assert.Equal(TimeSpan.Zero, throttle.DelayFor(Bad));
        throttle.Failed(Bad);
        Assert.Equal(TimeSpan.Zero, throttle.DelayFor(Bad));
    }

    [Fact]
    public void One_client_is_one_address_in_IPv4_in_its_IPv6_form_and_in_its_64_bit_network()
    {
        var throttle = new LoginThrottle(_clock);
        Fail(throttle, Bad, 8);
        Assert.NotEqual(TimeSpan.Zero, throttle.DelayFor(Bad.MapToIPv6()));

        Fail(throttle, IPAddress.Parse("2001:db8::1"), 8);
        Assert.NotEqual(TimeSpan.Zero, throttle.DelayFor(IPAddress.Parse("2001:db8::ffff:2")));
        Assert.Equal(TimeSpan.Zero, throttle.DelayFor(IPAddress.Parse("2001:db8:0:1::1")));
    }

    [Fact]
    public void A_flood_of_addresses_is_bounded_and_the_newest_stay()
    {
        var throttle = new LoginThrottle(_clock, maxAddresses: 100);
        for (var i = 0; i < 1000; i++)
        {
            _clock.Pass(TimeSpan.FromMilliseconds(1));
            throttle.Failed(new IPAddress(i));
        }

        _clock.Pass(TimeSpan.FromMilliseconds(1));
        Fail(throttle, Bad, 8);

        Assert.InRange(throttle.Count, 1, 100);
        Assert.NotEqual(TimeSpan.Zero, throttle.DelayFor(Bad));
    }

    private static void Fail(LoginThrottle throttle, IPAddress address, int times)
    {
        for (var i = 0; i < times; i++)
        {
            throttle.Failed(address);
        }
    }
}
