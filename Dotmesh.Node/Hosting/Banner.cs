using Dotmesh.Actors.Storage;
using Dotmesh.Node.Options;

namespace Dotmesh.Node.Hosting;

/// <summary>The few lines that a newcomer needs after the start.</summary>
internal static class Banner
{
    public static string Make(
        NodeOptions options, StorageCapabilities storage, PoolInfo pool, (int Reference, int Client) ports, string configFile)
    {
        var host = HostName(options.Listen.Address);
        return $$"""
            Dotmesh node {{pool.Id}} is ready.
              API      http://{{host}}:{{ports.Reference}}/rpc (as documented) and http://{{host}}:{{ports.Client}}/rpc (for dm clients)
              Storage  {{Storage(options.Storage, storage, pool)}}
              API key  in {{configFile}} (user admin; password in admin-password.txt beside it)
            Try:
              curl -s -u "admin:$(jq -r .Remotes.local.ApiKey '{{configFile}}')" -H 'Content-Type: application/json' -d '{"jsonrpc": "2.0", "method": "DotmeshRPC.Ping", "params": {}, "id": 1}' http://{{host}}:{{ports.Reference}}/rpc

            """;
    }

    /// <summary>The address to call from this machine.</summary>
    public static string HostName(string listenAddress) => listenAddress switch
    {
        "0.0.0.0" or "::" or "[::]" or "" => "127.0.0.1",
        var address when address.Contains(':') && !address.StartsWith('[') => $"[{address}]",
        var address => address,
    };

    private static string Storage(StorageOptions options, StorageCapabilities storage, PoolInfo pool)
    {
        var free = $"{pool.FreeBytes / (1024.0 * 1024 * 1024):F1} GiB free";
        return options.Driver == StorageDriver.Zfs
            ? $"ZFS pool {pool.Name} ({storage.Version}, {free}): Storage:Pool names it"
            : $"directory {options.Root} ({free}): no ZFS pool was named (POOL=NAME uses one)";
    }
}
