using System.Globalization;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;
using Spectre.Console;

namespace Dotmesh.Cli.Commands;

/// <summary>The progress of a transfer on stderr: a bar on a terminal, elsewhere a plain line for each change.</summary>
internal abstract class TransferView
{
    public abstract void Update(Transfer transfer);

    /// <summary>Something to say once, until something else is to be said.</summary>
    public abstract void Trouble(string text);

    public static Task<T> Shown<T>(Run run, Func<TransferView, Task<T>> body)
    {
        if (!run.Terminal.ErrorIsTerminal)
        {
            return body(new Lines(run));
        }

        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(run.Terminal.Error) });
        return console.Progress().HideCompleted(false).AutoClear(false)
            .Columns(
                new TaskDescriptionColumn { Alignment = Justify.Left },
                new ProgressBarColumn(),
                new PercentageColumn(),
                new DownloadedColumn(),
                new TransferSpeedColumn(),
                new RemainingTimeColumn())
            .StartAsync(context => body(new Bar(run, context)));
    }

    /// <summary><c>pushing 1/2</c>.</summary>
    protected static string Step(Transfer transfer) =>
        transfer.Total > 0 ? string.Create(CultureInfo.InvariantCulture, $"{transfer.Status} {transfer.Index}/{transfer.Total}") : transfer.Status;

    private sealed class Bar(Run run, ProgressContext context) : TransferView
    {
        private readonly ProgressTask _task = context.AddTask("starting", maxValue: 1);
        private string _said = "";
        private int _segment;

        public override void Update(Transfer transfer)
        {
            _said = "";
            if (transfer.Index != _segment)
            {
                // another segment: another amount of bytes
                _segment = transfer.Index;
                _task.Value = 0;
            }

            _task.Description = Markup.Escape(transfer.Message.Length > 0 && !transfer.IsOver() ? $"{Step(transfer)} ({transfer.Message})" : Step(transfer));
            _task.MaxValue = Math.Max(1, transfer.Size);
            _task.Value = transfer.IsFinished() ? _task.MaxValue : Math.Min(transfer.Sent, transfer.Size);
            if (transfer.IsOver())
            {
                _task.StopTask();
            }

            context.Refresh();
        }

        public override void Trouble(string text)
        {
            if (text != _said)
            {
                _said = text;
                _task.Description = Markup.Escape(text.Split('\n')[0]);
                run.Terminal.Error.Flush();
            }
        }
    }

    private sealed class Lines(Run run) : TransferView
    {
        private const int Tenths = 10;

        /// <summary>Seconds; what takes longer than that is a rate that was measured too early.</summary>
        private const double LongestLeft = 1e8;

        private string _last = "", _said = "";

        public override void Update(Transfer transfer)
        {
            var tenth = transfer.Size > 0 ? transfer.Sent * Tenths / transfer.Size : 0;
            var mark = $"{Step(transfer)} {tenth} {transfer.Message}";
            if (mark == _last)
            {
                return;
            }

            (_last, _said) = (mark, "");
            var amount = transfer.Size > 0
                ? $"  {Sizes.Exact(transfer.Sent)} of {Sizes.Exact(transfer.Size)}  {Sizes.Rate(transfer.Rate())}{Left(transfer)}"
                : "";
            run.Note($"{Step(transfer)}{amount}{(transfer.Message.Length > 0 && !transfer.IsOver() ? $"  ({transfer.Message})" : "")}");
        }

        public override void Trouble(string text)
        {
            if (text != _said)
            {
                _said = text;
                run.Note(text);
            }
        }

        private static string Left(Transfer transfer) => transfer.Rate() is { } rate && transfer.Sent < transfer.Size
            && (transfer.Size - transfer.Sent) / rate is < LongestLeft and var seconds
            ? $"  {Sizes.Duration(TimeSpan.FromSeconds(seconds))} left"
            : "";
    }
}
