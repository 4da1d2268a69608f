using System.Collections.Concurrent;
using Dotmesh.Actors.Storage.Posix;

namespace Dotmesh.Actors.Storage.Directory;

/// <summary>
/// Completes a scanned tree into one that a commit can keep: reads link targets and extended attributes and copies the
/// contents of changed files into objects. A concurrent writer cannot make it fail: what vanished is left out, what was
/// written to meanwhile is kept as it was read and looked at again next time.
/// </summary>
internal sealed class TreeCapture(Handle root, ObjectStore objects, CancellationToken ct)
{
    private const int Chunk = 128;
    private const int FlushOneByOne = 32;

    private readonly ConcurrentDictionary<TreeNode, bool> _gone = new(ReferenceEqualityComparer.Instance);
    private readonly List<Job> _jobs = [];
    private readonly List<(Job Job, TreeNode Node, TreeNode Leader)> _followers = [];
    private readonly List<TreeNode> _changedFolders = [];
    private int _files;
    private bool _bulk;

    /// <summary>Entries of one folder that have to be looked at.</summary>
    private sealed record Job(byte[] Path, TreeNode Folder, TreeNode? FolderBase, List<(TreeNode Node, TreeNode? Base)> Entries);

    /// <summary>Answers the complete tree: the scanned nodes themselves, or the base when nothing changed.</summary>
    internal async Task<TreeNode> Complete(TreeNode scanned, TreeNode basis)
    {
        if (ReferenceEquals(scanned, basis))
        {
            return basis;
        }

        var youngest = Plan(scanned, basis);
        await KernelClock.Pass(youngest, ct);
        _bulk = _files > FlushOneByOne;
        if (_bulk)
        {
            // pages that a program has mapped get write-protected by this, so that later writes show in the times
            root.SyncFilesystem("the live tree");
        }

        if (_jobs.Count == 1)
        {
            Run(_jobs[0]);
        }
        else
        {
            Parallelism.ForEach(_jobs, ct, Run);
        }

        Follow();
        RemoveGone();
        if (_bulk)
        {
            objects.SyncFilesystem();
        }
        else if (_files > 0)
        {
            objects.Sync();
        }

        return scanned;
    }

    /// <summary>Lists the work; answers the youngest change time among the files to copy.</summary>
    private long Plan(TreeNode scanned, TreeNode basis)
    {
        long youngest = 0;
        var leaders = new Dictionary<ulong, TreeNode>();
        var pending = new Stack<(TreeNode Folder, TreeNode? Base, byte[] Path)>();
        pending.Push((scanned, basis, []));
        while (pending.TryPop(out var at))
        {
            ct.ThrowIfCancellationRequested();
            _changedFolders.Add(at.Folder);
            var entries = new List<(TreeNode, TreeNode?)>();
            var job = new Job(at.Path, at.Folder, at.Base, entries);
            foreach (var (was, now) in Trees.Pairs(at.Base?.Children ?? [], at.Folder.Children))
            {
                if (now is null || ReferenceEquals(was, now))
                {
                    continue;
                }

                if (now.IsFolder)
                {
                    pending.Push((now, was is { IsFolder: true } ? was : null, Trees.Join(at.Path, now.Name)));
                    continue;
                }

                youngest = now.IsFile ? Math.Max(youngest, now.Changed) : youngest;
                if (now.LinkGroup != 0 && !leaders.TryAdd(now.LinkGroup, now))
                {
                    _followers.Add((job, now, leaders[now.LinkGroup]));
                    continue;
                }

                _files += now.IsFile ? 1 : 0;
                entries.Add((now, was));
            }

            AddJobs(job);
        }

        return youngest;
    }

    private void AddJobs(Job job)
    {
        if (job.Entries.Count <= Chunk)
        {
            _jobs.Add(job);
            return;
        }

        for (var from = 0; from < job.Entries.Count; from += Chunk)
        {
            _jobs.Add(job with { Entries = job.Entries.GetRange(from, Math.Min(Chunk, job.Entries.Count - from)) });
        }
    }

    private void Run(Job job)
    {
        ct.ThrowIfCancellationRequested();
        var errno = root.TryOpenBeneath(job.Path, out var folder);
        if (errno is Linux.ENOENT or Linux.ENOTDIR or Linux.ELOOP)
        {
            _gone[job.Folder] = true;
            return;
        }

        if (errno != 0)
        {
            throw Errors.Failed(errno, "reading", Errors.Display(job.Path));
        }

        using (folder)
        {
            if (job.FolderBase is { } was && was.Inode == job.Folder.Inode && was.Changed == job.Folder.Changed && was.Changed != 0)
            {
                job.Folder.Xattrs = was.Xattrs;
            }
            else
            {
                job.Folder.Xattrs = Xattrs.Read(folder);
            }

            foreach (var (node, basis) in job.Entries)
            {
                Capture(job, folder, node, basis);
            }
        }
    }

