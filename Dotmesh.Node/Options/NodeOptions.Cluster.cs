namespace Dotmesh.Node.Options;

public sealed record ClusterOptions
{
    [Option("Name or address that other nodes reach this one at.")]
    public string Hostname { get; init; } = "127.0.0.1";

    [Option("Address that the ports for other nodes listen on, where it is not Cluster:Hostname: 0.0.0.0 in a container.")]
    public string BindAddress { get; init; } = "";

    [Option("Port for messages of other nodes; 0 takes any free one, as a node without a cluster does.", Max = 65_535)]
    public int Port { get; init; }

    [Option("Port that other nodes dial, where it is not Cluster:Port: a mapped one.", Max = 65_535)]
    public int PublicPort { get; init; }

    [Option("Nodes to join, HOST:PORT with commas between, besides those that the database names.")]
    public string Seeds { get; init; } = "";

    [Option("Whether traffic between nodes may go over a network in clear, where Tls is not set: yes or no, which warns at every start.")]
    public Answer AcceptPlaintext { get; init; } = Answer.No;

    [Option("A node that is silent towards the database for so long may be replaced.", Unit = "s", Min = 2, Max = 600)]
    public int LeaseSeconds { get; init; } = 6;

    [Option(
        "File with the secret that all nodes of a cluster share; made when missing.",
        Form = OptionForm.Path,
        DefaultFrom = "<Node:DataFolder>/cluster-secret")]
    public string SecretFile { get; init; } = "";
}

public sealed record TransferOptions
{
    [Option("What all transfers of this node together send and receive; 0: as fast as it goes.", Unit = "bytes/s", Max = int.MaxValue)]
    public int MaxBytesPerSecond { get; init; }

    [Option("Transfers that move data at the same time on this node; others wait for their turn.", Min = 1, Max = 1000)]
    public int AtOnce { get; init; } = 8;

    [Option("Authorities whose certificates other clusters may show, besides those of the system; PEM.", Form = OptionForm.Path)]
    public string CaFile { get; init; } = "";
}

public sealed record TlsOptions
{
    [Option("This node's certificate, PEM or PFX; with it traffic between nodes is encrypted and both sides prove who they are.", Form = OptionForm.Path)]
    public string CertificateFile { get; init; } = "";

    [Option("Its private key, PEM; empty: it is in the certificate's file.", Form = OptionForm.Path)]
    public string KeyFile { get; init; } = "";

    [Option("The authority whose nodes are let in, PEM; several during a change of it.", Form = OptionForm.Path)]
    public string CaFile { get; init; } = "";

    [Option("Password of the PFX or of the key.", Secret = true)]
    public string Password { get; init; } = "";

    [Option("File with that password.")]
    public string PasswordFile { get; init; } = "";

    [Option("A node whose certificate has expired is let in for so long more, with errors in every log.", Unit = "days", Max = 3650)]
    public int GraceDays { get; init; } = 30;

    /// <summary>Whether traffic between nodes is encrypted.</summary>
    public bool IsOn => CertificateFile.Length > 0;

    // not the generated one, which would print the password into a log
    public override string ToString() => "TlsOptions";
}
