using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Dotmesh.Actors;

namespace Dotmesh.Node.Commands;

/// <summary>The PostgreSQL of the system's packages.</summary>
/// <param name="Folder">Of initdb, postgres and pg_ctl.</param>
/// <param name="User">Whom the server runs as, because it refuses root; null: this user.</param>
internal sealed record PostgresPrograms(string Folder, string? User)
{
    private const string Packages = "/usr/lib/postgresql";
    private const string SystemUser = "postgres";
    private const string HowElse = "or name a PostgreSQL server that is there: --database:host=HOST --database:passwordfile=FILE";

    /// <summary>The refusal says how to install it.</summary>
    public static Outcome<PostgresPrograms> Find()
    {
        var folder = Versions().Append("/usr/local/bin").Append("/usr/bin")
            .FirstOrDefault(folder => File.Exists(Path.Join(folder, "initdb")) && File.Exists(Path.Join(folder, "postgres")));
        if (folder is null)
        {
            return new Refusal(
                RefusalCode.NotFound,
                "Several nodes need a PostgreSQL, and none is installed. Install it (Debian, Ubuntu: apt-get install postgresql; Fedora: "
                + $"dnf install postgresql-server; no server of it needs to run), {HowElse}");
        }

        if (!Environment.IsPrivilegedProcess)
        {
            return new PostgresPrograms(folder, null);
        }

        return File.ReadLines("/etc/passwd").Any(line => line.StartsWith(SystemUser + ":", StringComparison.Ordinal))
            ? new PostgresPrograms(folder, SystemUser)
            : new Refusal(
                RefusalCode.NotFound,
                $"PostgreSQL does not run as root, and there is no user {SystemUser} here: start this as another user, make that one "
                + $"(useradd --system {SystemUser}), {HowElse}");
    }

    /// <summary>
    /// Below the cluster's folder; where the server's user cannot get there, as below root's home, below /var/lib, in a folder that
    /// belongs to that one.
    /// </summary>
    public string Home(string cluster)
    {
        if (User is null || OperatingSystem.IsWindows() || Ancestors(cluster).All(IsPassable))
        {
            return Path.Join(cluster, "postgres");
        }

        var name = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(cluster)))[..12];
        return Path.Join("/var/lib/dotmesh", $"postgres-{name}");
    }

    /// <summary>The command line of one of the programs, run as the server's user.</summary>
    public (string Program, IReadOnlyList<string> Arguments) Command(string program, params IEnumerable<string> arguments)
    {
        var path = Path.Join(Folder, program);
        return User is null
            ? (path, [.. arguments])
            : ("setpriv", [$"--reuid={User}", $"--regid={User}", "--init-groups", path, .. arguments]);
    }

    private static IEnumerable<string> Versions() => Directory.Exists(Packages)
        ? Directory.GetDirectories(Packages)
            .OrderByDescending(folder => double.TryParse(Path.GetFileName(folder), CultureInfo.InvariantCulture, out var version) ? version : 0)
            .Select(folder => Path.Join(folder, "bin"))
        : [];

    private static IEnumerable<DirectoryInfo> Ancestors(string folder)
    {
        for (var at = new DirectoryInfo(folder); at is not null; at = at.Parent)
        {
            yield return at;
        }
    }

    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private static bool IsPassable(DirectoryInfo folder) => !folder.Exists || folder.UnixFileMode.HasFlag(UnixFileMode.OtherExecute);
}
