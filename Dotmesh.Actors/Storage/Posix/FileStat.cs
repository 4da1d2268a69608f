namespace Dotmesh.Actors.Storage.Posix;

/// <summary>What the driver needs of a stat: times in nanoseconds since the epoch.</summary>
internal readonly record struct FileStat(
    uint Mode, uint Uid, uint Gid, ulong Inode, long Size, long Allocated, long Modified, long Changed, uint Links, ulong Device)
{
    internal uint Type => Mode & Linux.TypeMask;

    internal uint Permissions => Mode & 0xFFF;

    internal static FileStat From(in Statx x)
    {
        var size = (long)x.Size;
        var blocks = (long)x.Blocks * 512;
        // no blocks but a small size: the file system keeps the content inside the inode
        var allocated = blocks >= size || (blocks == 0 && size <= 4096) ? size : blocks;
        return new FileStat(
            x.Mode,
            x.Uid,
            x.Gid,
            x.Inode,
            size,
            allocated,
            (x.ModifiedSeconds * 1_000_000_000) + x.ModifiedNanoseconds,
            (x.ChangedSeconds * 1_000_000_000) + x.ChangedNanoseconds,
            x.Links,
            MakeDevice(x.DeviceMajor, x.DeviceMinor));
    }

    // glibc's makedev
    private static ulong MakeDevice(uint major, uint minor) =>
        ((ulong)(major & 0xFFF) << 8) | (minor & 0xFF) | ((ulong)(minor & 0xFFFFFF00) << 12)
        | ((ulong)(major & 0xFFFFF000) << 32);
}
