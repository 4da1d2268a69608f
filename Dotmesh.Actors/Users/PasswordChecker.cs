using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;

namespace Dotmesh.Actors.Users;

/// <summary>
/// Checks passwords, which is expensive on purpose, without letting it become the node's main occupation: at most half of the
/// cores compute, the others wait their turn, and an answer is remembered. A password against a stored hash always gives the
/// same answer, so an entry holds for as long as that hash is the user's: changing the password makes it void at once.
/// Secrets are remembered only as tags under a key of this process.
/// </summary>
internal sealed class PasswordChecker : IDisposable
{
    private const int MaxRemembered = 10_000;

    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32);
    private readonly SemaphoreSlim _computing = new(Math.Max(1, Environment.ProcessorCount / 2));

    // apart, so that a flood of wrong passwords cannot push the right ones out
    private readonly ConcurrentDictionary<Tag256, string> _right = new();
    private readonly ConcurrentDictionary<Tag256, string> _wrong = new();

    private readonly string _decoy = new PasswordHash(
        PasswordScheme.Pbkdf2Sha512,
        PasswordHash.Pbkdf2Iterations,
        RandomNumberGenerator.GetBytes(32),
        RandomNumberGenerator.GetBytes(32)).Format();

    private long _computed;

    /// <summary>How often a hash was computed, for the specs.</summary>
    public long Computed => Interlocked.Read(ref _computed);

    /// <summary>What a user's secret is compared and remembered by.</summary>
    public byte[] Tag(string userId, string secret) =>
        HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{userId}\0{secret}"));

    public Task<PasswordHash> Make(string password, CancellationToken ct) => Compute(() => PasswordHash.Make(password), ct);

    /// <summary>A null hash (no such user, no password) takes as long as a wrong password.</summary>
    public async ValueTask<bool> Matches(string? stored, byte[] tag, string password, CancellationToken ct)
    {
        var hash = stored ?? _decoy;
        var key = new Tag256(tag);
        return Remembered(key, hash) ?? await Compute(
            () =>
            {
                // many connections log in at once with one password: the first computes for all
                if (Remembered(key, hash) is { } known)
                {
                    return known;
                }

                Interlocked.Increment(ref _computed);
                var matches = PasswordHash.Parse(hash).Matches(password) && stored is not null;
                Remember(matches ? _right : _wrong, key, hash);
                return matches;
            },
            ct);
    }

    /// <summary>True only when this password was found right before, against this very hash.</summary>
    public bool IsKnownRight(string? stored, byte[] tag) => stored is not null && Remembered(new Tag256(tag), stored) is true;

    public void Dispose() => _computing.Dispose();

    private bool? Remembered(Tag256 key, string hash)
    {
        if (_right.TryGetValue(key, out var right) && right == hash)
        {
            return true;
        }

        return _wrong.TryGetValue(key, out var wrong) && wrong == hash ? false : null;
    }

    private static void Remember(ConcurrentDictionary<Tag256, string> answers, Tag256 key, string hash)
    {
        if (answers.Count >= MaxRemembered)
        {
            answers.Clear();
        }

        answers[key] = hash;
    }

    private async Task<T> Compute<T>(Func<T> work, CancellationToken ct)
    {
        await _computing.WaitAsync(ct);
        try
        {
            return await Task.Run(work, ct);
        }
        finally
        {
            _computing.Release();
        }
    }

    private readonly record struct Tag256(UInt128 High, UInt128 Low)
    {
        public Tag256(byte[] tag)
            : this(BitConverter.ToUInt128(tag, 0), BitConverter.ToUInt128(tag, 16))
        {
        }
    }
}
