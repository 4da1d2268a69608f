using Dotmesh.Specs.EndToEnd.Behaviours;
using Dotmesh.Specs.Support;
using Xunit;

namespace Dotmesh.Specs.EndToEnd;

/// <summary>Which containers use a dot. No container can use one yet; shape, rights and errors are there.</summary>
public sealed class RpcContainersSpec(BehaviourNode node) : IClassFixture<BehaviourNode>
{
    private const string None = "[]";

    private readonly RpcUser _alice = node.Alice;
    private readonly RpcUser _bob = node.Bob;

    [Fact]
    public async Task ListWithContainers_is_List_with_the_containers_of_each_dot()
    {
        await _alice.Init("alice/listed");
        await _bob.Init("bob/other");

        var listed = (await _alice.Result("ListWithContainers")).EnumerateObject().Single();

        Assert.Equal("alice", listed.Name);
        var entry = listed.Value.GetProperty("listed");
        Assert.Equal(["Volume", "Containers"], entry.EnumerateObject().Select(member => member.Name));
        var volume = (await _alice.Listed("alice/listed"))!.Value;
        Assert.Equal(await _alice.Lookup("alice/listed"), entry.GetProperty("Volume").GetProperty("Id").GetString());
        Assert.Equal(
            volume.EnumerateObject().Select(member => member.Name),
            entry.GetProperty("Volume").EnumerateObject().Select(member => member.Name));
        Assert.Equal(None, entry.GetProperty("Containers").GetRawText());
    }

    [Fact]
    public async Task Containers_of_a_dot_are_told_by_name_and_by_id_to_whoever_may_use_it()
    {
        await _alice.Init("alice/used");
        var id = await _alice.Lookup("alice/used");

        Assert.Equal(None, (await _alice.Result("Containers", RpcUser.Triple("alice/used"))).GetRawText());
        Assert.Equal(None, (await _alice.Result("ContainersById", id)).GetRawText());
        Assert.Equal("Permission denied.", await _bob.Error("Containers", RpcUser.Triple("alice/used")));
        Assert.Equal("Permission denied.", await _bob.Error("ContainersById", id));
        Assert.Equal("No such filesystem named 'alice/none'", await _alice.Error("Containers", RpcUser.Triple("alice/none")));
        Assert.Equal(None, (await _alice.Result("ContainersById", "00000000-0000-4000-8000-000000000000")).GetRawText());
    }
}
