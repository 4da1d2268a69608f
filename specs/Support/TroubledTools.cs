namespace Dotmesh.Specs.Support;

/// <summary>
/// Programs named <c>zfs</c> and <c>zpool</c> that are the real ones until they are told to misbehave, by a piece of shell
/// that runs in their place for one sub-command (its arguments are <c>"$@"</c>, the real program is <c>"$tool"</c>).
/// </summary>
internal sealed class TroubledTools
{
    private static readonly string[] Programs = ["zfs", "zpool"];
    private static readonly string[] Folders = ["/usr/sbin", "/sbin", "/usr/local/sbin"];

    private readonly string _troubles;

    public TroubledTools(string folder)
    {
        Root = folder;
        _troubles = Directory.CreateDirectory(Path.Combine(folder, "troubles")).FullName;
        Directory.CreateDirectory(Path.Combine(folder, "sbin"));
        Well();
    }

    /// <summary>For the driver's option of that name.</summary>
    public string Root { get; }

    /// <param name="command">A sub-command, or <c>any</c> for all of them.</param>
    public void On(string command, string shell) => File.WriteAllText(Path.Combine(_troubles, command), shell + "\n");

    /// <summary>Both programs are gone from the disk.</summary>
    public void Uninstall() => Array.ForEach(Programs, name => File.Delete(Path.Combine(Root, "sbin", name)));

    /// <summary>No trouble any more, with programs that are there.</summary>
    public void Calm()
    {
        foreach (var trouble in Directory.EnumerateFiles(_troubles))
        {
            File.Delete(trouble);
        }
    }

    /// <summary>No trouble any more.</summary>
    public void Well()
    {
        Calm();
        foreach (var name in Programs)
        {
            var path = Path.Combine(Root, "sbin", name);
            var tool = Folders.Select(f => Path.Combine(f, name)).First(File.Exists);
            File.WriteAllText(path, $"""
                #!/bin/sh
                tool={tool}
                for trouble in any "$1"; do
                  if [ -f "{_troubles}/$trouble" ]; then . "{_troubles}/$trouble"; fi
                done
                exec "$tool" "$@"

                """);
#pragma warning disable CA1416 // zfs-fuse is Linux's alone
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
#pragma warning restore CA1416
        }
    }
}
