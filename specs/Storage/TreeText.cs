using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Specs.Storage;

/// <summary>A tree as text: every entry with all that must come back. Reads names as bytes, as deep as it goes.</summary>
internal static partial class TreeText
{
    internal static string Of(string path)
    {
        using var root = Handle.OpenDirectory(path);
        var lines = new List<string>();
        var names = new Dictionary<ulong, string>();
        var pending = new Stack<byte[]>();
        pending.Push([]);
        while (pending.TryPop(out var at))
        {
            Assert0(root.TryOpenBeneath(at, out var folder));
            using (folder)
            {
                foreach (var name in folder.ReadNames(() => path).OrderBy(Convert.ToHexString, StringComparer.Ordinal))
                {
                    byte[] full = at.Length == 0 ? name : [.. at, (byte)'/', .. name];
                    Assert0(folder.TryStat(name, out var stat));
                    lines.Add($"{Short(full)} {Describe(folder, name, stat, names, Short(full))}");
                    if (stat.Type == Linux.TypeDirectory)
                    {
                        pending.Push(full);
                    }
                }
            }
        }

        return string.Join('\n', lines.Order(StringComparer.Ordinal));
    }

    internal static void Empty(string path)
    {
        using var root = Handle.OpenDirectory(path);
        foreach (var name in root.ReadNames(() => path))
        {
            TreeRemoval.Remove(root, name, CancellationToken.None);
        }
    }

    internal static string WithoutWriteBits(string text) => ModePattern().Replace(
        text, m => $"mode={Convert.ToString(Convert.ToInt32(m.Groups[1].Value, 8) & ~0x92, 8)}");

    private static string Describe(
        Handle folder, byte[] name, FileStat stat, Dictionary<ulong, string> names, string full)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"type={stat.Type:x} mode={Convert.ToString(stat.Permissions, 8)} ");
        text.Append(CultureInfo.InvariantCulture, $"owner={stat.Uid}:{stat.Gid} mtime={stat.Modified} ");
        if (stat.Type != Linux.TypeDirectory && stat.Links > 1)
        {
            text.Append(CultureInfo.InvariantCulture, $"links={stat.Links} with={names.GetValueOrDefault(stat.Inode, full)} ");
            names.TryAdd(stat.Inode, full);
        }

        switch (stat.Type)
        {
            case Linux.TypeLink:
                text.Append("to=").Append(Errors.Display(folder.ReadLink(name, out _)));
                break;
            case Linux.TypeRegular:
                Assert0(Handle.TryOpen(folder.Fd, name, Linux.ReadOnly | Linux.NoFollow, 0, out var file));
                using (file)
                {
                    text.Append(CultureInfo.InvariantCulture, $"size={stat.Size} sparse={stat.Allocated < stat.Size / 2} ");
                    text.Append(HashOf(file));
                    foreach (var (attribute, value) in Xattrs.Read(file) ?? [])
                    {
                        text.Append(' ').Append(Errors.Display(attribute)).Append('=').Append(Errors.Display(value));
                    }
                }

                break;
            default:
                break;
        }

        return text.ToString();
    }

    private static string HashOf(Handle file)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        for (int got; (got = file.Read(buffer)) > 0;)
        {
            hash.AppendData(buffer.AsSpan(0, got));
        }

        return Convert.ToHexString(hash.GetCurrentHash())[..16];
    }

    // a deep path makes an unreadable line
    private static string Short(byte[] path) => path.Length <= 300
        ? Errors.Display(path)
        : $"{path.Length} bytes {Convert.ToHexString(SHA256.HashData(path))[..16]}";

    private static void Assert0(int errno) => Xunit.Assert.Equal(0, errno);

    [GeneratedRegex("mode=([0-7]+)", RegexOptions.CultureInvariant, 1000)]
    private static partial Regex ModePattern();
}
