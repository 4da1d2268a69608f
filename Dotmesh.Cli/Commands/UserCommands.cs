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

    private static readonly Option<string> Email = new("--email") { Description = "E-mail address of the user.", HelpName = "ADDRESS" };
    private static readonly Option<string> PasswordFile = new("--password-file") { Description = "File with the password.", HelpName = "PATH" };
    private static readonly Option<string> NewPasswordFile = new("--new-password-file") { Description = "File with the new password.", HelpName = "PATH" };

    public static Verb User() => new Verb("user", "", "List and add users; passwords and API keys.")
        .Example("dm user add bob --email bob@example.com")
        .Example("dm user passwd", "one's own")
        .With(List(), Add(), Password(), ApiKey());

    private static Verb List() => new Verb("ls", "", "List the users (for admin).")
        .Does(async run =>
        {
            run.AtMost(0, "Too many arguments specified.");
            run.Terminal.Out.Write(Shown.Text(await run.Client.Users(run.Stop), run.Format, run.Terminal));
        });

    private static Verb Add() => new Verb("add", "NAME --email ADDRESS", "Add a user (for admin).", Word.Text)
    {
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

            var password = run.Secret(NewPasswordVariable, run.Value(PasswordFile), "Password: ");
            var user = await run.Client.RegisterUser(run.Words[0], email, password, run.Stop);
            run.Print($"User {user.Name} added.");
        });

    private static Verb Password() => new Verb("passwd", "[USER]", "Change one's own password, or that of a user (for admin).", Word.User)
    {
        Remarks = $"The new password is taken from the variable {NewPasswordVariable}, from --new-password-file, or asked for.",
    }
        .Example("dm user passwd")
        .Example("dm user passwd bob")
        .With(NewPasswordFile)
        .Does(async run =>
        {
            run.AtMost(1, "Please specify one user only.");
            var password = run.Secret(NewPasswordVariable, run.Value(NewPasswordFile), "New password: ");
            await (run.Words is [var user]
                ? run.Client.SetPassword(user, password, run.Stop)
                : run.Client.SetPassword(password, run.Stop));
            run.Print("Password changed.");
        });

    private static Verb ApiKey() => new Verb("apikey", "", "One's own API key.")
        .Example("dm user apikey reset")
        .With(new Verb("reset", "", "Make a new API key; the old one is refused from now on.")
        {
            Remarks = $"It needs the password: from the variable {RemoteCommands.SecretVariable}, from --password-file, or asked for. "
                + "The new key is put into the config file.",
        }
            .Example("dm user apikey reset")
            .With(PasswordFile)
            .Does(async run =>
            {
                run.Exactly(0);
                var (name, remote) = (run.RemoteName, run.Client.Remote);
                var password = run.Secret(RemoteCommands.SecretVariable, run.Value(PasswordFile), $"Password of {remote.User}: ");
                using var client = run.Connect(remote with { Secret = password });
                var key = await client.ResetApiKey(run.Stop);
                await run.Change(config => config.SetSecret(name, key));
                run.Print($"The remote {name} has a new API key, in {run.File.Path}.");
            }));

    private static readonly Listing<User> Shown = new(
        user => user.Name,
        user => new JsonObject { ["id"] = user.Id, ["name"] = user.Name, ["email"] = user.Email },
        new("NAME", user => user.Name),
        new("EMAIL", user => user.Email),
        new("ID", user => user.Id));
}
