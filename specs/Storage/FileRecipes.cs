using System.Text;
using Dotmesh.Actors.Storage;
using Dotmesh.Actors.Storage.Posix;
using Xunit;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// Each writes one kind of difficult file into a folder. What the storage says it does not keep is refused by its file
/// system there and then, with a known error; all else of the recipe is written.
/// </summary>
internal static class FileRecipes
{
    internal static readonly SortedDictionary<string, Action<string, StorageCapabilities>> All = new(StringComparer.Ordinal)
    {
        ["names with spaces, newlines and quotes"] = (folder, _) => In(folder, root =>
        {
            Put(root, "with space"u8, "1");
            Put(root, "with\nnewline"u8, "2");
            Put(root, "\"quotes\" 'and' \\ backslash \t tab"u8, "3");
            Put(root, "-rf"u8, "4");
            Put(root, ".hidden"u8, "5");
            Put(root, "*?[a]$HOME`id`;|&"u8, "6");
        }),
        ["names that are not UTF-8"] = (folder, _) => In(folder, root =>
        {
            Put(root, [0xFF, 0xFE, (byte)'a'], "1");
            Put(root, [0xC3, 0x28], "2");
            Put(root, [(byte)'l', 0xE9, (byte)'g'], "3");
            Assert.Equal(0, root.MakeDirectory([0x80, 0x81], 0x1ED));
        }),
        ["names in many scripts, composed and decomposed"] = (folder, _) => In(folder, root =>
        {
            Put(root, "日本語"u8, "1");
            Put(root, "\u00e9"u8, "2");
            Put(root, "e\u0301"u8, "3");
            Put(root, "\U0001F680"u8, "4");
        }),
        ["a name of 255 bytes"] = (folder, _) => In(folder, root => Put(root, Enumerable.Repeat((byte)'n', 255).ToArray(), "1")),
        ["a path longer than PATH_MAX"] = (folder, _) =>
        {
            var at = Handle.OpenDirectory(folder);
            for (var depth = 0; depth < 60; depth++)
            {
                var name = Encoding.ASCII.GetBytes($"{depth:D3}{new string('d', 97)}");
                Assert.Equal(0, at.MakeDirectory(name, 0x1ED));
                Assert.Equal(0, at.TryOpenBeneath(name, out var next));
                at.Dispose();
                at = next;
            }

            Put(at, "bottom"u8, "deep");
            at.Dispose();
        },
        ["empty files and empty folders"] = (folder, _) => In(folder, root =>
        {
            Put(root, "empty"u8, "");
            Assert.Equal(0, root.MakeDirectory("empty folder"u8, 0x1ED));
        }),
        ["hard links"] = (folder, _) => In(folder, root =>
        {
            Put(root, "first"u8, "shared");
            Assert.Equal(0, root.MakeDirectory("below"u8, 0x1ED));
            Assert.Equal(0, root.TryOpenBeneath("below"u8, out var below));
            using (below)
            {
                Assert.Equal(0, root.Link("first"u8, below, "second"u8));
            }

            Assert.Equal(0, root.Link("first"u8, root, "third"u8));
        }),
        ["symbolic links"] = (folder, _) => In(folder, root =>
        {
            Put(root, "target"u8, "1");
            Assert.Equal(0, root.MakeSymlink("relative"u8, "target"u8));
            Assert.Equal(0, root.MakeSymlink("dangling"u8, "no such file"u8));
            Assert.Equal(0, root.MakeSymlink("absolute"u8, "/etc/passwd"u8));
            Assert.Equal(0, root.MakeSymlink("up"u8, "../../../.."u8));
            Assert.Equal(0, root.MakeSymlink("self"u8, "self"u8));
            Assert.Equal(0, root.MakeSymlink("bytes"u8, [0xFF, (byte)'x']));
        }),
        ["modes, set-user-id and sticky among them"] = (folder, _) => In(folder, root =>
        {
            // only root can read, and so commit, what nobody may read
            string[] unreadable = Libc.geteuid() == 0 ? ["0"] : [];
            foreach (var mode in (string[])[.. unreadable, "400", "644", "755", "777", "4755", "2755", "1777", "6711"])
            {
                var name = Encoding.ASCII.GetBytes($"file {mode}");
                Put(root, name, mode);
                Assert.Equal(0, root.ChangeMode(name, Convert.ToUInt32(mode, 8)));
            }

            foreach (var mode in new[] { "500", "700", "1777", "2775" })
            {
                var name = Encoding.ASCII.GetBytes($"folder {mode}");
                Assert.Equal(0, root.MakeDirectory(name, 0x1ED));
                Assert.Equal(0, root.ChangeMode(name, Convert.ToUInt32(mode, 8)));
            }
        }),
        ["owners"] = (folder, _) => In(folder, root =>
        {
            Put(root, "of somebody"u8, "1");
            Assert.Equal(0, root.ChangeOwner("of somebody"u8, 12345, 54321));
            Assert.Equal(0, root.MakeSymlink("link of somebody"u8, "x"u8));
            Assert.Equal(0, root.ChangeOwner("link of somebody"u8, 12345, 54321));
        }),
        ["times to the nanosecond, old and far"] = (folder, storage) => In(folder, root =>
        {
            const long far = 4_000_000_000_999_999_999;
            foreach (var time in new[] { 0L, 1, 1_000_000_001, 1_700_000_000_123_456_789, far })
            {
                var name = Encoding.ASCII.GetBytes($"at {time}");
                Put(root, name, "1");
                var expected = time == far && !storage.Keeps(StorageCapabilities.FarTimes) ? Linux.EOVERFLOW : 0;
                Assert.Equal(expected, root.ChangeModified(name, time));
            }

            Assert.Equal(0, root.MakeDirectory("old folder"u8, 0x1ED));
            Assert.Equal(0, root.ChangeModified("old folder"u8, 1_000_000_001));
        }),
        ["a sparse file"] = (folder, _) => In(folder, root =>
        {
            const int flags = Linux.ReadWrite | Linux.Create;
            Assert.Equal(0, Handle.TryOpen(root.Fd, "sparse"u8, flags, 0x1A4, out var file));
            using (file)
            {
                file.Truncate(64L << 20, "sparse");
                file.Seek(32L << 20, Linux.SeekSet);
                file.Write("in the middle"u8, "sparse");
            }

            Assert.Equal(0, Handle.TryOpen(root.Fd, "only a hole"u8, flags, 0x1A4, out file));
            using (file)
            {
                file.Truncate(8L << 20, "only a hole");
            }
        }),
        ["pipes and sockets"] = (folder, _) => In(folder, root =>
        {
            Assert.Equal(0, root.MakeNode("pipe"u8, Linux.TypeFifo | 0x1A4, 0));
            Assert.Equal(0, root.MakeNode("socket"u8, Linux.TypeSocket | 0x1ED, 0));
        }),
        ["extended attributes"] = (folder, storage) => In(folder, root =>
        {
            Put(root, "file"u8, "1");
            const int flags = Linux.ReadWrite;
            Assert.Equal(0, Handle.TryOpen(root.Fd, "file"u8, flags, 0, out var file));
            using (file)
            {
                var expected = storage.Keeps(StorageCapabilities.ExtendedAttributes) ? 0 : Linux.EOPNOTSUPP;
                Assert.Equal(
                    expected,
                    Xattrs.Write(file, [new("user.a"u8.ToArray(), "value"u8.ToArray()), new("user.b"u8.ToArray(), [])]));
            }
        }),
        ["a file of some megabytes"] = (folder, _) => In(folder, root =>
            Put(root, "large"u8, string.Concat(Enumerable.Range(0, 500_000).Select(n => $"{n:x8}")))),
        ["a thousand files in one folder"] = (folder, _) => In(folder, root =>
        {
            for (var n = 0; n < 1200; n++)
            {
                Put(root, Encoding.ASCII.GetBytes($"file {n}"), $"{n}");
            }
        }),
    };

    private static void In(string folder, Action<Handle> work)
    {
        using var root = Handle.OpenDirectory(folder);
        work(root);
    }

    private static void Put(Handle folder, ReadOnlySpan<byte> name, string text)
    {
        Assert.Equal(0, Handle.TryOpen(folder.Fd, name, Linux.WriteOnly | Linux.Create, 0x1A4, out var file));
        using (file)
        {
            file.Write(Encoding.UTF8.GetBytes(text), "a file");
        }
    }
}
