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
    public static OptionEntry? Suggest(string name) =>
        Spelling.Closest(name, All, entry => [entry.Name, entry.Property.Name]);
}
