using System.Text.RegularExpressions;
using Dotmesh.Actors;
using Dotmesh.Actors.Trust;
using Dotmesh.Actors.Users;
using Dotmesh.Node.Options;
using Dotmesh.Specs.Support;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What the manifests mount, what <c>make-secrets.sh</c> makes and what a node reads are the same.</summary>
[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed partial class KubernetesSecretsSpec : IDisposable
{
    private readonly KubernetesManifests _manifests = new();
    private readonly MadeSecrets _secrets = new();

    public void Dispose() => _secrets.Dispose();

    [SkippableFact]
    public async Task The_script_makes_the_keys_of_the_reference_and_all_that_is_mounted()
    {
        await Made();

        Assert.Equal(["dotmesh", "dotmesh-certificates", "dotmesh-cluster"], _secrets.All.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(["dotmesh-admin-password.txt", "dotmesh-api-key.txt"], _secrets.All["dotmesh"].Keys.Order(StringComparer.Ordinal));
        Assert.DoesNotContain("ca-key.pem", _secrets.All["dotmesh-certificates"].Keys);
        Assert.All(_manifests.All<V1StatefulSet>().SelectMany(set => set.Spec.Template.Spec.Volumes).Where(volume => volume.Secret is not null), volume =>
        {
            var made = Assert.Contains(volume.Secret.SecretName, _secrets.All);
            Assert.All(volume.Secret.Items ?? [], item => Assert.Contains(item.Key, made));
        });
        // all other ways to name one
        Assert.DoesNotContain(_manifests.Texts.Values, text => text.Contains("secretKeyRef", StringComparison.Ordinal)
            || text.Contains("envFrom", StringComparison.Ordinal) || text.Contains("configMap", StringComparison.Ordinal));
    }

    [SkippableFact]
    public async Task Each_node_starts_with_the_options_and_the_files_that_its_pod_has()
    {
        await Made();
        var secrets = _secrets.All;
        var database = _manifests.One<V1StatefulSet>("database").Spec.Template.Spec.Containers.Single();

        foreach (var pod in Pods())
        {
            var environment = Environment(pod);
            var loaded = NodeOptions.Load([], environment, path => Mounted(_manifests.Nodes, path, secrets));
            Assert.False(loaded is OptionsResult.Refused, loaded is OptionsResult.Refused refused ? string.Join('\n', refused.Errors) : "");
            var options = Assert.IsType<OptionsResult.Loaded>(loaded).Options;

            Assert.Equal($"{pod}.{_manifests.Nodes.Spec.ServiceName}", options.Cluster.Hostname);
            Assert.Equal(
                (secrets["dotmesh"]["dotmesh-admin-password.txt"].Trim(), secrets["dotmesh"]["dotmesh-api-key.txt"].Trim()),
                (options.Admin.InitialPassword, options.Admin.InitialApiKey));
            Assert.Null(Credentials.PasswordFault(options.Admin.InitialPassword));
            Assert.Equal(
                [("api", options.Listen.ReferencePort), ("clients", options.Listen.ClientPort), ("streams", options.Listen.NodePort), ("messages", options.Cluster.Port)],
                _manifests.Nodes.Spec.Template.Spec.Containers.Single().Ports.Select(port => (port.Name, port.ContainerPort)));
            Assert.Equal(
                (options.Database.Host, options.Database.Port),
                (_manifests.One<V1Service>("database").Metadata.Name, _manifests.One<V1Service>("database").Spec.Ports.Single().Port));
            Assert.Equal(
                (options.Database.Name, options.Database.User),
                (database.Env.Single(one => one.Name == "POSTGRES_DB").Value, database.Env.Single(one => one.Name == "POSTGRES_USER").Value));
            Assert.All(environment.Values.Where(value => value.StartsWith("/secrets/", StringComparison.Ordinal)), path =>
                Assert.False(Mounted(_manifests.Nodes, path, secrets).Refused(out _), path));
        }

        var password = database.Env.Single(one => one.Name == "POSTGRES_PASSWORD_FILE").Value;
        Assert.Equal(secrets["dotmesh-cluster"]["database-password"], Mounted(_manifests.One<V1StatefulSet>("database"), password, secrets).Value);
    }

    [SkippableFact]
    public async Task Nodes_trust_each_others_certificates_and_share_a_secret()
    {
        await Made();
        var certificates = Pods().Select(pod => NodeCertificate.Read(new CertificateFiles(
            KeptFile($"{pod}.pem"), KeptFile($"{pod}-key.pem"), KeptFile("ca.pem"), "")).Value).ToList();
        var now = TimeProvider.System.GetUtcNow();

        foreach (var judge in certificates.Select(one => new CertificateJudge(one, TimeSpan.Zero, TimeProvider.System, NullLogger<CertificateJudge>.Instance)))
        {
            Assert.All(certificates, other => Assert.Equal(new CertificateVerdict(true, null), judge.Judge(other.Own, dialled: false)));
        }

        Assert.All(certificates, one => Assert.InRange(one.ExpiresAt - now, TimeSpan.FromDays(700), TimeSpan.FromDays(731)));
        SecretBox.Open(KeptFile("cluster-secret")).Dispose();
        certificates.ForEach(one => one.Dispose());
    }

    [SkippableFact]
    public async Task No_value_is_an_argument_of_a_program_and_all_files_are_their_owners()
    {
        await Made();
        var arguments = _secrets.Arguments;
        var values = _secrets.All.Values.SelectMany(secret => secret.Values)
            .SelectMany(value => value.Split('\n', StringSplitOptions.RemoveEmptyEntries)).Where(line => !line.StartsWith("-----", StringComparison.Ordinal)).ToList();

        Assert.Contains("openssl rand", arguments, StringComparison.Ordinal);
        Assert.InRange(values.Count, 20, 200);
        Assert.DoesNotContain(values, value => arguments.Contains(value, StringComparison.Ordinal));
        Assert.All(Directory.GetFiles(_secrets.Kept()), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
        Assert.Empty(Directory.GetDirectories(_secrets.Kept()));
    }

    [SkippableFact]
    public async Task A_second_run_changes_nothing_but_what_was_changed_or_removed_in_the_folder()
    {
        await Made();
        var before = _secrets.All;
        await File.WriteAllTextAsync(KeptFile("dotmesh-api-key.txt"), "another key\n");
        File.Delete(KeptFile("dotmesh-1.pem"));

        await Made("5");

        var changed = _secrets.All.SelectMany(secret => secret.Value.Where(
            pair => before[secret.Key].GetValueOrDefault(pair.Key) != pair.Value).Select(pair => pair.Key));
        Assert.Equal(
            [
                "dotmesh-1-key.pem", "dotmesh-1.pem", "dotmesh-3-key.pem", "dotmesh-3.pem", "dotmesh-4-key.pem", "dotmesh-4.pem",
                "dotmesh-api-key.txt",
            ],
            changed.Order(StringComparer.Ordinal));
    }

    [SkippableFact]
    public async Task A_cluster_that_runs_is_not_given_the_values_of_another_folder()
    {
        await Made();
        var before = _secrets.All;

        var refused = await _secrets.Make("other");

        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("the secret dotmesh is there and ", refused.Errors, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_secrets.Kept("other")));
        Assert.Equal(before["dotmesh"], _secrets.All["dotmesh"]);
        File.Delete(KeptFile("ca-key.pem"));
        Assert.Contains("has no ca-key.pem", (await _secrets.Make()).Errors, StringComparison.Ordinal);
    }

    private async Task Made(params string[] more)
    {
        var result = await _secrets.Make("kept", more);
        Assert.True(result.ExitCode == 0, result.ToString());
    }

    private string KeptFile(string name) => Path.Combine(_secrets.Kept(), name);

    private IEnumerable<string> Pods() => Enumerable.Range(0, _manifests.Nodes.Spec.Replicas!.Value).Select(number => $"{_manifests.Nodes.Metadata.Name}-{number}");

    /// <summary>The image's variables and the pod's.</summary>
    private Dictionary<string, string> Environment(string pod)
    {
        using var folder = new ScratchFolder();
        var all = ImageVariable().Matches(File.ReadAllText(folder.Checkout("Dotmesh.Node/Dockerfile")))
            .ToDictionary(match => match.Groups["name"].Value, match => match.Groups["value"].Value, StringComparer.Ordinal);
        Assert.Contains("HOME", all);
        foreach (var variable in _manifests.Nodes.Spec.Template.Spec.Containers.Single().Env)
        {
            all[variable.Name] = variable.ValueFrom?.FieldRef.FieldPath == "metadata.name"
                ? pod
                : variable.Value.Replace("$(POD_NAME)", all.GetValueOrDefault("POD_NAME", "$(POD_NAME)"), StringComparison.Ordinal);
        }

        return all;
    }

    /// <summary>The file as the only container of these pods sees it.</summary>
    private static Outcome<string> Mounted(V1StatefulSet set, string path, IReadOnlyDictionary<string, IReadOnlyDictionary<string, string>> secrets)
    {
        var pod = set.Spec.Template.Spec;
        var found =
            from mount in pod.Containers.Single().VolumeMounts
            where path.StartsWith(mount.MountPath + "/", StringComparison.Ordinal)
            from volume in pod.Volumes
            where volume.Name == mount.Name && volume.Secret is not null
            let file = path[(mount.MountPath.Length + 1)..]
            let key = volume.Secret.Items is { } items ? items.SingleOrDefault(item => item.Path == file)?.Key ?? "" : file
            select secrets[volume.Secret.SecretName].GetValueOrDefault(key);
        return found.FirstOrDefault() is { } value ? value : new Refusal(RefusalCode.NotFound, $"there is no file {path}");
    }

    [GeneratedRegex(@"\b(?<name>HOME|DOTMESH__\w+)=(?<value>\S+)", RegexOptions.None, 1000)]
    private static partial Regex ImageVariable();
}
