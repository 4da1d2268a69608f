using System.CommandLine;
using System.Text.Json.Nodes;
using Dotmesh.Cli.Output;
using Dotmesh.Cli.Running;
using Dotmesh.Client;

namespace Dotmesh.Cli.Commands;

/// <summary>Users of the current cluster.</summary>
internal static class UserCommands
{
    private const string NewPasswordVariable = "DOTMESH_NEW_PASSWORD";

    private static readonly Option<string> Email = Options.Text("--email", "E-mail address of the user.", "ADDRESS");
    private static readonly Option<string> PasswordFile = Options.Text("--password-file", "File with the password.", "PATH");
    private static readonly Option<string> NewPasswordFile = Options.Text("--new-password-file", "File with the new password.", "PATH");

    public static Verb User() => new Verb("user", "", "List and add users; passwords and API keys.")
        .Example("dm user add bob --email bob@example.com")
        .Example("dm user passwd", "one's own")
        .With(List(), Add(), Password(), ApiKey());

    private static Verb List() => new Verb("ls", "", "List the users (for admin).")
        .Does(async run =>
        {
            run.NoWords();
            run.Terminal.Out.Write(Shown.Text(await run.Client.Users(run.Stop), run.Format, run.Terminal));
        });

    private static Verb Add() => new Verb("add", "NAME --email ADDRESS", "Add a user (for admin).", Word.Text)
    {
        Changes = true,
        Remarks = $"The password is taken from the variable {NewPasswordVariable}, from --password-file, or asked for.",
    }
        .Example("dm user add bob --email bob@example.com")
        .With(Email, PasswordFile)
        .Does(async run =>
        {
            run.Exactly(1);
            if (run.Value(Email) is not { Length: > 0 } email)
            {
                throw CommandFailure.Usage("A user needs an e-mail address: --email ADDRESS");
            }

            var password = await run.Secret(NewPasswordVariable, run.Value(PasswordFile), "Password: ", twice: true);
            var user = await run.Client.RegisterUser(run.Words[0], email, password, run.Stop);
            run.Show($"User {user.Name} added.\n", Json(user), user.Name);
        });

    private static Verb Password() => new Verb("passwd", "[USER]", "Change one's own password, or that of a user (for admin).", Word.User)
    {
        Changes = true,
        Remarks = $"The new password is taken from the variable {NewPasswordVariable}, from --new-password-file, or asked for.",
    }
        .Example("dm user passwd")
        .Example("dm user passwd bob")
        .With(NewPasswordFile)
        .Does(async run =>
        {
            run.AtMost(1, "Please specify one user only.");
            var password = await run.Secret(NewPasswordVariable, run.Value(NewPasswordFile), "New password: ", twice: true);
            await (run.Words is [var user]
                ? run.Client.SetPassword(user, password, run.Stop)
                : run.Client.SetPassword(password, run.Stop));
            run.Print("Password changed.");
        });

    private static Verb ApiKey() => new Verb("apikey", "", "One's own API key.")
        .Example("dm user apikey reset")
        .With(new Verb("reset", "", "Make a new API key; the old one is refused from now on.")
        {
            Changes = true,
            Remarks = $"It needs the password: from the variable {RemoteCommands.SecretVariable}, from --password-file, or asked for. "
                + "The new key is put into the config file.",
        }
            .Example("dm user apikey reset")
            .With(PasswordFile)
            .Does(async run =>
            {
                run.Exactly(0);
                var (name, remote) = (run.RemoteName, run.Client.Remote);
                var password = await run.Secret(RemoteCommands.SecretVariable, run.Value(PasswordFile), $"Password of {remote.User}: ");
                using var client = run.Connect(remote with { Secret = password });
                var key = await client.ResetApiKey(run.Stop);
                await Keep(run, name, key);
                run.Print($"The remote {name} has a new API key, in {run.File.Path}.");
            }));

    /// <summary>The old one is refused already: not even Ctrl-C comes between.</summary>
    private static async Task Keep(Run run, string remote, string key)
    {
        try
        {
            await run.File.Update(
                config =>
                {
                    config.SetSecret(remote, key);
                    return true;
                },
                CancellationToken.None);
        }
        catch (CommandFailure failure)
        {
            throw new CommandFailure(
                failure.ExitCode, $"The API key was changed, and could not be kept: {failure.Message}",
                $"Add the remote again with the password: dm remote rm {remote}, dm remote add {remote} ...");
        }
    }

    private static JsonObject Json(User user) => new() { ["id"] = user.Id, ["name"] = user.Name, ["email"] = user.Email };

    private static readonly Listing<User> Shown = new(
        user => user.Name,
        Json,
        new("NAME", user => user.Name),
        new("EMAIL", user => user.Email),
        new("ID", user => user.Id));
}
