/// What files of photographs are: the one list for folders, tables, the decoder's messages and the documentation.
public enum PhotographFile {
    /// The endings, in lower case, in the order in which they are tried for a name without one.
    public static let endings = ["png", "jpg", "jpeg", "tif", "tiff", "webp", "jfif", "jpe", "gif"]
    /// The formats that are decoded, whatever a file is called: those of the list in `CVips`.
    public static let decoded = "JPEG, PNG, TIFF, WebP or GIF"
    /// The formats in a sentence.
    public static let sentence = "Photographs are \(decoded) files."
    /// The largest number of bytes in the name of an image in a table, and in what a cell says about it: no path is longer.
    public static let longestName = 4096
}
