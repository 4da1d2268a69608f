using System.Text;
using System.Text.Json;

namespace Dotmesh.Rpc.JsonRpc;

public enum ArgumentKind
{
    /// <summary>A string; null and missing are the empty one.</summary>
    Text,

    /// <summary>An object of strings, or null.</summary>
    TextMap,

    /// <summary>A whole number, or null.</summary>
    Number,

    /// <summary>An object with <see cref="Argument.Members"/>, or null.</summary>
    Object,

    /// <summary>A boolean; null and missing are false.</summary>
    Boolean,

    /// <summary>Whatever JSON it is; the method reads it.</summary>
    Json,
}

/// <summary>A named parameter of a method. The method table makes decoding, error texts and OpenRPC from it.</summary>
public sealed class Argument
{
    private Argument(string name, string? oldName, ArgumentKind kind, Argument[] members)
    {
        Name = name;
        OldName = oldName;
        Kind = kind;
        Members = members;
        Utf8Name = Encoding.UTF8.GetBytes(name);
        Utf8OldName = Encoding.UTF8.GetBytes(oldName ?? "");
    }

    public string Name { get; }

    /// <summary>The name in the older vocabulary (contract 0.1); the new one wins when both are sent.</summary>
    public string? OldName { get; }

    public ArgumentKind Kind { get; }

    public IReadOnlyList<Argument> Members { get; }

    internal byte[] Utf8Name { get; }

    internal byte[] Utf8OldName { get; }

    public static Argument Text(string name, string? oldName = null) => new(name, oldName, ArgumentKind.Text, []);

    public static Argument Number(string name) => new(name, null, ArgumentKind.Number, []);

    public static Argument Boolean(string name) => new(name, null, ArgumentKind.Boolean, []);

    public static Argument Json(string name) => new(name, null, ArgumentKind.Json, []);

    public static Argument TextMap(string name) => new(name, null, ArgumentKind.TextMap, []);

    public static Argument Object(string name, params Argument[] members) =>
        new(name, null, ArgumentKind.Object, members);
}

/// <summary>Decoded parameters.</summary>
public sealed class Arguments
{
    private readonly IReadOnlyList<Argument> _shape;
    private readonly object?[] _values;

    internal Arguments(IReadOnlyList<Argument> shape)
    {
        _shape = shape;
        _values = shape.Count == 0 ? [] : new object?[shape.Count];
    }

    internal object? this[int index]
    {
        get => _values[index];
        set => _values[index] = value;
    }

    public string Text(Argument argument) => Find(argument) as string ?? "";

    public bool Boolean(Argument argument) => Find(argument) is true;

    /// <summary>Undefined when missing.</summary>
    public JsonElement Json(Argument argument) => Find(argument) as JsonElement? ?? default;

    /// <summary>Null when missing.</summary>
    public long? Number(Argument argument) => Find(argument) as long?;

    /// <summary>Null when missing.</summary>
    public IReadOnlyDictionary<string, string>? TextMap(Argument argument) =>
        Find(argument) as IReadOnlyDictionary<string, string>;

    /// <summary>Null when missing.</summary>
    public Arguments? Object(Argument argument) => Find(argument) as Arguments;

    private object? Find(Argument argument)
    {
        for (var i = 0; i < _shape.Count; i++)
        {
            if (ReferenceEquals(_shape[i], argument))
            {
                return _values[i];
            }
        }

        throw new InvalidOperationException($"The method's shape has no argument {argument.Name}.");
    }
}
