using Xunit;

namespace Dotmesh.Specs.Support;

/// <summary>Specs that measure their own process: no other one runs in it meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class Alone
{
    public const string Name = "alone";
}
