/// Numbers and names in messages.
public enum Pluralization {
    /// A number with its noun: "1 image", "2 images". `several` is for nouns that do more than add an s.
    public static func count(_ number: Int, _ one: String, _ several: String? = nil) -> String {
        "\(number) " + (number == 1 ? one : several ?? one + "s")
    }

    /// The first names and how many more there are: "a, b and 3 more".
    public static func listing(_ names: [String], limit: Int = 10) -> String {
        let shown = names.prefix(limit).map(Printable.line).joined(separator: ", ")
        return names.count > limit ? shown + " and \(names.count - limit) more" : shown
    }
}
