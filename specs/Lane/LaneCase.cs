using System.Reflection;
using System.Runtime.CompilerServices;
using Xunit;
using Xunit.Sdk;

namespace Dotmesh.Specs.Lane;

/// <summary>One fact, or one row of a theory.</summary>
/// <param name="Skip">Set when the attribute says so.</param>
internal sealed record LaneCase(Type Class, MethodInfo Method, object?[]? Arguments, string? Skip)
{
    public string Name => Arguments is null
        ? $"{Class.Name}.{Method.Name}"
        : $"{Class.Name}.{Method.Name}({string.Join(", ", Arguments.Select(Shown))})";

    /// <summary>Every case of a class. What this runner cannot run as xunit would is refused, never left out.</summary>
    public static IEnumerable<LaneCase> Of(Type spec)
    {
        if (spec.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IClassFixture<>))
            || spec.GetConstructor(Type.EmptyTypes) is null)
        {
            throw new NotSupportedException($"{spec.Name} wants a fixture or constructor arguments.");
        }

        return spec.GetMethods(BindingFlags.Public | BindingFlags.Instance)
            .Select(method => (Method: method, Fact: method.GetCustomAttribute<FactAttribute>()))
            .Where(m => m.Fact is not null)
            .OrderBy(m => m.Method.Name, StringComparer.Ordinal)
            .SelectMany(m => Of(spec, m.Method, m.Fact!));
    }

    private static IEnumerable<LaneCase> Of(Type spec, MethodInfo method, FactAttribute fact)
    {
        if (method.ReturnType == typeof(void) && method.IsDefined(typeof(AsyncStateMachineAttribute)))
        {
            throw new NotSupportedException($"{spec.Name}.{method.Name} is async void.");
        }

        if (fact is not TheoryAttribute || fact.Skip is not null)
        {
            return [new(spec, method, null, fact.Skip)];
        }

        var rows = method.GetCustomAttributes<DataAttribute>()
            .SelectMany(data => data.GetData(method).Select(row => new LaneCase(spec, method, row, data.Skip)))
            .ToList();
        return rows.Count > 0 ? rows : throw new InvalidOperationException($"The theory {spec.Name}.{method.Name} has no rows.");
    }

    private static string Shown(object? argument)
    {
        var text = string.Concat($"{argument}".Select(c => char.IsControl(c) ? $"\\x{(int)c:x2}" : $"{c}"));
        return argument is string ? $"\"{text}\"" : text;
    }
}
