using System.Text.RegularExpressions;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>The written style that a machine can check (CONTRIBUTING.md).</summary>
public sealed partial class HouseStyleSpecs
{
    private const int HardLimit = 500;
    private const int FunctionLimit = 70;

    private static readonly string? Root = FindRoot();

    [SkippableFact]
    public void A_file_has_at_most_500_lines()
    {
        var tooLong = Sources().Select(file => (file, lines: File.ReadLines(file).Count())).Where(f => f.lines > HardLimit);

        Assert.Empty(tooLong.Select(f => $"{Short(f.file)}: {f.lines} lines"));
    }

    [SkippableFact]
    public void A_function_fits_on_a_screen()
    {
        var offenders =
            from file in Sources()
            from function in Functions(File.ReadAllLines(file))
            where function.Lines > FunctionLimit
            select $"{Short(file)}:{function.Line}: {function.Lines} lines";

        Assert.Empty(offenders);
    }

    [SkippableFact]
    public void No_work_is_left_behind_in_a_comment()
    {
        var offenders =
            from file in Sources().Where(f => !f.EndsWith("HouseStyleSpecs.cs", StringComparison.Ordinal))
            from line in File.ReadLines(file).Select((text, index) => (text, number: index + 1))
            where LeftBehind().IsMatch(line.text)
            select $"{Short(file)}:{line.number}: {line.text.Trim()}";

        Assert.Empty(offenders);
    }

    [SkippableFact]
    public void Every_file_that_the_documents_name_exists()
    {
        var documents = Directory.EnumerateFiles(Checkout(), "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Checkout(), "docs"), "*.md", SearchOption.AllDirectories));
        var offenders =
            from document in documents
            from Match match in NamedFile().Matches(File.ReadAllText(document))
            let name = match.Groups["path"].Value
            where !Exists(document, name)
            select $"{Short(document)}: {name}";

        Assert.Empty(offenders.Distinct());
    }

    private static bool Exists(string document, string name) =>
        new[] { Checkout(), Path.GetDirectoryName(document)! }.Any(start => Path.Exists(Path.Combine(start, name)));

    /// <summary>Members of a type: lines of a block that opens at one level of indentation (file-scoped namespaces).</summary>
    private static IEnumerable<(int Line, int Lines)> Functions(string[] lines)
    {
        for (var i = 1; i < lines.Length; i++)
        {
            var indent = lines[i].Length - lines[i].TrimStart().Length;
            if (lines[i].Trim() != "{" || indent is not (4 or 8) || NoFunction().IsMatch(Signature(lines, i)))
            {
                continue;
            }

            var end = Array.FindIndex(lines, i, line => line.StartsWith(new string(' ', indent) + "}", StringComparison.Ordinal));
            yield return (i, end - i);
        }
    }

    /// <summary>The lines of a declaration above its opening brace, back to the blank line, attribute or comment before it.</summary>
    private static string Signature(string[] lines, int brace)
    {
        var first = brace;
        while (first > 0 && lines[first - 1].Trim() is { Length: > 0 } above && !above.StartsWith("//", StringComparison.Ordinal)
            && above is not ("}" or "{"))
        {
            first--;
        }

        return string.Join(' ', lines[first..brace]);
    }

    private static IEnumerable<string> Sources()
    {
        var skipped = new[] { "bin", "obj", "artifacts" }.Select(f => $"{Path.DirectorySeparatorChar}{f}{Path.DirectorySeparatorChar}");
        return Directory.EnumerateFiles(Checkout(), "*.cs", SearchOption.AllDirectories)
            .Where(file => !skipped.Any(s => file.Contains(s, StringComparison.Ordinal)));
    }

    private static string Short(string file) => Path.GetRelativePath(Checkout(), file);

    private static string Checkout()
    {
        Skip.If(Root is null, "the specs run without their sources");
        return Root!;
    }

    private static string? FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Dotmesh.slnx")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName;
    }

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b", RegexOptions.None, 1000)]
    private static partial Regex LeftBehind();

    // a type, or data in an initializer
    [GeneratedRegex(@"\b(class|record|struct|interface|enum)\s|=\s*(\w+\s*=>\s*)?new\b", RegexOptions.None, 1000)]
    private static partial Regex NoFunction();

    // a path in backticks or a link's target, with an extension that we keep in the repository
    [GeneratedRegex(@"(?:`|\]\()(?<path>[\w.\-]+(?:/[\w.\-]+)*\.(?:cs|md|cake|json|props|slnx|sh|http|csproj))(?:`|\))", RegexOptions.None, 1000)]
    private static partial Regex NamedFile();
}
