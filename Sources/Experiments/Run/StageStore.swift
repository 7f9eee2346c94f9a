import Basics
import Foundation
import Models
import Training

/// A finished training: the model, how it got there, and what it cost.
public struct StageResult {
    /// The model.
    public let bundle: ModelBundle
    /// One record an epoch.
    public let history: [EpochRecord]
    /// The hash of the weights.
    public let hash: String
    /// Whether it was trained now or taken from the store.
    public let isReused: Bool

    /// Seconds spent in training steps.
    public var seconds: Double { history.reduce(0) { $0 + $1.seconds } }
    /// Images that passed forward and backward.
    public var images: Int { history.reduce(0) { $0 + $1.images } }
}

/// A network with all that its technique asks for.
public struct TrainedModel {
    /// The training.
    public let first: StageResult
    /// What was done to the head afterwards; nil where the technique has no second stage.
    public let second: StageResult?

    /// What the technique came to.
    public var final: StageResult { second ?? first }
}

/// Keeps finished plain models, teachers and view banks, each under the hash of all that decided it, so that a resumed
/// run and other runs of a comparison reuse them.
public struct StageStore: Sendable {
    /// The folder.
    public let folder: String
    private let shouldStop: @Sendable () -> Bool

    /// Uses a folder, which is made when first needed.
    ///
    /// - Parameter shouldStop: asked while another process makes what is wanted.
    public init(folder: String, shouldStop: @escaping @Sendable () -> Bool = { false }) {
        self.folder = folder
        self.shouldStop = shouldStop
    }

    private struct Record: Codable {
        var recipe: String
        var history: [EpochRecord]
        var weights: String
    }

    /// The stage of a recipe: read from the store, or made by `train` and stored. Where another process makes it, that
    /// one is waited for.
    ///
    /// - Parameters:
    ///   - name: for people, such as "teacher-region-disc".
    ///   - recipe: a text that holds everything that decides the outcome.
    public func stage(
        _ name: String, recipe: String, train: () throws -> (ModelBundle, [EpochRecord])
    ) throws -> StageResult {
        let path = folder + "/" + name + "-" + Digest.sha256(recipe).prefix(16)
        return try finished(in: path, lock: "/.lock", stored: { try stored(path, recipe) }) {
            let (bundle, history) = try train()
            try bundle.save(to: path)
            let hash = try Digest.sha256(fileAt: path + "/" + ModelBundle.weightsName)
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            // Written last: a stage without it is not finished.
            try AtomicFile.write(
                encoder.encode(Record(recipe: recipe, history: history, weights: hash)), to: path + "/stage.json")
            return StageResult(bundle: bundle, history: history, hash: hash, isReused: false)
        }
    }

    /// How many finished stages and view banks of each kind there are, as far as their records and names tell: "stage NAME",
    /// "model ..." and "image ..." of the recipe, or "bank NAME", "bank NAME-features".
    func finishedStages() -> [String: Int] {
        struct Kind: Decodable { var recipe: String }
        func names(_ folder: String) -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        }
        var found: [String: Int] = [:]
        for name in names(folder) {
            guard let data = FileManager.default.contents(atPath: folder + "/" + name + "/stage.json"),
                let record = try? JSONDecoder().decode(Kind.self, from: data)
            else { continue }
            let lines = record.recipe.split(separator: "\n")
            let kind = ["stage ", "model ", "image "].compactMap { start in lines.first { $0.hasPrefix(start) } }
            found[kind.joined(separator: "\n"), default: 0] += 1
        }
        let (ending, features) = (".safetensors", "-features")
        for name in names(folder + "/banks") where name.hasSuffix(ending) {
            let whole = name.dropLast(ending.count)
            let isOfFeatures = whole.hasSuffix(features)
            // A hyphen and sixteen digits of the key stand behind the name.
            let bank = whole.dropLast(isOfFeatures ? features.count : 0).dropLast(17)
            found["bank \(bank)" + (isOfFeatures ? features : ""), default: 0] += 1
        }
        return found
    }

    /// What `stored` finds, or `make` makes in `place`. Where another process makes it, that one is waited for; what is
    /// finished is found without the lock.
    private func finished<Result>(
        in place: String, lock name: String, stored: () throws -> Result?, make: () throws -> Result
    ) throws -> Result {
        if let found = try stored() { return found }
        try Folder.make(place)
        let lock = try FileLock.waiting(for: place + name, shouldStop: shouldStop)
        defer { withExtendedLifetime(lock) {} }
        return try stored() ?? make()
    }

    /// What lies finished in a folder of the store; nil without it.
    private func stored(_ path: String, _ recipe: String) throws -> StageResult? {
        guard let data = FileManager.default.contents(atPath: path + "/stage.json"),
            let record = try? JSONDecoder().decode(Record.self, from: data), record.recipe == recipe
        else { return nil }
        let found = try Digest.sha256(fileAt: path + "/" + ModelBundle.weightsName)
        guard found == record.weights else {
            throw FoveaError(
                .data, "\(path)/\(ModelBundle.weightsName) is not the file that training wrote",
                remedy: "Delete the folder \(path); the stage is then trained again.")
        }
        return StageResult(
            bundle: try ModelBundle.load(from: path), history: record.history, hash: found, isReused: true)
    }

    /// A view bank: what `stored` finds at its path, or `make` makes there. Where another process makes it, that one is
    /// waited for.
    public func bank<Bank>(
        _ name: String, key: String, stored: (_ path: String) throws -> Bank?, make: (_ path: String) throws -> Bank
    ) throws -> Bank {
        let (place, file) = (folder + "/banks", "/" + name + "-" + key.prefix(16))
        let path = place + file + ".safetensors"
        return try finished(in: place, lock: file + ".lock", stored: { try stored(path) }) { try make(path) }
    }
}
