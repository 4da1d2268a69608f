using Dotmesh.Actors.Storage.Zfs;
using Xunit;

namespace Dotmesh.Specs.Storage;

public sealed class SystemMountsSpec
{
    [Fact]
    public void What_is_mounted_at_a_path_is_told_as_in_the_table()
    {
        var table = SystemMounts.Read();

        Assert.NotEmpty(table);
        Assert.All(table, mount => Assert.Equal(mount.Value, SystemMounts.At(mount.Key)));
        Assert.All(table, mount => Assert.Equal(mount.Value, SystemMounts.At(mount.Key)));
    }

    [Fact]
    public void A_folder_inside_of_a_mount_and_one_that_is_missing_are_no_mounts()
    {
        Assert.Null(SystemMounts.At("/proc/self"));
        Assert.Null(SystemMounts.At("/there/is/no/such/folder"));
    }
}
