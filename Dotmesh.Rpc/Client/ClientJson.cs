using System.Text.Json;
using System.Text.Json.Serialization;

namespace Dotmesh.Client;

/// <summary>Every reply, read by generated code; members that are not known here are passed over.</summary>
[JsonSourceGenerationOptions(MaxDepth = 64)]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(string))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(JsonElement))]
[JsonSerializable(typeof(DotBranch))]
[JsonSerializable(typeof(Commit[]))]
[JsonSerializable(typeof(CommitSize[]))]
[JsonSerializable(typeof(Container[]))]
[JsonSerializable(typeof(DotsAndServers))]
[JsonSerializable(typeof(BranchPath))]
[JsonSerializable(typeof(Dictionary<string, Dictionary<string, DotListing>>), TypeInfoPropertyName = "ListingsByName")]
[JsonSerializable(typeof(Dictionary<string, Dictionary<string, DotBranch>>), TypeInfoPropertyName = "MastersByName")]
[JsonSerializable(typeof(Dictionary<string, string[]>), TypeInfoPropertyName = "CommitsByNode")]
[JsonSerializable(typeof(Dictionary<string, string>), TypeInfoPropertyName = "TextByName")]
[JsonSerializable(typeof(ServerVersion))]
[JsonSerializable(typeof(User))]
[JsonSerializable(typeof(User[]))]
[JsonSerializable(typeof(Node[]))]
[JsonSerializable(typeof(ApiKeyReply))]
[JsonSerializable(typeof(Drained))]
[JsonSerializable(typeof(Transfer))]
[JsonSerializable(typeof(TransferEntry[]))]
[JsonSerializable(typeof(LogEntry[]))]
[JsonSerializable(typeof(Setting[]))]
internal sealed partial class ClientJson : JsonSerializerContext;
