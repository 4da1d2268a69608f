using System.Reflection;

namespace Dotmesh.Actors;

/// <summary>The version of this program; all of its assemblies have the same.</summary>
public static class ProductVersion
{
    /// <summary><c>0.1.0</c>, without what the build adds to it.</summary>
    public static string Text { get; } =
        typeof(ProductVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
}
