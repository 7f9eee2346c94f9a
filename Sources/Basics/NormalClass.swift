/// The class of images without a finding, where nobody named it.
public enum NormalClass {
    /// What it may be called, in lower case and without what is neither a letter nor a digit.
    private static let names: Set = ["normal", "healthy", "nofinding", "nofindings", "nodr"]

    /// The first class that is called so, or else has such a title.
    public static func index(in classes: [String], titles: [String]) -> Int? {
        func first(_ texts: [String]) -> Int? {
            texts.firstIndex { names.contains($0.lowercased().filter { $0.isLetter || $0.isNumber }) }
        }
        return first(classes) ?? first(titles)
    }
}
