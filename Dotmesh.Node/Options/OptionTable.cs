using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Globalization;
using System.Reflection;
using Dotmesh.Actors;

namespace Dotmesh.Node.Options;

/// <summary>One option: a property of a section record.</summary>
internal sealed record OptionEntry(PropertyInfo Section, PropertyInfo Property, OptionAttribute Option)
{
    /// <summary><c>Listen:ClientPort</c>.</summary>
    public string Name => $"{Section.Name}:{Property.Name}";

    public string Variable => $"DOTMESH__{Section.Name}__{Property.Name}".ToUpperInvariant();

    public string Argument => $"--{Section.Name}:{Property.Name}".ToLowerInvariant();

    public object? Get(NodeOptions options) => Property.GetValue(Section.GetValue(options));

    /// <summary>Only on options that nobody else has seen yet.</summary>
    public void Set(NodeOptions options, object value) => Property.SetValue(Section.GetValue(options), value);

    /// <summary>As printed, with unit; secrets masked.</summary>
    public string Format(object? value)
    {
        var text = value switch
        {
            null or "" => "",
            _ when Option.Secret => "********",
            Enum name => name.ToString().ToLowerInvariant(),
            ImmutableSortedDictionary<string, FaultAction> points =>
                string.Join(',', points.Select(point => $"{point.Key}={point.Value.ToString().ToLowerInvariant()}")),
            _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
        };
        return text.Length > 0 && Option.Unit.Length > 0 ? $"{text} {Option.Unit}" : text;
    }
}

/// <summary>All options in the order of the records, and the look-up by name.</summary>
internal static class OptionTable
{
    public static ImmutableArray<OptionEntry> All { get; } =
    [
        .. from section in typeof(NodeOptions).GetProperties()
           from property in section.PropertyType.GetProperties()
           let option = property.GetCustomAttribute<OptionAttribute>()
           where option is not null
           select new OptionEntry(section, property, option),
    ];

    private static readonly FrozenDictionary<string, OptionEntry> ByName =
        All.ToFrozenDictionary(entry => entry.Name, StringComparer.OrdinalIgnoreCase);

    public static OptionEntry? Find(string name) => ByName.GetValueOrDefault(name);

    /// <summary>Throws when there is none: for names written in the program.</summary>
    public static OptionEntry Get(string name) => ByName[name];

    /// <summary>The option most like a name nobody knows, or null when none is like it.</summary>
    public static OptionEntry? Suggest(string name)
    {
        var asked = name.ToLowerInvariant();
        var best = All
            .Select(entry => (Entry: entry, Distance: Math.Min(
                Distance(asked, entry.Name.ToLowerInvariant()),
                Distance(asked, entry.Property.Name.ToLowerInvariant()))))
            .MinBy(candidate => candidate.Distance);
        return best.Distance <= Math.Max(2, asked.Length / 3) ? best.Entry : null;
    }

    /// <summary>Levenshtein's: letters to add, remove or replace.</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[b.Length];
    }
}
