namespace Dotmesh.Node.Hosting;

/// <summary>The surroundings do not let the node start. The message is one line for its user: what, why and what to do.</summary>
public sealed class StartFailureException(string message, Exception? inner = null) : Exception(message, inner);
