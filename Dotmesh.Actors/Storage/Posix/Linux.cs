using System.Runtime.InteropServices;

namespace Dotmesh.Actors.Storage.Posix;

/// <summary>Numbers of the Linux ABI; those that differ between x64 and arm64 are picked here.</summary>
internal static class Linux
{
    internal const int CurrentDirectory = -100;

    // open flags
    internal const int ReadOnly = 0;
    internal const int WriteOnly = 1;
    internal const int ReadWrite = 2;
    internal const int Create = 0x40;
    internal const int Exclusive = 0x80;
    internal const int Truncate = 0x200;
    internal const int Append = 0x400;
    internal const int NonBlocking = 0x800;
    internal const int CloseOnExec = 0x80000;
    internal const int PathOnly = 0x200000;
    internal static readonly int DirectoryOnly = Arm ? 0x4000 : 0x10000;
    internal static readonly int NoFollow = Arm ? 0x8000 : 0x20000;

    // *at flags
    internal const int SymlinkNoFollow = 0x100;
    internal const int RemoveDirectory = 0x200;
    internal const int EmptyPath = 0x1000;

    internal const uint StatxBasic = 0x7ff;

    // file types in st_mode
    internal const uint TypeMask = 0xF000;
    internal const uint TypeFifo = 0x1000;
    internal const uint TypeCharacter = 0x2000;
    internal const uint TypeDirectory = 0x4000;
    internal const uint TypeBlock = 0x6000;
    internal const uint TypeRegular = 0x8000;
    internal const uint TypeLink = 0xA000;
    internal const uint TypeSocket = 0xC000;

    internal const int SeekSet = 0;
    internal const int SeekData = 3;
    internal const int SeekHole = 4;
    internal const nuint CloneFile = 0x40049409;
    internal const int LockExclusive = 2;
    internal const int LockNonBlocking = 4;
    internal const int Unlock = 8;
    internal const uint SyncRangeFully = 7;
    internal const int ClockRealtimeCoarse = 5;

    // errno
    internal const int EPERM = 1;
    internal const int ENOENT = 2;
    internal const int EINTR = 4;
    internal const int ENXIO = 6;
    internal const int EBADF = 9;
    internal const int EAGAIN = 11;
    internal const int EACCES = 13;
    internal const int EBUSY = 16;
    internal const int EEXIST = 17;
    internal const int EXDEV = 18;
    internal const int ENOTDIR = 20;
    internal const int EISDIR = 21;
    internal const int EINVAL = 22;
    internal const int ENOTTY = 25;
    internal const int ENOSPC = 28;
    internal const int EROFS = 30;
    internal const int EMLINK = 31;
    internal const int ERANGE = 34;
    internal const int ENAMETOOLONG = 36;
    internal const int ENOSYS = 38;
    internal const int ENOTEMPTY = 39;
    internal const int ELOOP = 40;
    internal const int ENODATA = 61;
    internal const int EOVERFLOW = 75;
    internal const int EOPNOTSUPP = 95;
    internal const int EDQUOT = 122;

    internal static readonly nint GetDirectoryEntries = Arm ? 61 : 217;
    internal const nint OpenAt2 = 437;

    private static bool Arm => RuntimeInformation.ProcessArchitecture == Architecture.Arm64;

    /// <summary>True where the layouts above hold: 64-bit Linux on x64 and arm64.</summary>
    internal static bool IsSupported =>
        OperatingSystem.IsLinux()
        && RuntimeInformation.ProcessArchitecture is Architecture.X64 or Architecture.Arm64;
}
