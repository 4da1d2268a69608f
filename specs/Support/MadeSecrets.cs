using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>
/// What <c>make-secrets.sh</c> makes, with a <c>kubectl</c> that keeps secrets in a folder. All arguments that it and <c>openssl</c> were given
/// are written down, as everybody on the machine could see them.
/// </summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class MadeSecrets : IDisposable
{
    private const string Script = $"{KubernetesManifests.Folder}/make-secrets.sh";

    private const string Kubectl =
        """
        #!/usr/bin/env bash
        set -euo pipefail
        printf '%s\n' "kubectl $*" >>"$CLUSTER/arguments"
        case "$*" in
          "apply -f "*/namespace.yaml) ;;
          "-n dotmesh get secret "*" --ignore-not-found -o name")
            [ ! -d "$CLUSTER/secrets/$5" ] || printf 'secret/%s\n' "$5" ;;
          "-n dotmesh create secret generic "*" --dry-run=client -o yaml")
            rm -rf "$CLUSTER/draft"
            mkdir "$CLUSTER/draft"
            for argument; do
              file=${argument#--from-file=}
              [ "$file" = "$argument" ] || cp "${file#*=}" "$CLUSTER/draft/${file%%=*}"
            done
            printf '%s\n' "$6" ;;
          "apply --server-side --force-conflicts -f -")
            read -r name
            mkdir -p "$CLUSTER/secrets"
            rm -rf "$CLUSTER/secrets/$name"
            mv "$CLUSTER/draft" "$CLUSTER/secrets/$name" ;;
          *) exit 64 ;;
        esac

        """;

    private const string OpenSsl =
        """
        #!/usr/bin/env bash
        printf '%s\n' "openssl $*" >>"$CLUSTER/arguments"
        PATH=${PATH#*:} exec openssl "$@"

        """;

    private readonly ScratchFolder _folder = new();

    /// <summary>Skips the spec where there is no openssl.</summary>
    public MadeSecrets()
    {
        var paths = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        Skip.IfNot(paths.Any(path => File.Exists(Path.Combine(path, "openssl"))), "there is no openssl");
        foreach (var (name, text) in new[] { ("kubectl", Kubectl), ("openssl", OpenSsl) })
        {
            var program = Path.Combine(Directory.CreateDirectory(Path.Combine(_folder.Path, "bin")).FullName, name);
            File.WriteAllText(program, text);
            File.SetUnixFileMode(program, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    public string Arguments => File.ReadAllText(Path.Combine(_folder.Path, "arguments"));

    /// <summary>The cluster's secrets: name, key, value.</summary>
    public IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> All => Directory.GetDirectories(Path.Combine(_folder.Path, "secrets")).ToDictionary(
        secret => Path.GetFileName(secret),
        IReadOnlyDictionary<string, string> (secret) =>
            Directory.GetFiles(secret).ToDictionary(key => Path.GetFileName(key), File.ReadAllText, StringComparer.Ordinal),
        StringComparer.Ordinal);

    /// <summary>Where the script keeps the values.</summary>
    public string Kept(string folder = "kept") => Path.Combine(_folder.Path, folder);

    public Task<ChildResult> Make(string folder = "kept", params string[] more) => ChildProcess.Run(
        "bash",
        [_folder.Checkout(Script), Kept(folder), .. more],
        new Dictionary<string, string?>
        {
            ["CLUSTER"] = _folder.Path,
            ["PATH"] = $"{Path.Combine(_folder.Path, "bin")}{Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}",
        });

    public void Dispose() => _folder.Dispose();
}
