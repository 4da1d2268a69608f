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
    private const int WidthOfNoTerminal = 120;

    /// <summary>Opened when it is needed: a terminal gets control sequences by that.</summary>
    public TextReader In => input();

    public TextWriter Out => output;

    public TextWriter Error => error;

    public bool InIsTerminal { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool ErrorIsTerminal { get; init; }

    /// <summary>On stdout; never where it is not a terminal, unless CLICOLOR_FORCE says so.</summary>
    public bool Colour { get; init; }

    public int Width => OutIsTerminal && Console.WindowWidth is > 0 and var width ? width : WidthOfNoTerminal;

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

    /// <summary>A line of the user, without showing it where that can be helped; null at the end of the input.</summary>
    public string? ReadSecret(string prompt)
    {
        error.Write(prompt);
        if (!InIsTerminal)
        {
            return In.ReadLine();
        }

        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                typed.Length = Math.Max(0, typed.Length - 1);
            }
            else if (key.KeyChar != '\0')
            {
                typed.Append(key.KeyChar);
            }
        }

        error.WriteLine();
        return typed.ToString();
    }

    public string? ReadLine(string prompt)
    {
        error.Write(prompt);
        return In.ReadLine();
    }
}
