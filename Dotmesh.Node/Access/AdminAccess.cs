using Dotmesh.Actors.Users;
using Dotmesh.Node.Hosting;
using Dotmesh.Node.Options;

namespace Dotmesh.Node.Access;

/// <summary>
/// The admin of a node and the two files that let its user in: the command line's config file with the API key and
/// <c>admin-password.txt</c> beside it.
/// </summary>
public sealed class AdminAccess(NodeOptions options, IUsers users)
{
    public string ConfigFile => Path.Join(options.Node.ConfigFolder, "config");

    public string PasswordFile => Path.Join(options.Node.ConfigFolder, "admin-password.txt");

    /// <summary>
    /// Makes admin at the first start of a database, with random secrets where the options give none; applies the options'
    /// secrets at every start. The password file is written first: a crash in between leaves an admin that can be made again,
    /// never one whose password nobody was told.
    /// </summary>
    public async Task Ensure(CancellationToken ct)
    {
        CheckConfigFile();
        var first = users.FindById(User.AdminId) is null;
        var password = Given(options.Admin.InitialPassword);
        var key = Given(options.Admin.InitialApiKey);
        if (first && password is null)
        {
            password = Credentials.NewPassword();
            Guard(PasswordFile, () => PrivateFile.Write(PasswordFile, password + "\n", PrivateFile.OwnerRead));
        }

        if (first)
        {
            key ??= Credentials.NewApiKey();
        }

        if (password is not null || key is not null)
        {
            if (!await users.EnsureAdmin(password, key, ct) && options.Admin.InitialPassword.Length == 0)
            {
                // admin is the other node's, and so is the password
                Guard(PasswordFile, () => File.Delete(PasswordFile));
            }
        }
    }

    /// <summary>Writes how this node is reached into the config file, when that is not what it says already.</summary>
    public async Task WriteConfig(string hostname, int port, CancellationToken ct)
    {
        var key = await users.GetApiKey(User.AdminId, ct);
        if (key.Refused(out var refusal))
        {
            throw new StartFailureException($"The API key of admin cannot be read: {refusal.Message}");
        }

        var existing = ReadConfigFile();
        var text = ClientConfig.WithLocal(existing, new LocalRemote(User.AdminName, hostname, port, key.Value));
        if (text.Refused(out var notAConfig))
        {
            throw NotAConfig(notAConfig.Message);
        }

        if (text.Value != existing)
        {
            Guard(ConfigFile, () => PrivateFile.Write(ConfigFile, text.Value, PrivateFile.OwnerReadWrite));
        }
        else
        {
            // it has the key, whoever made it
            Guard(ConfigFile, () => PrivateFile.SetMode(ConfigFile, PrivateFile.OwnerReadWrite));
        }
    }

    /// <summary>A file that cannot be updated is found before any secret is made that would then be in nobody's hands.</summary>
    private void CheckConfigFile()
    {
        var probe = ClientConfig.WithLocal(ReadConfigFile(), new LocalRemote(User.AdminName, "127.0.0.1", 0, string.Empty));
        if (probe.Refused(out var refusal))
        {
            throw NotAConfig(refusal.Message);
        }
    }

    private string? ReadConfigFile()
    {
        string? text = null;
        Guard(ConfigFile, () => text = File.Exists(ConfigFile) ? File.ReadAllText(ConfigFile) : null);
        return text;
    }

    private StartFailureException NotAConfig(string why) =>
        new($"{ConfigFile} cannot be updated: {why}. Mend it or move it away; nothing was changed.");

    private static string? Given(string option) => option.Length == 0 ? null : option;

    private static void Guard(string path, Action work)
    {
        try
        {
            work();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new StartFailureException(
                $"{path} cannot be read or written ({failure.Message}): give this user the right to, or choose another folder "
                + "with --node:configfolder=PATH.",
                failure);
        }
    }
}
