using System.Text.RegularExpressions;

namespace Dotmesh.Rpc.Http;

/// <summary>Values of the label <c>url</c> (contract 1.10, behaviour 156).</summary>
public static partial class Urls
{
    /// <summary>UUIDs become <c>*</c>, everything below <c>/s3</c> becomes <c>/s3/*</c>.</summary>
    public static string Sanitise(string path) =>
        path.StartsWith("/s3", StringComparison.Ordinal) ? "/s3/*" : Uuid().Replace(path, "*");

    [GeneratedRegex(
        "[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}",
        RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1000)]
    private static partial Regex Uuid();
}
