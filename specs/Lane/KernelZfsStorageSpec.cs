using Dotmesh.Specs.Support;

namespace Dotmesh.Specs.Storage;

/// <summary>
/// The storage contract on an OpenZFS kernel. It is compiled into the lane's runner only, so that a machine without the
/// kernel module neither runs it nor shows it as passed.
/// </summary>
public sealed class KernelZfsStorageSpec : ZfsStorageSpec
{
    protected override string Lane => Lanes.OpenZfs;

    protected override int ManyFiles => 5_000;
}

/// <inheritdoc cref="KernelZfsStorageSpec"/>
public sealed class KernelPlainSendingSpec : PlainSendingSpec
{
    protected override string Lane => Lanes.OpenZfs;
}

/// <inheritdoc cref="KernelZfsStorageSpec"/>
public sealed class KernelPlainReceivingSpec : PlainReceivingSpec
{
    protected override string Lane => Lanes.OpenZfs;
}

/// <inheritdoc cref="KernelZfsStorageSpec"/>
public sealed class KernelPlainStreamDangersSpec : PlainStreamDangersSpec
{
    protected override string Lane => Lanes.OpenZfs;
}
