namespace Dotmesh.Node.Options;

/// <summary>Marks a property of a section as an option; the help, the binder and the printed list are made from it.</summary>
/// <param name="help">One sentence.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class OptionAttribute(string help) : Attribute
{
    public string Help { get; } = help;

    /// <summary>Of a number: <c>s</c>, <c>bytes</c>.</summary>
    public string Unit { get; init; } = "";

    /// <summary>Smallest and largest number.</summary>
    public long Min { get; init; }

    /// <inheritdoc cref="Min"/>
    public long Max { get; init; } = int.MaxValue;

    /// <summary>What the default is made from, where it is not a constant.</summary>
    public string DefaultFrom { get; init; } = "";

    /// <summary>What a text has to be.</summary>
    public OptionForm Form { get; init; }

    /// <summary>Never printed.</summary>
    public bool Secret { get; init; }

    /// <summary>Variable of the original server that sets it too.</summary>
    public string OriginalVariable { get; init; } = "";
}

public enum OptionForm
{
    Text,

    /// <summary>Absolute, or below the home folder with <c>~/</c>.</summary>
    Path,

    /// <summary>Absolute, http or https.</summary>
    Url,

    /// <summary>Any JSON value.</summary>
    Json,

    /// <summary>An IP address to listen on.</summary>
    Address,
}
