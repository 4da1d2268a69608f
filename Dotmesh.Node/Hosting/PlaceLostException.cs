namespace Dotmesh.Node.Hosting;

/// <summary>The cluster has put this node out before it had quite come in: it begins anew.</summary>
public sealed class PlaceLostException(string reason) : Exception(reason);
