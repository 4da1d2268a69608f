using System.Collections.Immutable;
using System.Text;
using Dotmesh.Actors;

namespace Dotmesh.Node.Options;

/// <summary>What people read about options: the help and the list of effective values.</summary>
public static class OptionTexts
{
    private const string Usage =
        """
        Usage: Dotmesh.Node [--config FILE] [--section:name=VALUE ...]
               Dotmesh.Node --cluster-of N [--section:name=VALUE ...]
               Dotmesh.Node --make-certificates FOLDER --hosts a,b,c

        Options come from, later ones winning:
          the defaults below
          a JSON file, {"Listen": {"ClientPort": 32607}}: --config FILE, else node.json in Node:ConfigFolder
          variables, DOTMESH__LISTEN__CLIENTPORT=32607
          variables of the original server, named below where there is one
          the command line, --listen:clientport=32607
        Empty variables count as not set. Upper and lower case are the same.

          --config FILE
              Read this file instead of node.json.
          --help
              Print this text.
          --version
              Print the version.
          --cluster-of N
              Start N nodes on this machine as one cluster, below Node:DataFolder; the ports of each are 10 above those of the one
              before. Without Database:Host a PostgreSQL of its own is run for it.
          --make-certificates FOLDER --hosts a,b,c
              Make certificates for encrypted traffic between nodes: an authority, once, and for each host its certificate and
              key, anew. Files are for their owner alone.

        """;

    /// <summary>Made from the option records.</summary>
    public static string Help()
    {
        var defaults = new NodeOptions();
        var text = new StringBuilder(Usage);
        foreach (var section in OptionTable.All.GroupBy(entry => entry.Section.Name))
        {
            text.Append('\n').Append(section.Key).Append('\n');
            foreach (var entry in section)
            {
                text.Append("  ").Append(entry.Argument).Append('=').Append(Placeholder(entry)).Append('\n');
                text.Append("      ").Append(entry.Option.Help).Append(Notes(entry, defaults)).Append('\n');
            }
        }

        return text.ToString();
    }

    public static string Version() => $"Dotmesh.Node {ProductVersion.Text}\n";

    /// <summary>One line: what is set and by whom, then what is left at its default. Secrets were masked before they came here.</summary>
    public static string Line(ImmutableArray<EffectiveOption> options)
    {
        static string Text(EffectiveOption option) => $"{option.Name}={option.Value}";
        var set = options.Where(option => option.Source != "default").Select(option => $"{Text(option)} ({option.Source})").DefaultIfEmpty("none");
        var defaults = options.Where(option => option.Source == "default").Select(Text);
        return $"Options set: {string.Join(", ", set)}. Defaults: {string.Join(", ", defaults)}";
    }

    private static string Placeholder(OptionEntry entry) => entry.Property.PropertyType switch
    {
        var type when type == typeof(int) => "NUMBER",
        { IsEnum: true } => "NAME",
        _ => entry.Option.Form switch
        {
            OptionForm.Path => "PATH",
            OptionForm.Url => "URL",
            OptionForm.Json => "JSON",
            OptionForm.Address => "ADDRESS",
            _ => "TEXT",
        },
    };

    private static string Notes(OptionEntry entry, NodeOptions defaults)
    {
        var value = entry.Option.DefaultFrom is { Length: > 0 } from ? from : entry.Format(entry.Get(defaults));
        var notes = new List<string>();
        if (value.Length > 0)
        {
            notes.Add($"default {value}");
        }

        if (entry.Option.OriginalVariable.Length > 0)
        {
            notes.Add($"original {entry.Option.OriginalVariable}");
        }

        return notes.Count == 0 ? "" : $" ({string.Join("; ", notes)})";
    }
}
