using System.Text;

namespace Dotmesh.Cli.Output;

internal enum Paint
{
    None = 0,
    Red = 31,
    Green = 32,
    Yellow = 33,
    Cyan = 36,
}

/// <summary>Where a run reads and writes: data on stdout, all else on stderr.</summary>
internal sealed class Terminal(Func<TextReader> input, TextWriter output, TextWriter error)
{
    /// <summary>Opened when it is needed: a terminal gets control sequences by that.</summary>
    public TextReader In => input();

    public TextWriter Out => output;

    public TextWriter Error => error;

    public bool InIsTerminal { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>On stdout; never where it is not a terminal, unless CLICOLOR_FORCE says so.</summary>
    public bool Colour { get; init; }

    public int Height => OutIsTerminal && Console.WindowHeight is > 0 and var height ? height : int.MaxValue;

    public static Terminal OfProcess()
    {
        var utf8 = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        var plain = Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 } || Environment.GetEnvironmentVariable("TERM") == "dumb";
        var forced = Environment.GetEnvironmentVariable("CLICOLOR_FORCE") is { Length: > 0 } and not "0";
        var output = new StreamWriter(Console.OpenStandardOutput(), utf8) { AutoFlush = !Console.IsOutputRedirected };
        var error = new StreamWriter(Console.OpenStandardError(), utf8) { AutoFlush = true };
        return new Terminal(() => Console.In, output, error)
        {
            InIsTerminal = !Console.IsInputRedirected,
            OutIsTerminal = !Console.IsOutputRedirected,
            ErrorIsTerminal = !Console.IsErrorRedirected,
            Colour = forced || (!plain && !Console.IsOutputRedirected),
        };
    }

    public string Painted(string text, Paint paint) => Colour && paint != Paint.None ? $"\e[{(int)paint}m{text}\e[0m" : text;

    /// <summary>A text of somebody else: on a terminal its control sequences are not obeyed.</summary>
    public string Plain(string text) =>
        OutIsTerminal && text.AsSpan().IndexOfAnyInRange('\0', '\x1f') >= 0 | text.AsSpan().IndexOfAnyInRange('\x7f', '\x9f') >= 0
            ? string.Concat(text.Select(letter => char.IsControl(letter) && letter is not ('\n' or '\t') ? '?' : letter))
            : text;

    /// <summary>A line of the user, without showing it where that can be helped; null at the end of the input.</summary>
    public async Task<string?> ReadSecret(string prompt, CancellationToken stop)
    {
        await error.WriteAsync(prompt);
        return await Task.Run(() => InIsTerminal ? Typed() : In.ReadLine(), stop).WaitAsync(stop);
    }

    public async Task<string?> ReadLine(string prompt, CancellationToken stop)
    {
        await error.WriteAsync(prompt);
        return await Task.Run(() => In.ReadLine(), stop).WaitAsync(stop);
    }

    private string? Typed()
    {
        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            switch (key)
            {
                case { Key: ConsoleKey.D, Modifiers: ConsoleModifiers.Control }:
                    error.WriteLine();
                    return null;
                case { Key: ConsoleKey.U, Modifiers: ConsoleModifiers.Control }:
                    typed.Clear();
                    break;
                case { Key: ConsoleKey.Backspace }:
                    typed.Length = Math.Max(0, typed.Length - 1);
                    break;
                default:
                    typed.Append(char.IsControl(key.KeyChar) ? "" : key.KeyChar);
                    break;
            }
        }

        error.WriteLine();
        return typed.ToString();
    }
}
