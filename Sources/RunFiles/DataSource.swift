import Basics

/// What a command line may name as a data set.
public enum DataSource: Sendable, Equatable {
    /// A configuration, `.yaml` or `.yml`.
    case configuration
    /// A label table.
    case table
    /// A folder with photographs and a label table.
    case folder

    /// Tells by the path's ending and by what is there.
    public init(_ path: String) {
        if [".yaml", ".yml"].contains(where: path.lowercased().hasSuffix) {
            self = .configuration
        } else {
            self = Folder.exists(path) ? .folder : .table
        }
    }
}
