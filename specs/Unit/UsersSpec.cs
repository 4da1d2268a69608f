using System.Collections.Immutable;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Dotmesh.Actors.Users;
using Org.BouncyCastle.Crypto.Generators;
using Xunit;

namespace Dotmesh.Specs.Unit;

public sealed class UsersSpec : OneDatabase
{
    private SqlUsers _users = null!;

    public override async Task InitializeAsync()
    {
        await base.InitializeAsync();
        _users = await Data.OpenUsers(Database);
        await _users.EnsureAdmin("admin-password\n", "VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD", default);
    }

    public override async Task DisposeAsync()
    {
        _users.Dispose();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Admin_has_the_id_of_zeros_no_email_and_no_metadata_until_a_field_is_set()
    {
        var admin = _users.FindByName("admin")!;
        Assert.Equal(("00000000-0000-0000-0000-000000000000", ""), (admin.Id, admin.Email));
        Assert.Null(admin.Metadata);
        Assert.Equal("d41d8cd98f00b204e9800998ecf8427e", Credentials.EmailHash(admin.Email));

        Assert.Null((await _users.SetMetadataField("admin", "plan", null, default)).Value.Metadata);
        var set = await _users.SetMetadataField("admin", "plan", "free", default);
        Assert.Equal("free", set.Value.Metadata!["plan"]);
        Assert.Empty((await _users.SetMetadataField("admin", "plan", null, default)).Value.Metadata!);
    }

    [Fact]
    public async Task The_initial_secrets_of_admin_are_trimmed_applied_and_kept_when_none_are_given()
    {
        Assert.Equal(AuthenticationType.Password, (await Login("admin", "admin-password"))?.Authentication);
        Assert.Equal(AuthenticationType.ApiKey, (await Login("admin", "VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD"))?.Authentication);

        await _users.EnsureAdmin(null, null, default);
        Assert.NotNull(await Login("admin", "admin-password"));

        await _users.EnsureAdmin("another-password", "another key", default);
        Assert.Null(await Login("admin", "admin-password"));
        Assert.NotNull(await Login("admin", "another-password"));
        Assert.Equal("another key", (await _users.GetApiKey(User.AdminId, default)).Value);
    }

    [Fact]
    public async Task A_registered_user_logs_in_by_name_email_or_id_with_password_or_key_also_after_a_restart()
    {
        var bob = await Register("bob");
        await Restart();
        var key = (await _users.GetApiKey(bob.Id, default)).Value;

        Assert.Equal(56, key.Length);
        Assert.EndsWith("====", key, StringComparison.Ordinal);
        Assert.Empty(bob.Metadata!);
        Assert.Equal("4b9bb80620f03eb3719e0a061c14283d", Credentials.EmailHash(bob.Email));
        foreach (var reference in new[] { "bob", "bob@example.com", bob.Id })
        {
            Assert.Equal(
                (AuthenticationType.Password, bob.Id),
                (await Login(reference, "bob-password")) is { } byPassword ? (byPassword.Authentication, byPassword.User.Id) : default);
            Assert.Equal(AuthenticationType.ApiKey, (await Login(reference, key))?.Authentication);
            Assert.Null(await Login(reference, "bob-passwort"));
        }
    }

    [Theory]
    [InlineData("bob", "b@x.org", "", "Password cannot be empty.")]
    [InlineData("", "", "", "Password cannot be empty.")]
    [InlineData("", "", "secret", "Email address cannot be empty.")]
    [InlineData("", "b@x.org", "secret", "Name cannot be empty.")]
    [InlineData("a/b", "b@x.org", "secret", "Invalid username.")]
    [InlineData(
        "a b",
        "b@x.org",
        "secret-1",
        @"[RegistrationServer] Error creating user a b: invalid username, should match pattern: ^[a-zA-Z0-9_\-]{1,64}$")]
    [InlineData(
        "admin", "b@x.org", "s", "[RegistrationServer] Error creating user admin: Username already exists - contact help@dotmesh.io")]
    [InlineData(
        "eve", "alice@example.com", "s", "[RegistrationServer] Error creating user eve: Email already exists - contact help@dotmesh.io")]
    [InlineData(
        "bob",
        "b@x.org",
        "secret",
        "[RegistrationServer] Error creating user bob: invalid password: password length should be at least 7 symbols")]
    public async Task A_registration_is_refused_with_the_contracts_texts_in_the_contracts_order(
        string name, string email, string password, string refusal)
    {
        await Register("alice");

        Assert.Equal(refusal, (await _users.Register(name, email, password, default)).Refusal?.Message);
    }

    [Fact]
    public async Task Of_many_that_register_one_name_at_once_exactly_one_gets_it()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i =>
            Task.Run(() => _users.Register("bob", $"bob{i}@example.com", "bob-password", default))));

        Assert.Single(answers, answer => answer.Refusal is null);
        Assert.Equal(2, _users.All.Count);
    }

    [Fact]
    public async Task The_password_rule_counts_bytes_and_says_both_parts_of_an_empty_one()
    {
        await Register("bob");
        async Task<string?> Set(string password) => (await _users.SetPassword("bob", password, default)).Refusal?.Message;

        Assert.Equal(
            "invalid password: password cannot be empty, password length should be at least 7 symbols", await Set(""));
        Assert.Equal("invalid password: password length should be at least 7 symbols", await Set("123456"));
        Assert.Null(await Set("ÄÖÜß"));
        Assert.NotNull(await Login("bob", "ÄÖÜß"));
    }

    [Fact]
    public async Task A_user_that_is_not_there_is_named_by_what_was_asked_for()
    {
        Assert.Equal("User name=x not found", _users.FindByReference("x").Refusal?.Message);
        Assert.Equal("User email=x@y not found", _users.FindByReference("x@y").Refusal?.Message);
        Assert.Equal("User email=x not found", _users.FindByEmail("x").Refusal?.Message);
        Assert.Equal("User not found", _users.FindByCustomerId("cus_1").Refusal?.Message);
        Assert.Equal("User name=x not found", (await _users.SetEmail("x", "a@b", default)).Refusal?.Message);
        Assert.Equal("User not found", (await _users.GetApiKey("x", default)).Refusal?.Message);
        Assert.Equal("User name= not found", _users.FindByReference("").Refusal?.Message);
        Assert.NotNull(_users.FindByEmail("").Refusal);
    }

    [Fact]
    public async Task A_customer_id_finds_its_user_and_is_refused_when_two_have_it()
    {
        var bob = await Register("bob");
        await Register("eve");
        await _users.SetMetadataField(bob.Id, "CustomerId", "cus_1", default);
        Assert.Equal(bob.Id, _users.FindByCustomerId("cus_1").Value.Id);

        await _users.SetMetadataField("eve@example.com", "CustomerId", "cus_1", default);

        Assert.Equal(
            "more than one matches for selector=CustomerId=cus_1, use List API",
            _users.FindByCustomerId("cus_1").Refusal?.Message);
    }

    [Fact]
    public async Task A_changed_email_is_found_and_the_old_one_is_not_and_one_that_two_have_logs_nobody_in()
    {
        var bob = await Register("bob");
        await Register("eve");

        Assert.Equal("new@example.com", (await _users.SetEmail(bob.Id, "new@example.com", default)).Value.Email);
        Assert.NotNull(_users.FindByEmail("bob@example.com").Refusal);
        Assert.NotNull(await Login("new@example.com", "bob-password"));

        await _users.SetEmail("eve", "new@example.com", default);
        Assert.Null(await Login("new@example.com", "bob-password"));
        Assert.NotNull(await Login("bob", "bob-password"));
    }

    [Fact]
    public async Task A_reset_key_and_a_changed_password_are_void_at_once_however_often_they_were_right_before()
    {
        var bob = await Register("bob");
        var old = (await _users.GetApiKey(bob.Id, default)).Value;
        Assert.NotNull(await Login("bob", old));
        Assert.NotNull(await Login("bob", "bob-password"));

        var renewed = (await _users.ResetApiKey(bob.Id, default)).Value;
        Assert.Null(await Login("bob", old));
        Assert.NotNull(await Login("bob", renewed));
        Assert.NotNull(await Login("bob", "bob-password"));

        await _users.SetPassword("bob", "bob-password-2", default);
        Assert.Null(await Login("bob", "bob-password"));
        Assert.NotNull(await Login("bob", "bob-password-2"));
        Assert.NotNull(await Login("bob", renewed));
        Assert.Equal(renewed, (await _users.GetApiKey(bob.Id, default)).Value);
    }

    [Fact]
    public async Task A_secret_that_was_judged_a_moment_ago_is_judged_again_without_hashing()
    {
        var bob = await Register("bob");
        var key = (await _users.GetApiKey(bob.Id, default)).Value;
        await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Login("bob", "bob-password")));
        await Login("bob", "wrong-password");
        await Login("nobody", "wrong-password");
        var computed = _users.Checker.Computed;
        Assert.Equal(3, computed);

        // the best of some rounds: other specs take the processor too
        var best = double.MaxValue;
        for (var round = 0; round < 5 && best > 250; round++)
        {
            var watch = Stopwatch.StartNew();
            for (var i = 0; i < 1000; i++)
            {
                Assert.NotNull(await Login("bob", "bob-password"));
                Assert.NotNull(await Login("bob", key));
                Assert.Null(await Login("bob", "wrong-password"));
                Assert.Null(await Login("nobody", "wrong-password"));
            }

            best = Math.Min(best, watch.Elapsed.TotalMicroseconds / 4000);
        }

        Assert.Equal(computed, _users.Checker.Computed);
        Assert.InRange(best, 0, 250);
    }

    [Fact]
    public async Task A_flood_of_wrong_passwords_leaves_API_keys_fast_and_can_be_given_up()
    {
        using var givenUp = new CancellationTokenSource();
        var flood = Enumerable.Range(0, 200)
            .Select(i => _users.Authenticate("admin", $"guess {i}", givenUp.Token).AsTask()).ToArray();

        Assert.NotNull(await Login("admin", "VVKGYCC3G4K5G2QM3GLIVTECVSBWWJZD"));
        Assert.Contains(flood, attempt => !attempt.IsCompleted);

        await givenUp.CancelAsync();
        await Task.WhenAll(flood).ContinueWith(_ => { }, TaskScheduler.Default);
        Assert.Contains(flood, attempt => attempt.IsCanceled);
    }

    [Fact]
    public async Task An_imported_user_logs_in_with_the_old_password_and_key_and_is_rehashed_by_it()
    {
        var salt = RandomNumberGenerator.GetBytes(32);
        var hash = SCrypt.Generate(Encoding.UTF8.GetBytes("old-password"), salt, 32768, 8, 1, 32);
        var carol = new User(
            "5f0a8e4e-4a5c-4e0a-9d0a-1d2b3c4d5e6f", "carol", "c@x.org", ImmutableSortedDictionary<string, string>.Empty);
        await _users.Restore(new ImportedUser(carol, PasswordHash.FromScrypt(salt, hash), "any key"), default);

        Assert.Equal(AuthenticationType.ApiKey, (await Login("carol", "any key"))?.Authentication);
        Assert.Null(await Login("carol", "wrong-password"));
        Assert.StartsWith("scrypt$", await StoredPassword("carol"), StringComparison.Ordinal);
        Assert.Equal(AuthenticationType.Password, (await Login("carol", "old-password"))?.Authentication);
        Assert.StartsWith("pbkdf2sha512$210000$", await StoredPassword("carol"), StringComparison.Ordinal);
        Assert.NotNull(await Login("carol", "old-password"));
        Assert.Equal(carol.Id, _users.FindByName("carol")!.Id);
    }

    [Fact]
    public void Hashing_needs_a_password_and_comparing_needs_a_salt()
    {
        Assert.Throws<ArgumentException>(() => PasswordHash.Make(""));
        Assert.Throws<ArgumentException>(() => PasswordHash.FromScrypt([], [1]));
        var hash = PasswordHash.Make("secret-1");
        Assert.Equal((32, 32, 210_000), (hash.Salt.Length, hash.Hash.Length, hash.Cost));
        Assert.True(hash.Matches("secret-1"));
        Assert.False(hash.Matches("secret-2"));
        Assert.True(PasswordHash.Parse(hash.Format()).Matches("secret-1"));
    }

    [Fact]
    public async Task No_secret_stands_in_the_files_in_clear()
    {
        var bob = await Register("bob");
        var key = (await _users.GetApiKey(bob.Id, default)).Value;
        await Database.DisposeAsync();

        foreach (var file in System.IO.Directory.GetFiles(Data.Folder, "*", SearchOption.AllDirectories))
        {
            var text = Encoding.Latin1.GetString(await File.ReadAllBytesAsync(file));
            Assert.DoesNotContain(key, text, StringComparison.Ordinal);
            Assert.DoesNotContain("bob-password", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task With_another_cluster_secret_keys_are_unreadable_passwords_work_and_a_reset_heals()
    {
        var bob = await Register("bob");
        using var other = new SecretBox(RandomNumberGenerator.GetBytes(32));
        await Database.DisposeAsync();
        Database = await Data.Open();
        _users = await Data.OpenUsers(Database, other);

        var refused = (await _users.GetApiKey(bob.Id, default)).Refusal;
        Assert.Equal(
            "The API key of user bob cannot be read with this cluster secret: reset it (ResetApiKey, with the password).",
            refused?.Message);
        Assert.NotNull(await Login("bob", "bob-password"));
        var key = (await _users.ResetApiKey(bob.Id, default)).Value;
        Assert.NotNull(await Login("bob", key));
    }

    private async Task<User> Register(string name) =>
        (await _users.Register(name, $"{name}@example.com", $"{name}-password", default)).Value;

    private Task<Caller?> Login(string reference, string secret) => _users.Authenticate(reference, secret, default).AsTask();

    private async Task<string> StoredPassword(string name) => (await Database.Run(
        s => s.Query("SELECT password FROM users WHERE name = @name", r => r.GetString(0), ("@name", name)), default))[0];

    private async Task Restart()
    {
        await Database.DisposeAsync();
        Database = await Data.Open();
        _users.Dispose();
        _users = await Data.OpenUsers(Database);
    }
}
