import Basics
import ConfigurationFile
import Models

/// Where the photographs and labels are, and which of them train.
public struct DataSettings: Sendable, Equatable {
    /// The label table.
    public var table = ""
    /// The image folder.
    public var images = ""
    /// More tables, one for each split, as RFMiD has them; `table` and `images` are then empty.
    public var tables: [TableSettings] = []
    /// The YAML file of class attributes; nil for none.
    public var attributes: String?
    /// The classes to use; empty for those of the attributes or of the table.
    public var classes: [String] = []
    /// The class of images without a finding; nil for one that is called "normal", where there is one.
    public var normal: String?
    /// Whether images have any number of labels or exactly one.
    public var labels = ModelDescription.LabelKind.multi
    /// Rows without an image file.
    public var missing = Refusal.fail
    /// Images that cannot be decoded, in training.
    public var unreadable = Refusal.fail
    /// Which photographs train and which validate.
    public var split = SplitSettings()

    /// What happens to something that cannot be used.
    public enum Refusal: String, Sendable, CaseIterable {
        /// Stop with the list.
        case fail
        /// Leave it out and count it.
        case skip
    }

    /// The defaults.
    public init() {}
}

extension DataSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field(
            "table", \.writtenTable, .optional(.path),
            "CSV file: an image column and one column for each class; 1, 0 or empty (unknown)"),
        Field("images", \.writtenImages, .optional(.path), "Folder of the images"),
        Field("tables", \.tables, .list(.section), "Instead of table and images: one table for each split"),
        Field("attributes", \.attributes, .optional(.path), "YAML file of class attributes: region, feature, ..."),
        Field("classes", \.classes, .list(.text), "Classes to use; empty: those of the attributes, else of the table"),
        Field(
            "normal", \.normal, .optional(.text),
            "Class of images without a finding, never a finding itself; null: one called normal, healthy, no finding or no DR"
        ).unused,
        Field("labels", \.labels, .choice, "Any number of labels per image, or exactly one"),
        Field("missing", \.missing, .choice, "Rows whose image does not exist"),
        Field(
            "unreadable", \.unreadable, .choice, "Training images that cannot be decoded; in evaluation they are errors"
        ),
        Field("split", \.split, .section, "Which images train and which validate"),
    ]

    // Where there are several tables, the one table is null in the file.
    fileprivate var writtenTable: String? {
        get { table.isEmpty ? nil : table }
        set { table = newValue ?? "" }
    }
    fileprivate var writtenImages: String? {
        get { images.isEmpty ? nil : images }
        set { images = newValue ?? "" }
    }

    /// Checks what one key alone cannot know.
    public func validate() throws {
        guard tables.isEmpty || (table.isEmpty && images.isEmpty) else {
            throw FoveaError(.configuration, "both table and tables are given", remedy: "Keep one of them.")
        }
    }
}

/// One table among several.
public struct TableSettings: Sendable, Equatable {
    /// The CSV file.
    public var path = ""
    /// Its image folder.
    public var images = ""
    /// The split it stands for.
    public var split: String?
    /// How files are called, with {ID} for the cell of the image column; nil when the cell is the name.
    public var pattern: String?

    /// The defaults.
    public init() {}

    /// Describes a table.
    public init(path: String, images: String, split: String? = nil, pattern: String? = nil) {
        self.path = path
        self.images = images
        self.split = split
        self.pattern = pattern
    }
}

extension TableSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("path", \.path, .path, required: true, "CSV file"),
        Field("images", \.images, .path, required: true, "Folder of its images"),
        Field("split", \.split, .optional(.text), "The split that the table stands for, such as train"),
        Field(
            "pattern", \.pattern, .optional(.text), "File name with {ID} for the image cell; null: the cell is the name"
        ),
    ]
}

/// How photographs are divided.
public struct SplitSettings: Sendable, Equatable {
    /// The ways.
    public enum Method: String, Sendable, CaseIterable {
        /// By the table's fold column.
        case fold
        /// By the table's split column.
        case column
        /// By Fovea: folds of whole patients, rare classes spread first.
        case make
    }

    /// The way.
    public var method = Method.make
    /// Folds that validate (`fold`, `make`).
    public var validationFolds = [0]
    /// Folds that take no part.
    public var excludedFolds: [Int] = []
    /// The number of folds to make (`make`).
    public var folds = 5
    /// Decides which patients come into which fold (`make`); nil for the run's seed.
    public var seed: Int?
    /// Values of the split column that train (`column`).
    public var training = ["train"]
    /// Values of the split column that validate (`column`).
    public var validation = ["val"]

    /// The defaults.
    public init() {}
}

extension SplitSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("method", \.method, .choice, "By the fold column, by the split column, or made by Fovea"),
        Field("validation_folds", \.validationFolds, .list(.integer(0...999)), "Folds that validate (fold, make)"),
        Field("excluded_folds", \.excludedFolds, .list(.integer(0...999)), "Folds that take no part (fold, make)"),
        Field("folds", \.folds, .integer(2...1000), "Folds to make (make)"),
        Field(
            "seed", \.seed, .optional(.integer(0...1_000_000_000)),
            "Decides who comes into which fold (make); null: the run's seed"),
        Field("training", \.training, .list(.text), "Values of the split column that train (column)"),
        Field("validation", \.validation, .list(.text), "Values of the split column that validate (column)"),
    ]
}
