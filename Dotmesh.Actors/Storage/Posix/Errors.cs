using System.Runtime.InteropServices;
using System.Text;

namespace Dotmesh.Actors.Storage.Posix;

/// <summary>Turns errno into the typed failures of the storage contract, always naming the file.</summary>
internal static class Errors
{
    internal static int Last => Marshal.GetLastPInvokeError();

    internal static StorageException Failed(string doing, string path) => Failed(Last, doing, path);

    internal static StorageException Failed(int errno, string doing, string path)
    {
        var why = Marshal.GetPInvokeErrorMessage(errno);
        return errno switch
        {
            Linux.ENOSPC or Linux.EDQUOT => new StorageException(
                StorageFailure.PoolFull,
                $"No space left in the pool while {doing} {path}: free some space or make the pool larger, then repeat"),
            Linux.EACCES or Linux.EPERM => new StorageException(
                StorageFailure.AccessDenied,
                $"Permission denied while {doing} {path} ({why}): give the node's user access to it, then repeat"),
            Linux.EROFS => new StorageException(
                StorageFailure.AccessDenied, $"The pool is mounted read-only ({doing} {path})"),
            Linux.EBUSY => new StorageException(StorageFailure.Busy, $"In use while {doing} {path}"),
            _ => new StorageException(StorageFailure.Unexpected, $"Error while {doing} {path}: {why} (errno {errno})"),
        };
    }

    /// <summary>A name for people: UTF-8 where it is, otherwise <c>\xNN</c> for each byte that is not.</summary>
    internal static string Display(ReadOnlySpan<byte> path)
    {
        var text = new StringBuilder(path.Length);
        while (!path.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(path, out var rune, out var used) == System.Buffers.OperationStatus.Done
                && !Rune.IsControl(rune))
            {
                text.Append(rune.ToString());
            }
            else
            {
                used = 1;
                text.Append("\\x").Append(path[0].ToString("x2"));
            }

            path = path[used..];
        }

        return text.ToString();
    }
}
