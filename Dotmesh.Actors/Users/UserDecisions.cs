namespace Dotmesh.Actors.Users;

/// <summary>What may be registered and how it is refused: pure; texts and order of contract 2.2.</summary>
internal static class UserDecisions
{
    public static Refusal NotFoundByName(string name) => new(RefusalCode.NotFound, $"User name={name} not found");

    public static Refusal NotFoundByEmail(string email) => new(RefusalCode.NotFound, $"User email={email} not found");

    public static Refusal NotFound { get; } = new(RefusalCode.NotFound, "User not found");

    public static Refusal Ambiguous(string selector, string value) => new(
        RefusalCode.Conflict, $"more than one matches for selector={selector}={value}, use List API");

    public static bool LooksLikeEmail(string reference) => reference.IndexOf('@') is > 0 and var at && at < reference.Length - 1;

    /// <summary>What can be said without knowing the other users.</summary>
    public static Refusal? CheckForm(string name, string email, string password) => (name, email, password) switch
    {
        (_, _, "") => Invalid("Password cannot be empty."),
        (_, "", _) => Invalid("Email address cannot be empty."),
        ("", _, _) => Invalid("Name cannot be empty."),
        _ when name.Contains('/') => Invalid("Invalid username."),

        // beyond the contract: a user name is a namespace, and one that is not valid could never hold a dot
        _ when Names.CheckNamespace(name) is not null => CannotCreate(
            RefusalCode.Invalid, name, @"invalid username, should match pattern: ^[a-zA-Z0-9_\-]{1,64}$"),
        _ => null,
    };

    public static Refusal? CheckFree(string name, bool nameTaken, bool emailTaken) => (nameTaken, emailTaken) switch
    {
        (true, _) => CannotCreate(
            RefusalCode.AlreadyExists, name, "Username already exists - contact help@dotmesh.io"),
        (_, true) => CannotCreate(
            RefusalCode.AlreadyExists, name, "Email already exists - contact help@dotmesh.io"),
        _ => null,
    };

    /// <summary>A name is a namespace: dots, grants and remotes of other clusters have it.</summary>
    public static Refusal CannotRename(string name, string other) => new(
        RefusalCode.Conflict, $"the user {name} of this cluster has the id of the user {other}, and users are not renamed");

    public static Refusal? CheckNewPassword(string name, string password) =>
        Credentials.PasswordFault(password) is { } fault ? CannotCreate(RefusalCode.Invalid, name, fault) : null;

    public static Refusal? CheckPassword(string password) =>
        Credentials.PasswordFault(password) is { } fault ? Invalid(fault) : null;

    private static Refusal Invalid(string text) => new(RefusalCode.Invalid, text);

    private static Refusal CannotCreate(RefusalCode code, string name, string cause) =>
        new(code, $"[RegistrationServer] Error creating user {name}: {cause}");
}
