import Basics
import Cohorts
import ConfigurationFile
import FundusImaging

/// What `fovea compare` runs: every technique in every arm, on every data set, fold and seed.
public struct ComparisonSettings: Sendable, Equatable {
    /// The kinds of run that a technique is compared in.
    public enum Arm: String, Sendable, CaseIterable {
        /// The technique alone.
        case plain
        /// The technique alone at several resolutions: what more pixels are worth, a control for everything that looks closer.
        case ladder
        /// The technique alone, trained for as long as all of RSKD takes.
        case plainLong = "plain_long"
        /// The technique alone, for as long as is best on an inner split of the training patients.
        case bestLong = "best_long"
        /// The plain model and the teachers of the groupings as one model, without a student.
        case committee
        /// The same with as many networks of all classes that see the whole image.
        case single
        /// The same with the windows of the regions exchanged.
        case wrongWindows = "wrong_windows"
        /// With teachers of the groupings.
        case rskd
        /// The students of `rskd` without what teachers say.
        case untaught
        /// With teachers of the same groupings, classes exchanged within shot groups.
        case random
        /// With as many teachers of all classes.
        case ensemble
    }

    /// The data sets.
    public var datasets: [ComparedDataset] = []
    /// The techniques.
    public var techniques: [ComparedTechnique] = []
    /// What each technique is run in.
    public var arms: [Arm] = [.plain, .plainLong, .rskd, .random]
    /// The groupings of all arms with teachers; the first one's cost decides how long `plain_long` trains.
    public var groupings = ["region"]
    /// The sides of the images of `ladder`.
    public var ladder = [64, 96, 128, 160, 192]
    /// How many shuffles of each grouping.
    public var randomDraws = 1
    /// The seeds.
    public var seeds = [0]
    /// Settings for every run, written as for `--set`.
    public var settings: [String] = []
    /// The folder of the comparison.
    public var output = "runs/comparison"
    /// Where finished stages are kept; nil: in the folder of the comparison.
    public var stages: String?
    /// Rounds of the bootstrap.
    public var bootstrap = 1000
    /// Positive patients that a class needs for an interval.
    public var minimumPositivePatients = 10

    /// The defaults.
    public init() {}
}

/// A data set of a comparison.
public struct ComparedDataset: Sendable, Equatable {
    /// What to call it.
    public var name = ""
    /// A configuration of `fovea train`: data, network, recipe, and how to distil.
    public var configuration = ""
    /// Settings for its runs, written as for `--set`.
    public var settings: [String] = []
    /// The folds that validate, each in runs of its own; empty: the split of the configuration.
    public var folds: [Int] = []
    /// Folds that take no part.
    public var excludedFolds: [Int] = []

    /// The defaults.
    public init() {}
}

/// A technique of a comparison.
public struct ComparedTechnique: Sendable, Equatable {
    /// What to call it.
    public var name = ""
    /// What makes it, written as for `--set`.
    public var settings: [String] = []

    /// The defaults.
    public init() {}
}

