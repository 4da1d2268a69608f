using System.Collections.Frozen;
using Dotmesh.Rpc.Methods;

namespace Dotmesh.Rpc.JsonRpc;

/// <summary>
/// All methods in one place. To add one: write its handler and row in <c>Methods/XMethods.cs</c>, its result in
/// <c>Wire/</c>, the result's type in <see cref="Wire.WireJson"/>; a new noun also gets a line here.
/// </summary>
public sealed class MethodTable
{
    private readonly FrozenDictionary<string, RpcMethod> _byName;

    public MethodTable()
    {
        RpcMethod[] methods =
        [
            .. InformationMethods.All,
            .. UserMethods.All,
            .. DotMethods.All,
            .. ListMethods.All,
            .. CommitMethods.All,
            .. LogMethods.All,
            .. BranchMethods.All,
            .. CollaboratorMethods.All,
            .. ClusterMethods.All,
            .. BackupMethods.All,
            .. TransferPreparations.All,
            .. TransferMethods.All,
            .. PeerMethods.All,
            .. PaymentMethods.All,
            .. DebugMethods.All,
        ];
        All = [.. methods, DiscoverMethods.For(methods)];
        _byName = All.ToFrozenDictionary(method => method.Name, StringComparer.Ordinal);
    }

    public IReadOnlyList<RpcMethod> All { get; }

    /// <summary>Case-sensitive, like the original's.</summary>
    public RpcMethod? Find(string name) => _byName.GetValueOrDefault(name);
}
