using System.Runtime.InteropServices;

namespace Dotmesh.Actors.Storage.Commands;

/// <summary>
/// The system calls behind <see cref="CommandRunner"/>. The framework's own process class cannot make a process group and
/// reads pipes with a blocked pool thread each, which starves the pool when many commands run at once.
/// </summary>
internal static unsafe partial class Native
{
    public const int EIntr = 4, EAgain = 11, EPipe = 32, ENoEnt = 2, EAcces = 13, ENotDir = 20, ESrch = 3;
    public const short PollIn = 1, PollOut = 4;
    public const int SigKill = 9;
    public const int WNoHang = 1;
    public const int OCloExec = 0x80000, ONonBlock = 0x800;

    private const int FSetFl = 4;
    private const int PidfdOpen = 434;
    private const int FSetPipeSize = 1031;

    // larger than any libc's posix_spawn types and signal sets
    private const int Opaque = 1024;
    private const short SetPGroup = 0x02, SetSigDef = 0x04, SetSigMask = 0x08;

    [StructLayout(LayoutKind.Sequential)]
    public struct PollFd
    {
        public int Fd;
        public short Events;
        public short Revents;
    }

    [LibraryImport("libc", SetLastError = true)]
    public static partial int pipe2(int* fds, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint read(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial nint write(int fd, byte* buffer, nuint count);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int poll(PollFd* fds, nuint count, int timeout);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int waitpid(int pid, int* status, int options);

    [LibraryImport("libc", SetLastError = true)]
    public static partial int kill(int pid, int signal);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint syscall(nint number, nint one, nint two);

    [LibraryImport("libc")]
    private static partial int posix_spawnp(int* pid, byte* file, void* actions, void* attributes, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_init(void* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_destroy(void* actions);

    [LibraryImport("libc")]
    private static partial int posix_spawn_file_actions_adddup2(void* actions, int fd, int target);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int posix_spawn_file_actions_addopen(void* actions, int fd, string path, int flags, uint mode);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_init(void* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_destroy(void* attributes);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setflags(void* attributes, short flags);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setpgroup(void* attributes, int group);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigdefault(void* attributes, void* set);

    [LibraryImport("libc")]
    private static partial int posix_spawnattr_setsigmask(void* attributes, void* set);

    [LibraryImport("libc")]
    private static partial int sigemptyset(void* set);

    [LibraryImport("libc")]
    private static partial int sigfillset(void* set);

    public static (int Read, int Write) Pipe()
    {
        var fds = stackalloc int[2];
        return pipe2(fds, OCloExec) == 0 ? (fds[0], fds[1]) : throw Failure("pipe2");
    }

    public static void MakeNonBlocking(int fd)
    {
        if (fcntl(fd, FSetFl, ONonBlock) != 0)
        {
            throw Failure("fcntl");
        }
    }

    /// <summary>Fewer wake-ups per megabyte; a refusal (the user's limit) leaves the default size.</summary>
    public static void Enlarge(int pipe) => _ = fcntl(pipe, FSetPipeSize, 1 << 20);

    /// <summary>A descriptor that becomes readable when the process ends; -1 before Linux 5.3.</summary>
    public static int OpenPid(int pid) => (int)syscall(PidfdOpen, pid, 0);

    /// <summary>
    /// Starts a program in a process group of its own, with default signals. Answers the error number, 0 when it runs.
    /// </summary>
    public static int Spawn(NativeStrings argv, NativeStrings environment, int stdin, int stdout, int stderr, out int pid)
    {
        byte* actions = stackalloc byte[Opaque], attributes = stackalloc byte[Opaque], signals = stackalloc byte[Opaque];
        var error = posix_spawn_file_actions_init(actions) | posix_spawnattr_init(attributes);
        try
        {
            error |= stdin < 0
                ? posix_spawn_file_actions_addopen(actions, 0, "/dev/null", 0, 0)
                : posix_spawn_file_actions_adddup2(actions, stdin, 0);
            error |= posix_spawn_file_actions_adddup2(actions, stdout, 1);
            error |= posix_spawn_file_actions_adddup2(actions, stderr, 2);
            error |= posix_spawnattr_setflags(attributes, SetPGroup | SetSigDef | SetSigMask);
            error |= posix_spawnattr_setpgroup(attributes, 0);
            error |= sigemptyset(signals);
            error |= posix_spawnattr_setsigmask(attributes, signals);
            // the runtime ignores SIGPIPE; a child must not
            error |= sigfillset(signals);
            error |= posix_spawnattr_setsigdefault(attributes, signals);
            var started = -1;
            error = error != 0
                ? error
                : posix_spawnp(&started, argv.First, actions, attributes, argv.Pointers, environment.Pointers);
            pid = started;
            return error;
        }
        finally
        {
            _ = posix_spawn_file_actions_destroy(actions);
            _ = posix_spawnattr_destroy(attributes);
        }
    }

    public static IOException Failure(string call) =>
        new($"{call}: {Marshal.GetLastPInvokeErrorMessage()} ({Marshal.GetLastPInvokeError()})");
}

/// <summary>A null-terminated array of C strings outside the managed heap.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly int _count;

    public NativeStrings(IReadOnlyList<string> values)
    {
        _count = values.Count;
        Pointers = (byte**)NativeMemory.AllocZeroed((nuint)(_count + 1), (nuint)sizeof(byte*));
        for (var n = 0; n < _count; n++)
        {
            Pointers[n] = (byte*)Marshal.StringToCoTaskMemUTF8(values[n]);
        }
    }

    public byte** Pointers { get; }

    public byte* First => Pointers[0];

    public void Dispose()
    {
        for (var n = 0; n < _count; n++)
        {
            Marshal.FreeCoTaskMem((nint)Pointers[n]);
        }

        NativeMemory.Free(Pointers);
    }
}
