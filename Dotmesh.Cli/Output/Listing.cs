using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Dotmesh.Cli.Output;

internal enum OutputFormat
{
    Table,
    Json,
    JsonLines,
    Name,
}

/// <summary>How things of one kind are shown, in each format.</summary>
internal sealed record Listing<T>(Func<T, string> Name, Func<T, JsonObject> Json, params Column<T>[] Columns)
{
    /// <summary>Which of them is the current one; null: there is no such thing.</summary>
    public Func<T, bool>? IsCurrent { get; init; }

    public string Text(IReadOnlyList<T> items, OutputFormat format, Terminal terminal)
    {
        var text = new StringBuilder();
        switch (format)
        {
            case OutputFormat.Json:
                var all = new JsonArray();
                foreach (var item in items)
                {
                    all.Add((JsonNode)Json(item));
                }

                text.AppendLine(JsonText.Indented(all));
                break;
            case OutputFormat.JsonLines:
                foreach (var item in items)
                {
                    text.AppendLine(JsonText.OneLine(Json(item)));
                }

                break;
            case OutputFormat.Name:
                foreach (var item in items)
                {
                    text.AppendLine(Name(item));
                }

                break;
            default:
                Table(text, items, terminal);
                break;
        }

        return text.ToString();
    }

    /// <summary>Padded with two blanks, at least three wide; nothing after the last column (contract 7.4).</summary>
    private void Table(StringBuilder text, IReadOnlyList<T> items, Terminal terminal)
    {
        const int padding = 2, least = 3;
        var rows = items.Select(item => Columns.Select(column => column.Text(item)).ToArray()).ToList();
        var widths = Columns.Select((column, i) =>
            Math.Max(least, Math.Max(column.Header.Length, rows.Select(row => row[i].Length).DefaultIfEmpty(0).Max()) + padding)).ToArray();
        text.AppendLine(Line(Columns.Select(column => column.Header).ToArray(), widths, "  "));
        for (var i = 0; i < rows.Count; i++)
        {
            var current = IsCurrent?.Invoke(items[i]) ?? false;
            text.AppendLine(terminal.Painted(Line(rows[i], widths, current ? "* " : "  "), current ? Paint.Green : Paint.None));
        }
    }

    private string Line(string[] cells, int[] widths, string mark) =>
        ((IsCurrent is null ? "" : mark) + string.Concat(cells.Select((cell, i) => cell.PadRight(widths[i])))).TrimEnd();
}

internal sealed record Column<T>(string Header, Func<T, string> Text);

internal static class JsonText
{
    private static readonly JsonWriterOptions Pretty = new() { Indented = true };

    public static string Indented(JsonNode? node) => Written(node, Pretty);

    public static string OneLine(JsonNode? node) => Written(node, default);

    public static JsonArray Array(IEnumerable<string> texts)
    {
        var array = new JsonArray();
        foreach (var text in texts)
        {
            array.Add((JsonNode)text);
        }

        return array;
    }

    // by hand: JsonSerializer needs reflection for options of one's own
    private static string Written(JsonNode? node, JsonWriterOptions options)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, options))
        {
            if (node is null)
            {
                json.WriteNullValue();
            }
            else
            {
                node.WriteTo(json);
            }
        }

        return Encoding.UTF8.GetString(bytes.ToArray());
    }
}
