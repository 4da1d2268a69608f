using System.Globalization;

namespace Dotmesh.Actors.Storage.Zfs;

/// <summary>
/// Where a stream goes on that broke off: after a commit that came whole, or within one, as a text <c>GUID</c> or <c>GUID-OBJECT-OFFSET-BYTES</c>.
/// </summary>
/// <param name="Guid">Of the commit, by which the pool that sends knows it.</param>
/// <param name="Within">Null: it came whole.</param>
internal sealed record ResumePlace(ulong Guid, StreamPosition? Within)
{
    /// <summary>Null when it is none.</summary>
    public static ResumePlace? TryParse(string text)
    {
        var numbers = new List<ulong>();
        foreach (var part in text.Split('-'))
        {
            if (!ulong.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                return null;
            }

            numbers.Add(number);
        }

        return numbers switch
        {
            [var guid] => new ResumePlace(guid, null),
            [var guid, var at, var offset, var bytes] => new ResumePlace(guid, new StreamPosition(at, offset, bytes)),
            _ => null,
        };
    }

    public override string ToString() => Within is null
        ? string.Create(CultureInfo.InvariantCulture, $"{Guid}")
        : string.Create(CultureInfo.InvariantCulture, $"{Guid}-{Within.Object}-{Within.Offset}-{Within.Bytes}");
}
