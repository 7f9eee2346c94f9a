/// The class of images without a finding, where nobody named it.
public enum NormalClass {
    /// What it may be called, in lower case and without what is neither a letter nor a digit.
    private static let names: Set = ["normal", "healthy", "nofinding", "nofindings", "nodr"]

    /// The first class that is called so.
    public static func index(in classes: [String]) -> Int? {
        classes.firstIndex { names.contains($0.lowercased().filter { $0.isLetter || $0.isNumber }) }
    }
}
