using Dotmesh.Specs.Support;
using k8s.Models;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>What <c>kubectl apply</c> would refuse, and what it would take and nobody wants.</summary>
public sealed class KubernetesManifestsSpec
{
    private const string Namespace = "dotmesh";

    private readonly KubernetesManifests _manifests = new();

    [SkippableFact]
    public void Every_manifest_is_what_the_API_knows_and_the_kustomization_lists_it()
    {
        var kustomization = _manifests.Kustomization;

        Assert.Equal(("kustomize.config.k8s.io/v1beta1", "Kustomization", Namespace), (kustomization.ApiVersion, kustomization.Kind, kustomization.Namespace));
        Assert.Equal(_manifests.Texts.Keys.Order(StringComparer.Ordinal), kustomization.Resources.Order(StringComparer.Ordinal));
        Assert.Equal(Namespace, Assert.Single(_manifests.All<V1Namespace>()).Metadata.Name);
        Assert.All(_manifests.Objects.Where(one => one is not V1Namespace), one => Assert.Equal(Namespace, one.Metadata.NamespaceProperty));
        Assert.Equal(
            _manifests.Objects.Count,
            _manifests.Objects.Select(one => (one.Kind, one.Metadata.Name)).Distinct().Count());
    }

    [SkippableTheory]
    [InlineData("readinessProbe:", "readynessProbe:", "readynessProbe")]
    [InlineData("fsGroupChangePolicy:", "fsgroupChangePolicy:", "fsgroupChangePolicy")]
    [InlineData("podManagementPolicy: Parallel", "terminationGracePeriodSeconds: 45", "terminationGracePeriodSeconds")]
    [InlineData("kind: StatefulSet", "kind: StatefulSat", "apps/v1/StatefulSat")]
    [InlineData("apiVersion: apps/v1", "apiVersion: apps/v1beta9", "apps/v1beta9/StatefulSet")]
    [InlineData("replicas: 3", "replicas: three", "three")]
    [InlineData("replicas: 3", "replicas: 3\n  replicas: 4", "replicas")]
    [InlineData("storage: 20Gi", "storage: 20Gigs", "quantity")]
    [InlineData("value: \"32609\"", "value: 32609", "value is a text")]
    [InlineData("app.kubernetes.io/component: node", "app.kubernetes.io/component: yes", "component is a text")]
    public void A_manifest_with_a_slip_is_refused(string right, string slip, string named)
    {
        var text = _manifests.Texts["nodes.yaml"];
        Assert.Contains(right, text, StringComparison.Ordinal);

        var refused = Record.Exception(() => KubernetesManifests.Parse(text.Replace(right, slip, StringComparison.Ordinal)));

        Assert.NotNull(refused);
        Assert.Contains(named, $"{refused.Message} {refused.InnerException?.Message}", StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_image_of_the_nodes_is_of_this_version()
    {
        using var folder = new ScratchFolder();
        var image = Assert.Single(_manifests.Kustomization.Images);
        var pod = _manifests.Nodes.Spec.Template.Spec;

        Assert.All(pod.Containers.Concat(pod.InitContainers), container => Assert.Equal(image.Name, container.Image));
        Assert.Contains($"<Version>{image.NewTag}</Version>", File.ReadAllText(folder.Checkout("Directory.Build.props")), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void The_service_is_where_the_reference_says()
    {
        var service = _manifests.One<V1Service>("dotmesh");

        Assert.Null(service.Spec.Type);
        Assert.Equal([("api", 6969), ("clients", 32607)], service.Spec.Ports.Select(port => (port.Name, port.Port)));
        Assert.Equal([6969, 32607], service.Spec.Ports.Select(port => ContainerPort(Selected(service.Spec.Selector), port.TargetPort)));
    }

    [SkippableFact]
    public void Each_selector_finds_the_pods_that_it_means()
    {
        Assert.All(_manifests.All<V1StatefulSet>(), set => Assert.Same(set, Selected(set.Spec.Selector.MatchLabels)));
        Assert.Equal(_manifests.Nodes, Selected(_manifests.One<V1Service>("dotmesh").Spec.Selector));
        Assert.Equal(_manifests.Nodes, Selected(_manifests.One<V1Service>("dotmesh-nodes").Spec.Selector));
        Assert.Equal("database", Selected(_manifests.One<V1Service>("database").Spec.Selector).Metadata.Name);
        Assert.Equal(_manifests.Nodes, Selected(_manifests.One<V1PodDisruptionBudget>("dotmesh").Spec.Selector.MatchLabels));
        var apart = Assert.Single(_manifests.Nodes.Spec.Template.Spec.Affinity.PodAntiAffinity.PreferredDuringSchedulingIgnoredDuringExecution);
        Assert.Equal(_manifests.Nodes, Selected(apart.PodAffinityTerm.LabelSelector.MatchLabels));
    }

    [SkippableFact]
    public void Each_port_that_is_named_is_one_of_the_pods()
    {
        Assert.All(
            _manifests.All<V1Service>().SelectMany(service => service.Spec.Ports.Select(port => (service, port))),
            each => Assert.Equal(each.port.Port, ContainerPort(Selected(each.service.Spec.Selector), each.port.TargetPort)));
        Assert.All(
            _manifests.All<V1NetworkPolicy>().SelectMany(
                policy => policy.Spec.Ingress.SelectMany(rule => rule.Ports), (policy, port) => (policy, port)),
            each => Assert.NotEqual(0, ContainerPort(Selected(each.policy.Spec.PodSelector.MatchLabels), each.port.Port)));
        Assert.All(
            _manifests.All<V1StatefulSet>().SelectMany(set => set.Spec.Template.Spec.Containers.SelectMany(Probes), (set, probe) => (set, probe)),
            each => Assert.True(each.probe.Exec is not null
                || ContainerPort(each.set, each.probe.HttpGet?.Port ?? each.probe.TcpSocket.Port) > 0));
    }

    [SkippableFact]
    public void Only_nodes_reach_the_database_and_what_nodes_say_to_each_other()
    {
        var open = _manifests.All<V1NetworkPolicy>().SelectMany(
            policy => policy.Spec.Ingress,
            (policy, rule) => (
                To: Selected(policy.Spec.PodSelector.MatchLabels).Metadata.Name,
                From: rule.FromProperty is null ? "all" : Selected(Assert.Single(rule.FromProperty).PodSelector.MatchLabels).Metadata.Name,
                Ports: string.Join(' ', rule.Ports.Select(port => port.Port.Value))));

        Assert.Equal(
            [("dotmesh", "all", "api clients"), ("dotmesh", "dotmesh", "streams messages"), ("database", "dotmesh", "postgres")],
            open);
        Assert.All(_manifests.All<V1NetworkPolicy>(), policy => Assert.Equal(["Ingress"], policy.Spec.PolicyTypes));
    }

    [SkippableFact]
    public void A_node_has_a_name_before_it_is_ready()
    {
        var names = _manifests.One<V1Service>(_manifests.Nodes.Spec.ServiceName);

        Assert.Equal(("None", true), (names.Spec.ClusterIP, names.Spec.PublishNotReadyAddresses));
        Assert.Equal("Parallel", _manifests.Nodes.Spec.PodManagementPolicy);
    }

    [SkippableFact]
    public void A_node_is_asked_on_its_health_pages_and_has_time_to_hand_over()
    {
        using var folder = new ScratchFolder();
        var pod = _manifests.Nodes.Spec.Template.Spec;
        var node = Assert.Single(pod.Containers);

        Assert.Equal(
            ["/health/live", "/health/ready", "/health/live"],
            new[] { node.StartupProbe, node.ReadinessProbe, node.LivenessProbe }.Select(probe => probe.HttpGet.Path));
        Assert.All(
            Probes(node), probe => Assert.Contains($"case \"{probe.HttpGet.Path}\":", File.ReadAllText(folder.Checkout("Dotmesh.Rpc/Http/InfoPages.cs")), StringComparison.Ordinal));
        Assert.Contains(
            $"stop_grace_period: {pod.TerminationGracePeriodSeconds}s", File.ReadAllText(folder.Checkout("docker-compose.yml")), StringComparison.Ordinal);
    }

    [SkippableFact]
    public void No_container_may_do_more_than_it_needs()
    {
        var pods = _manifests.All<V1StatefulSet>().Select(set => set.Spec.Template.Spec).ToList();

        Assert.Equal(2, pods.Count);
        Assert.Equal("restricted", Assert.Single(_manifests.All<V1Namespace>()).Metadata.Labels["pod-security.kubernetes.io/enforce"]);
        Assert.Equal((1654, 1654), (_manifests.Nodes.Spec.Template.Spec.SecurityContext.RunAsUser, _manifests.Nodes.Spec.Template.Spec.SecurityContext.FsGroup));
        Assert.All(pods, pod =>
        {
            // variables made of services begin with DOTMESH_, which a node has its own ideas about
            Assert.Equal((false, false), (pod.AutomountServiceAccountToken, pod.EnableServiceLinks));
            Assert.Equal((true, "RuntimeDefault"), (pod.SecurityContext.RunAsNonRoot, pod.SecurityContext.SeccompProfile.Type));
            // anything else sets the modes of files in dots, and of PostgreSQL's folder, at each mount
            Assert.Equal("OnRootMismatch", pod.SecurityContext.FsGroupChangePolicy);
            Assert.Equal(pod.SecurityContext.RunAsUser, pod.SecurityContext.FsGroup);
            Assert.All(pod.Containers.Concat(pod.InitContainers ?? []), container =>
            {
                Assert.Equal(
                    (false, true), (container.SecurityContext.AllowPrivilegeEscalation, container.SecurityContext.ReadOnlyRootFilesystem));
                Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
                Assert.NotEmpty(container.Resources.Requests);
            });
        });
    }

    [SkippableFact]
    public void Each_volume_is_mounted_and_each_mount_has_a_volume() => Assert.All(_manifests.All<V1StatefulSet>(), set =>
    {
        var pod = set.Spec.Template.Spec;
        var volumes = pod.Volumes.Select(volume => volume.Name).Concat(set.Spec.VolumeClaimTemplates.Select(claim => claim.Metadata.Name));
        var mounts = pod.Containers.SelectMany(container => container.VolumeMounts).Select(mount => mount.Name);

        Assert.Equal(volumes.Order(StringComparer.Ordinal), mounts.Distinct().Order(StringComparer.Ordinal));
        Assert.All(
            pod.Volumes.Where(volume => volume.Secret is not null),
            // 0400; the group is given it too by fsGroup
            volume => Assert.Equal(256, volume.Secret.DefaultMode));
    });

    private static IEnumerable<V1Probe> Probes(V1Container container) => [container.StartupProbe, container.ReadinessProbe, container.LivenessProbe];

    /// <summary>0: there is none.</summary>
    private static int ContainerPort(V1StatefulSet set, IntOrString name) =>
        set.Spec.Template.Spec.Containers.SelectMany(container => container.Ports).SingleOrDefault(port => port.Name == name.Value)?.ContainerPort ?? 0;

    /// <summary>The one set whose pods have these labels.</summary>
    private V1StatefulSet Selected(IDictionary<string, string> labels) => Assert.Single(
        _manifests.All<V1StatefulSet>(),
        set => labels.Count > 0 && labels.All(label => set.Spec.Template.Metadata.Labels.TryGetValue(label.Key, out var value) && value == label.Value));
}
