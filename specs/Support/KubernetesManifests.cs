using System.Reflection;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Dotmesh.Specs.Support;

/// <summary>What <c>kubectl apply -k</c> reads first; only what is used here.</summary>
public sealed class Kustomization
{
    public string ApiVersion { get; init; } = "";

    public string Kind { get; init; } = "";

    public string Namespace { get; init; } = "";

    public IList<string> Resources { get; init; } = [];

    public IList<KustomizedImage> Images { get; init; } = [];
}

public sealed class KustomizedImage
{
    public string Name { get; init; } = "";

    public string NewTag { get; init; } = "";
}

/// <summary>The manifests in <c>deploy/kubernetes</c>, read as strictly as the API server reads them.</summary>
public sealed partial class KubernetesManifests
{
    public const string Folder = "deploy/kubernetes";
    private const string KustomizationFile = "kustomization.yaml";

    /// <summary>Skips the spec where there are no sources.</summary>
    public KubernetesManifests()
    {
        using var folder = new ScratchFolder();
        var texts = Directory.GetFiles(folder.Checkout(Folder), "*.yaml")
            .ToDictionary(file => Path.GetFileName(file), File.ReadAllText, StringComparer.Ordinal);
        Kustomization = KubernetesYaml.Deserialize<Kustomization>(texts[KustomizationFile], strict: true);
        texts.Remove(KustomizationFile);
        Texts = texts;
        Objects = [.. texts.Values.SelectMany(Parse)];
    }

    public Kustomization Kustomization { get; }

    /// <summary>By file name, all but the kustomization.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; }

    public IReadOnlyList<IKubernetesObject<V1ObjectMeta>> Objects { get; }

    public V1StatefulSet Nodes => One<V1StatefulSet>("dotmesh");

    public IEnumerable<T> All<T>() => Objects.OfType<T>();

    public T One<T>(string name)
        where T : IKubernetesObject<V1ObjectMeta> => All<T>().Single(one => one.Metadata.Name == name);

    /// <summary>Throws at kinds and members that the API does not have, at wrong kinds of values, and at what is said twice.</summary>
    public static IReadOnlyList<IKubernetesObject<V1ObjectMeta>> Parse(string text)
    {
        var objects = KubernetesYaml.LoadAllFromString(text, strict: true).Cast<IKubernetesObject<V1ObjectMeta>>().ToList();
        var nodes = new YamlStream();
        nodes.Load(new StringReader(text));
        var unquoted = nodes.Documents.Zip(objects, (document, one) => Unquoted(document.RootNode, one.GetType(), one.Kind)).SelectMany(all => all);
        return unquoted.FirstOrDefault() is { } first ? throw new InvalidDataException(first) : objects;
    }

    /// <summary>The library takes a number where a text belongs, the API server does not.</summary>
    private static IEnumerable<string> Unquoted(YamlNode node, Type type, string path) => node switch
    {
        YamlMappingNode members => members.SelectMany(member => Unquoted(
            member.Value, MemberType(type, $"{member.Key}"), $"{path}.{member.Key}")),
        YamlSequenceNode items => items.SelectMany(item => Unquoted(item, type.GetGenericArguments()[0], $"{path}[]")),
        YamlScalarNode { Style: ScalarStyle.Plain } plain when type == typeof(string) && NoText().IsMatch(plain.Value!) =>
            [$"{path} is a text: \"{plain.Value}\", not {plain.Value}"],
        _ => [],
    };

    private static Type MemberType(Type type, string member) => type.IsGenericType
        ? type.GetGenericArguments()[1]
        : type.GetProperties().Single(property => property.GetCustomAttribute<JsonPropertyNameAttribute>()?.Name == member).PropertyType;

    // what YAML 1.1 takes for a number, a truth value or nothing
    [GeneratedRegex(
        @"^(~|null|true|false|yes|no|on|off|y|n|[-+]?(\.\d+|\d[\d_]*(\.\d*)?)(e[-+]?\d+)?|0x[\da-f]+|0o[0-7]+)?$",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant,
        1000)]
    private static partial Regex NoText();
}
