using System.Security.Cryptography;
using Dotmesh.Actors.Database;
using Dotmesh.Actors.Users;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class UsersSecretBoxSpec : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("dotmesh-specs-").FullName;

    private string SecretFile => Path.Combine(_folder, "new", "cluster-secret");

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_secret_file_is_made_once_for_its_owner_alone()
    {
        using var made = SecretBox.Open(SecretFile);
        using var read = SecretBox.Open(SecretFile);

        Assert.Equal("key", read.Unseal(made.Seal("key", "bob"), "bob"));
        Assert.Equal(made.DeriveKey("nodes", 32), read.DeriveKey("nodes", 32));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SecretFile));
        }

        Assert.Equal([SecretFile], System.IO.Directory.GetFiles(Path.GetDirectoryName(SecretFile)!));
    }

    [Fact]
    public void Many_threads_seal_and_open_at_the_same_time()
    {
        using var box = new SecretBox(RandomNumberGenerator.GetBytes(32));
        Parallel.For(0, 20_000, i => Assert.Equal($"key {i}", box.Unseal(box.Seal($"key {i}", "bob"), "bob")));
    }

    [Fact]
    public void What_is_sealed_opens_only_unchanged_for_the_same_user_and_with_the_same_secret()
    {
        using var box = new SecretBox(RandomNumberGenerator.GetBytes(32));
        using var other = new SecretBox(RandomNumberGenerator.GetBytes(32));
        var text = box.Seal("key", "bob");

        Assert.NotEqual(text, box.Seal("key", "bob"));
        Assert.Null(box.Unseal(text, "eve"));
        Assert.Null(other.Unseal(text, "bob"));
        Assert.Null(box.Unseal(text[..^6] + "AAAAA=", "bob"));
        Assert.Null(box.Unseal("", "bob"));
        Assert.Null(box.Unseal("v1:%%%", "bob"));
    }

    [Fact]
    public void Keys_for_two_purposes_differ()
    {
        using var box = new SecretBox(RandomNumberGenerator.GetBytes(32));

        Assert.NotEqual(box.DeriveKey("a", 32), box.DeriveKey("b", 32));
    }

    [Theory]
    [InlineData("")]
    [InlineData("c2hvcnQ=")]
    [InlineData("not base64 at all")]
    public void A_damaged_secret_file_is_refused_with_advice(string content)
    {
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(SecretFile)!);
        File.WriteAllText(SecretFile, content);

        var refused = Assert.Throws<DatabaseException>(() => SecretBox.Open(SecretFile));

        Assert.Contains("is damaged", refused.Message, StringComparison.Ordinal);
        Assert.Contains("Restore a copy of it", refused.Message, StringComparison.Ordinal);
    }
}
