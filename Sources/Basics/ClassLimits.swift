/// How many classes there may be, and how long their names. What is made for each pair of classes, and each line that
/// shows a name, stays small within them.
public enum ClassLimits {
    /// The largest number of classes.
    public static let count = 20_000
    /// The largest number of characters in a class's name, a combining mark counted as one of its own.
    public static let nameLength = 200
    /// The largest number of classes of which each two are compared (the grouping term `learned`).
    public static let comparedCount = 2_000

    /// Checks the names of classes.
    ///
    /// - Parameter source: the file that they are from.
    /// - Throws: `FoveaError` of kind `data` that names the source and what is allowed.
    public static func check(_ classes: [String], of source: String) throws {
        guard classes.count <= count else {
            throw FoveaError(
                .data, about: source, "has \(classes.count) classes; allowed are at most \(count)",
                remedy: "If most of its columns are not classes, list the classes in data.classes.")
        }
        if let number = classes.firstIndex(where: isTooLong) {
            let name = classes[number].unicodeScalars
            throw FoveaError(
                .data, at: FilePlace(source),
                "the name of class \(number + 1) has \(name.count) characters, "
                    + "\"\(String(String.UnicodeScalarView(name.prefix(40))))...\"; allowed are at most \(nameLength)",
                remedy: "Give it a short name; a name for people goes into the attributes.")
        }
    }

    /// Whether a name of a class is longer than is allowed.
    ///
    /// Unicode scalars are counted: what looks like one character may be a letter with any number of marks on it.
    public static func isTooLong(_ name: String) -> Bool {
        name.utf8.count > nameLength && name.unicodeScalars.count > nameLength
    }
}