extension ComparisonSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("datasets", \.datasets, .list(.section, count: 1...100), required: true, "The data sets"),
        Field("techniques", \.techniques, .list(.section, count: 1...100), required: true, "The techniques"),
        Field("arms", \.arms, .list(.choice, count: 1...Arm.allCases.count), "What each technique is run in"),
        Field(
            "groupings", \.groupings, .list(.text, count: 1...20),
            "Groupings of committee, rskd, random and ensemble; plain_long trains for as long as RSKD with the first"),
        Field(
            "ladder", \.ladder, .list(.integer(ImageSettings.resolutions), count: 1...20),
            "ladder: the values of image.resolution"),
        Field("random_draws", \.randomDraws, .integer(1...100), "random: shuffles of each grouping"),
        Field("seeds", \.seeds, .list(.integer(0...1_000_000_000), count: 1...1000), "The seeds"),
        Field("set", \.settings, .list(.text), "Settings for every run, such as training.epochs=5"),
        Field("output", \.output, .path, "The folder of the comparison"),
        Field(
            "stages", \.stages, .optional(.path),
            "Folder of finished plain models, teachers and view banks; null: in the folder of the comparison"),
        Field("bootstrap", \.bootstrap, .integer(1...1_000_000), "Rounds over patients"),
        Field(
            "minimum_positive_patients", \.minimumPositivePatients, .integer(1...1_000_000),
            "Positive patients that a class needs for an interval"),
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws {
        try Self.requireNames(datasets.map(\.name), key: "datasets")
        try Self.requireNames(techniques.map(\.name), key: "techniques")
        try Self.requireDifferent(arms.map(\.rawValue), key: "arms")
        try Self.requireDifferent(groupings.map(Self.inOrder), key: "groupings")
        try Self.requireDifferent(seeds.map(String.init), key: "seeds")
        try Self.requireDifferent(ladder.map(String.init), key: "ladder")
        for dataset in datasets { try Self.requireDifferent(dataset.folds.map(String.init), key: "folds") }
        for (list, place) in [(settings, "set")] + datasets.map({ ($0.settings, "set of the data set \"\($0.name)\"") })
            + techniques.map({ ($0.settings, "set of the technique \"\($0.name)\"") })
        {
            try Self.requireOthersKeys(list, place)
        }
        guard arms.contains(.plain) else {
            throw FoveaError(
                .configuration, "arms has no plain", remedy: "Add it: every other arm is compared with it.")
        }
        for grouping in groupings {
            if let term = Grouping.controlTerm(in: grouping) {
                throw FoveaError(
                    .configuration, "groupings has \"\(grouping)\", of which \(term) is a control",
                    remedy: "Name the grouping itself; the arms random and ensemble make its controls.")
            }
            // They become names of folders, with a few words in front and behind.
            guard grouping.utf8.count <= Self.longestGrouping else {
                throw FoveaError(
                    .configuration,
                    "groupings has \"\(grouping.prefix(40))...\", which has \(grouping.utf8.count) bytes",
                    remedy: "At most \(Self.longestGrouping) are allowed: give the attributes shorter names.")
            }
        }
    }

    /// Refuses keys of a run that the comparison sets in each cell: what is written there would have no effect.
    private static func requireOthersKeys(_ settings: [String], _ place: String) throws {
        let own = [
            "seed": "seeds", "output": "output", "stages": "stages", "evaluation.bootstrap": "bootstrap",
        ]
        for setting in settings {
            let key = String(setting.prefix { $0 != "=" }.filter { $0 != " " })
            guard let ours = own[key] else { continue }
            throw FoveaError(
                .configuration, "\(place) has \(key), which the comparison sets in each of its runs",
                remedy: "Use the comparison's own key \(ours).")
        }
    }

    private static let longestGrouping = 200
    private static let longestName = 100

    /// Names become names of folders.
    private static func requireNames(_ names: [String], key: String) throws {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.")
        for name in names where name.isEmpty || name.hasPrefix(".") || !name.allSatisfy(allowed.contains) {
            throw FoveaError(
                .configuration, "\(key) has the name \"\(name)\"",
                remedy: "A name has letters, digits, \"-\", \"_\" and \".\", and does not begin with a dot.")
        }
        if let name = names.first(where: { $0.utf8.count > longestName }) {
            throw FoveaError(
                .configuration, "\(key) has the name \"\(name.prefix(40))...\" of \(name.utf8.count) letters",
                remedy: "A name has at most \(longestName) letters.")
        }
        try requireDifferent(names, key: key)
        // Some file systems take them for one folder.
        if let (one, other) = firstPair(of: names, alikeIn: { $0.lowercased() }) {
            throw FoveaError(
                .configuration, "\(key) has the names \"\(one)\" and \"\(other)\", which differ in case only",
                remedy: "Change one of them: not every file system distinguishes them.")
        }
    }

    private static func firstPair(of names: [String], alikeIn form: (String) -> String) -> (String, String)? {
        var seen: [String: String] = [:]
        for name in names {
            if let other = seen.updateValue(name, forKey: form(name)) { return (other, name) }
        }
        return nil
    }

    /// A grouping without spaces, its terms in order: what is equal then is one grouping.
    private static func inOrder(_ grouping: String) -> String {
        Grouping.terms(grouping).sorted().joined(separator: "+")
    }

    private static func requireDifferent(_ values: [String], key: String) throws {
        var seen = Set<String>()
        for value in values where !seen.insert(value).inserted {
            throw FoveaError(.configuration, "\(key) has \"\(value)\" twice", remedy: "Name each once.")
        }
    }
}

extension ComparedDataset: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("name", \.name, .text, required: true, "What to call it: letters, digits, -, _ and ."),
        Field("config", \.configuration, .path, required: true, "A configuration of fovea train"),
        Field("set", \.settings, .list(.text), "Settings for its runs, such as image.resolution=96"),
        Field(
            "folds", \.folds, .list(.integer(0...999)),
            "Folds that validate, each in runs of its own; empty: the split of the configuration"),
        Field("excluded_folds", \.excludedFolds, .list(.integer(0...999)), "Folds that take no part"),
    ]
}

extension ComparedTechnique: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("name", \.name, .text, required: true, "What to call it: letters, digits, -, _ and ."),
        Field("set", \.settings, .list(.text), "What makes it, such as technique.loss=asymmetric; empty: BCE"),
    ]
}