    private void Capture(Job job, Handle folder, TreeNode node, TreeNode? basis)
    {
        ct.ThrowIfCancellationRequested();
        switch (node.Type)
        {
            case Linux.TypeRegular:
                CaptureFile(job, folder, node, basis);
                return;
            case Linux.TypeLink:
                node.Target = folder.ReadLink(node.Name, out var errno);
                if (node.Target is null)
                {
                    // EINVAL: no link any more
                    _gone[node] = errno is Linux.ENOENT or Linux.EINVAL
                        ? true
                        : throw Errors.Failed(errno, "reading", Display(job, node));
                    return;
                }

                node.Size = node.Target.Length;
                break;
            case Linux.TypeCharacter or Linux.TypeBlock when Libc.geteuid() != 0:
                throw new StorageException(
                    StorageFailure.Unrepresentable,
                    $"{Display(job, node)} is a device node, which only root can make again: remove it, then commit");
            default:
                break;
        }

        node.Xattrs = Xattrs.Read(folder, node.Name);
    }

    private void CaptureFile(Job job, Handle folder, TreeNode node, TreeNode? basis)
    {
        const int flags = Linux.ReadOnly | Linux.NonBlocking;
        var errno = Handle.TryOpen(folder.Fd, node.Name, flags | Linux.NoFollow, 0, out var file);
        if (errno != 0)
        {
            // ELOOP, ENXIO: replaced by a link or a pipe since the scan
            _gone[node] = errno is Linux.ENOENT or Linux.ELOOP or Linux.ENXIO
                ? true
                : throw Errors.Failed(errno, "reading", Display(job, node));
            return;
        }

        using (file)
        {
            if (!_bulk)
            {
                _ = Libc.sync_file_range(file.Fd, 0, 0, Linux.SyncRangeFully);
            }

            var stat = file.Stat();
            if (stat.Type != Linux.TypeRegular)
            {
                _gone[node] = true;
                return;
            }

            var young = stat.Changed > node.Changed && stat.Changed >= KernelClock.Tick();
            node.Take(in stat);
            node.Xattrs = Xattrs.Read(file);
            CaptureContent(job, file, stat, node, basis);
            if (young || file.Stat() != stat)
            {
                node.Changed = 0;
            }
        }
    }

    private void CaptureContent(Job job, Handle file, FileStat stat, TreeNode node, TreeNode? basis)
    {
        if (basis is { IsFile: true, ObjectId: not 0 } && basis.Size == stat.Size
            && (basis.Modified == stat.Modified || basis.Changed == 0))
        {
            using var old = objects.Open(basis.ObjectId);
            if (FileCopy.SameContent(file, old, ct))
            {
                node.ObjectId = basis.ObjectId;
                return;
            }

            file.Seek(0, Linux.SeekSet);
        }

        var path = Display(job, node);
        using var copy = objects.Make(out var id);
        try
        {
            node.Size = FileCopy.Copy(file, stat, copy, path, ct);
            node.Allocated = Math.Min(node.Allocated, node.Size);
            if (!_bulk)
            {
                copy.Sync(path);
            }

            node.ObjectId = id;
        }
        catch
        {
            objects.Discard(id);
            throw;
        }
    }

    // other names of a file that was captured under its first name
    private void Follow()
    {
        foreach (var (job, node, leader) in _followers)
        {
            if (_gone.ContainsKey(leader) || leader.LinkGroup != node.LinkGroup)
            {
                Run(job with { Entries = [(node, null)] });
                continue;
            }

            node.Mode = leader.Mode;
            node.Uid = leader.Uid;
            node.Gid = leader.Gid;
            node.Modified = leader.Modified;
            node.Size = leader.Size;
            node.Allocated = leader.Allocated;
            node.ObjectId = leader.ObjectId;
            node.Target = leader.Target;
            node.Xattrs = leader.Xattrs;
            node.Changed = leader.Changed;
        }
    }

    private void RemoveGone()
    {
        if (_gone.IsEmpty)
        {
            return;
        }

        foreach (var folder in _changedFolders)
        {
            if (Array.Exists(folder.Children, _gone.ContainsKey))
            {
                folder.Children = Array.FindAll(folder.Children, child => !_gone.ContainsKey(child));
                folder.Changed = 0;
            }
        }
    }

    private static string Display(Job job, TreeNode node) => Errors.Display(Trees.Join(job.Path, node.Name));
}
