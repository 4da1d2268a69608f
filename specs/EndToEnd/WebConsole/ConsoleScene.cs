using Dotmesh.Specs.EndToEnd.Transfers;

namespace Dotmesh.Specs.EndToEnd.WebConsole;

/// <summary>Something to see on every page: dots with branches, a push that came to its end and one that failed, users.</summary>
internal static class ConsoleScene
{
    /// <summary>Path of each page below the console's root, and a text that is there when it is drawn.</summary>
    public static async Task<IReadOnlyList<(string Path, string Shows)>> Make(Side here, Side there)
    {
        await here.Rpc().Call("RegisterNewUser", new { Name = "bob", Email = "bob@example.com", Password = "bob is great" });
        await here.Rpc().Call("SetUserMetadataField", new { Id = "bob", Field = "team", Value = "fruit" });
        foreach (var name in (string[])["apples", "pears", "quinces"])
        {
            await here.Create(name);
        }

        await here.Write("apples", "list", new string('a', 200_000));
        await here.Commit("apples", "Two hundred apples");
        await here.Write("apples", "more", new string('a', 90_000));
        var harvest = await here.Commit("apples", "The whole harvest");
        await here.Branch("apples", "master", "cider", harvest);
        await here.Write("apples", "list", "pressed", "cider");
        await here.Commit("apples", "Pressed", "cider");
        await here.Write("apples", "rest", new string('r', 40_000));
        await here.Rpc().Call("AddCollaborator", new { MasterBranchID = await here.IdOf("apples"), Collaborator = "bob" });
        var push = await here.Begin("push", there, "apples", "apples");
        Side.Finished(await here.Over(push));
        await here.Write("pears", "list", new string('p', 2_000_000));
        await here.Commit("pears", "Ten pears");
        var slow = await here.Begin("push", there, "pears", "pears", bytesPerSecond: 100_000);
        await here.Moving(slow);
        await here.Rpc().Call("CancelTransfer", new { TransferId = slow });
        var bob = (string?)(await here.Rpc().Call("UserFromName", new { Name = "bob" }))!["Id"];
        return
        [
            ("/", "Last commits"), ("/dots", "apples"), ("/dots/admin/apples", "The whole harvest"), ("/operations", "Cancelled by admin."),
            ($"/operations/{push}", "step finished"), ("/nodes", "Drain"), ("/users", "bob@example.com"), ($"/users/{bob}", "team=fruit"),
            ("/settings", "Listen:ReferencePort"), ("/account", "Make a new key"), ("/explorer?method=DotmeshRPC.Commit", "As a command"),
            ("/pull", "Bring a dot from another cluster"), ("/no-such-page", "no such page"),
        ];
    }
}
