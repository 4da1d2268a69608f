namespace Dotmesh.Node.Options;

public sealed record DockerOptions
{
    [Option("Whether this node serves the container engine of its host, with dots as volumes: yes or no.")]
    public Answer Plugin { get; init; } = Answer.No;

    [Option("Socket that the engine finds the volume plugin by; its file name is the driver's name.", Form = OptionForm.Path)]
    public string PluginSocket { get; init; } = "/run/docker/plugins/dm.sock";

    [Option("What the engine calls the volume plugin, where that is not the file name of its socket: a managed plugin's name with its tag. Mounts are answered without links then.")]
    public string Driver { get; init; } = "";

    [Option("Socket of the engine: Docker's, or podman's compatible one.", Form = OptionForm.Path)]
    public string EngineSocket { get; init; } = "/var/run/docker.sock";

    [Option(
        "While the node starts the engine is refused at once, or after this long where the engine starts the node: it asks once then, and leaves "
        + "containers stopped that it was refused.",
        Unit = "s",
        Max = 50)]
    public int StartWaitSeconds { get; init; }

    [Option("A container that has to be stopped for a rollback is given this long to end by itself.", Unit = "s", Max = 600)]
    public int StopSeconds { get; init; } = 10;
}
