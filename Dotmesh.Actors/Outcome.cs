using System.Diagnostics.CodeAnalysis;

namespace Dotmesh.Actors;

/// <summary>Why a request was refused, for code that has to react; the text is for people.</summary>
public enum RefusalCode
{
    /// <summary>A parameter is malformed; nothing was looked up.</summary>
    Invalid,

    /// <summary>The named thing does not exist.</summary>
    NotFound,

    /// <summary>The name or id is taken.</summary>
    AlreadyExists,

    /// <summary>The caller lacks the right (design D16).</summary>
    Denied,

    /// <summary>The state of the dot does not allow it (in use, diverged, dirty, being deleted).</summary>
    Conflict,

    /// <summary>The node, pool or database that would have to act cannot now; repeating later may work.</summary>
    Unavailable,

    /// <summary>Too many requests are in flight here; repeating later works.</summary>
    Overloaded,

    /// <summary>The deadline passed before an answer; the operation may still complete.</summary>
    Expired,

    /// <summary>The storage refused or failed; <see cref="Refusal.Message"/> says how.</summary>
    Storage,

    /// <summary>A fault point fired (tests only).</summary>
    Injected,
}

/// <summary>
/// A refusal as a value: what, why and what to do in one text (the contract's texts where it has one).
/// Mapped to a JSON-RPC error in one place.
/// </summary>
/// <param name="Code">For programs.</param>
/// <param name="Message">For people and for clients that match on the contract's texts.</param>
public sealed record Refusal(RefusalCode Code, string Message)
{
    public override string ToString() => $"{Code}: {Message}";
}

/// <summary>A value or a <see cref="Refusal"/>. Refusals are values, bugs are exceptions (style rule 6).</summary>
public readonly struct Outcome<T>
{
    private readonly T _value;

    private Outcome(T value, Refusal? refusal)
    {
        _value = value;
        Refusal = refusal;
    }

    /// <summary>Null when there is a value.</summary>
    public Refusal? Refusal { get; }

    /// <summary>The value; throws when this is a refusal.</summary>
    public T Value => Refusal is null
        ? _value
        : throw new InvalidOperationException($"Read the value of a refusal: {Refusal}");

    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static implicit operator Outcome<T>(Refusal refusal) => new(default!, refusal);

    /// <summary>True and the refusal when there is no value.</summary>
    public bool Refused([NotNullWhen(true)] out Refusal? refusal)
    {
        refusal = Refusal;
        return refusal is not null;
    }

    public Outcome<TNext> Then<TNext>(Func<T, Outcome<TNext>> next) =>
        Refusal is null ? next(_value) : Refusal;

    public override string ToString() => Refusal?.ToString() ?? $"{_value}";
}

/// <summary>The value of an operation that has nothing to tell but that it is done.</summary>
public readonly record struct Done;
