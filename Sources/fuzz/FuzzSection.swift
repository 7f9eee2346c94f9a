import ConfigurationFile

/// A configuration with keys of every kind, for fuzzing without the engine that real settings need.
struct FuzzSection: ConfigurationSection, Equatable {
    var seed = 1
    var rate = 0.5
    var flips = true
    var name = "run"
    var folder: String?
    var model = Model()
    var teacher: Model?
    var tables: [Model] = []
    var classes: [String] = []

    static let fields: [Field<Self>] = [
        Field("seed", \.seed, .integer(0...1_000_000_000), "A number"),
        Field("rate", \.rate, .number(above: 0, through: 10), "A rate"),
        Field("flips", \.flips, .flag, "A flag"),
        Field("name", \.name, .text, "A text"),
        Field("output", \.folder, .optional(.path), "A path"),
        Field("model", \.model, .section, "A section"),
        Field("distillation", \.teacher, .optional(.section), "An optional section"),
        Field("tables", \.tables, .list(.section), "A list of sections"),
        Field("classes", \.classes, .list(.text), "A list of texts"),
    ]

    struct Model: ConfigurationSection, Equatable {
        enum Kind: String, Sendable, CaseIterable {
            case resnet18
            case resnet50
        }
        var kind = Kind.resnet18
        var dropout = 0.2
        var folds: [Int] = []

        static let fields: [Field<Self>] = [
            Field("architecture", \.kind, .choice, "A choice"),
            Field("dropout", \.dropout, .number(from: 0, below: 1), "A number"),
            Field("folds", \.folds, .list(.integer(0...999)), "A list of numbers"),
        ]
    }
}
