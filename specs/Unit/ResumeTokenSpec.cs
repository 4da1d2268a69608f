using Dotmesh.Actors.Storage.Zfs;
using Xunit;

namespace Dotmesh.Specs.Unit;

/// <summary>Tokens that OpenZFS 2.1 made, and what its <c>zfs send -nvt</c> told of them.</summary>
public sealed class ResumeTokenSpec
{
    private const string Full = "1-9c022b772-b8-789c636064000310a500c4ec50360710e72765a52697303030419460caa7a515a7968064dae0f26c48f2499525a9c540fa4"
        + "14c0756fd25f9e9a599290c0c375456e4f3b2f1306920c97382e5f312735319180af2f373f4131df2f35219e00000223d157c";

    private const string Incremental = "1-c813314e9-e0-789c636064000310a501c49c50360710a715e5e7a69766a6304081c594dc70c9771bc515806c762475f94959a9c9250c0ccc"
        + "507518f26969c5a92520992970793624f9a4ca92d462201d903a0dabfe927c882b76fd3fb9f7ce467e5e0d24794eb07c5e626e2a0343417e7e8e7ea2434946516a2acccd0"
        + "0971f1f92";

    private static readonly ResumeToken FullToken = new("pool/a@one", 0x20c060d6fa824d8, null, new StreamPosition(2, 0x860000, 0x885ce0));

    private static readonly ResumeToken IncrementalToken = new(
        "pool/a@three", 0xd0fb1dcbdc9ffba, 0x17b1ee19576d9438, new StreamPosition(3, 0x940000, 0x966550));

    [Fact]
    public void A_token_says_how_far_the_stream_came()
    {
        Assert.Equal(FullToken, ResumeToken.TryRead(Full));
        Assert.Equal(IncrementalToken, ResumeToken.TryRead(Incremental));
    }

    [Theory]
    [InlineData("-")]
    [InlineData("")]
    [InlineData("2-0-0-00")]
    [InlineData("1-9c022b772-b8-789c63606400")]
    [InlineData("1-9c022b772-b8-xyz")]
    [InlineData("1-9c022b772-ffffffff-789c636064000310a500c4ec50360710e7")]
    public void What_is_none_is_told_apart(string text) => Assert.Null(ResumeToken.TryRead(text));

    [Fact]
    public void A_token_cut_anywhere_is_none()
    {
        for (var length = 0; length < Incremental.Length; length++)
        {
            var read = ResumeToken.TryRead(Incremental[..length]);
            Assert.True(read is null || read == IncrementalToken, $"of {length} characters: {read}");
        }
    }

    [Theory]
    [InlineData("1844674407370955161")]
    [InlineData("7-1-2-3")]
    public void A_place_is_written_as_it_is_read(string place) => Assert.Equal(place, $"{ResumePlace.TryParse(place)}");

    [Theory]
    [InlineData("")]
    [InlineData("nowhere")]
    [InlineData("1-2")]
    [InlineData("1-2-3-4-5")]
    [InlineData("1-2-3-x")]
    [InlineData("99999999999999999999")]
    [InlineData("-1")]
    public void Other_texts_are_no_place(string text) => Assert.Null(ResumePlace.TryParse(text));
}
