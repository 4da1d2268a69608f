using System.Diagnostics.Metrics;
using System.Globalization;
using Dotmesh.Actors.Filesystems;
using Prometheus;

namespace Dotmesh.Rpc.Http;

/// <summary>
/// Shows the instruments of the domain's meter on the metrics page, under their own names and labels. The meter is the
/// process's: nodes that share a process, as in specs, show the same figures.
/// </summary>
internal sealed class DomainFigures : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly MetricFactory _factory;

    public DomainFigures(MetricFactory factory)
    {
        _factory = factory;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Telemetry.MeterName)
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Measured(instrument, value, tags));
        _listener.Start();
    }

    /// <summary>Reads the instruments that are only asked when somebody looks.</summary>
    public void Read() => _listener.RecordObservableInstruments();

    public void Dispose() => _listener.Dispose();

    private void Measured(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var names = new string[tags.Length];
        var values = new string[tags.Length];
        for (var i = 0; i < tags.Length; i++)
        {
            names[i] = tags[i].Key;
            values[i] = Convert.ToString(tags[i].Value, CultureInfo.InvariantCulture) ?? "";
        }

        var help = instrument.Description ?? "";
        if (instrument.IsObservable)
        {
            _factory.CreateGauge(instrument.Name, help, names).WithLabels(values).Set(value);
        }
        else if (instrument is Histogram<double>)
        {
            _factory.CreateHistogram(instrument.Name, help, names).WithLabels(values).Observe(value);
        }
        else
        {
            _factory.CreateCounter(instrument.Name, help, names).WithLabels(values).Inc(value);
        }
    }
}
