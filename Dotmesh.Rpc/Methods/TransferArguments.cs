using Dotmesh.Rpc.JsonRpc;

namespace Dotmesh.Rpc.Methods;

/// <summary>How a transfer is described by who asks for one and by the cluster that announces one, in both vocabularies (contract 0.1, 3.3, 3.4).</summary>
internal static class TransferArguments
{
    public static readonly Argument Peer = Argument.Text("Peer");
    public static readonly Argument User = Argument.Text("User");
    public static readonly Argument Direction = Argument.Text("Direction");
    public static readonly Argument LocalNamespace = Argument.Text("LocalNamespace");
    public static readonly Argument LocalName = Argument.Text("LocalName", "LocalFilesystemName");
    public static readonly Argument LocalBranch = Argument.Text("LocalBranchName", "LocalCloneName");
    public static readonly Argument RemoteNamespace = Argument.Text("RemoteNamespace");
    public static readonly Argument RemoteName = Argument.Text("RemoteName", "RemoteFilesystemName");
    public static readonly Argument RemoteBranch = Argument.Text("RemoteBranchName", "RemoteCloneName");
    public static readonly Argument TargetCommit = Argument.Text("TargetCommit", "TargetSnapshot");

    /// <summary>Both sides and the direction.</summary>
    public static readonly Argument[] Sides =
        [Peer, User, Direction, LocalNamespace, LocalName, LocalBranch, RemoteNamespace, RemoteName, RemoteBranch, TargetCommit];
}
