import Basics
import Distillation
import Foundation
import Logging
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

/// Keeps finished plain models, teachers and view banks, each under the hash of all that decided it, so that a resumed
/// run and other runs of a comparison reuse them.
public struct StageStore {
    /// The folder.
    public let folder: String
    private let shouldStop: @Sendable () -> Bool
    private let logger: Logger

    /// Uses a folder, which is made when first needed.
    ///
    /// - Parameters:
    ///   - shouldStop: asked while another process makes what is wanted.
    ///   - logger: told what the user should know.
    public init(
        folder: String, shouldStop: @escaping @Sendable () -> Bool = { false },
        logger: Logger = .silent
    ) {
        self.folder = folder
        self.shouldStop = shouldStop
        self.logger = logger
    }

    /// What `stage.json` holds.
    private struct Record: Codable {
        var key: StageKey
        var history: [EpochRecord]
        /// The hash of the weights.
        var weights: String
        /// The hash of the model's description.
        var description: String?
        /// The hash of the file's text with an empty one here.
        var sha256: String

        func encoded() throws -> Data {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
            return try encoder.encode(self)
        }

        /// The hash of a record's text without its own hash. The text counts, not what it is encoded to again: another
        /// version may write numbers in another form.
        static func contentHash(of data: Data) -> String {
            let text = String(decoding: data, as: UTF8.self)
            return Digest.sha256(text.replacing(/"sha256" : "[0-9a-f]{64}"/, with: "\"sha256\" : \"\""))
        }
    }

    private static let recordName = "stage.json"

    /// Whether a name is that of a stage's folder: its own, a hyphen and sixteen digits of a hash.
    static func isStage(_ name: String) -> Bool { name.wholeMatch(of: /.+-[0-9a-f]{16}/) != nil }

    /// The folder of view banks in a store.
    static let bankFolder = "banks"

    /// Whether a folder holds finished or begun stages or view banks.
    static func isOne(_ folder: String) -> Bool {
        func names(_ folder: String) -> [String] {
            (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        }
        return names(folder).contains {
            isStage($0) && Folder.exists(folder + "/" + $0) || access("\(folder)/\($0)/\(recordName)", F_OK) == 0
        }
            || names(folder + "/" + bankFolder).contains {
                $0.wholeMatch(of: /.+-[0-9a-f]{16}(-features)?\.(safetensors|lock)/) != nil
            }
    }

    /// Whether a file or folder of this name in `folder` belongs to a store there.
    static func owns(_ name: String, in folder: String) -> Bool {
        (name == bankFolder || isStage(name)) && isOne(folder)
    }

    /// Removes what processes that have ended had begun to write.
    func removeLeftOver() {
        let own = [Self.recordName, ModelBundle.weightsName, ModelBundle.configurationName]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where Self.isStage(name) {
            PartialFile.removeLeftOver(in: folder + "/" + name, isOwn: own.contains)
        }
        PartialFile.removeLeftOver(in: folder + "/" + Self.bankFolder) { $0.hasSuffix(".safetensors") }
    }

    /// The stage of a key: read from the store, or made by `train` and stored. Where another process makes it, that one is
    /// waited for.
    ///
    /// - Parameter name: for people, such as "teacher-disc".
    public func stage(
        _ name: String, key: StageKey, train: () throws -> (ModelBundle, [EpochRecord])
    ) throws -> StageResult {
        let path = place(of: name, key)
        return try finished(in: path, lock: "/.lock", stored: { try stored(path, key) }) {
            sayIfUnrecorded(path)
            let (bundle, history) = try train()
            try bundle.save(to: path)
            let hash = try Digest.sha256(fileAt: path + "/" + ModelBundle.weightsName)
            var record = Record(
                key: key, history: history, weights: hash,
                description: try Digest.sha256(fileAt: path + "/" + ModelBundle.configurationName), sha256: "")
            record.sha256 = Record.contentHash(of: try record.encoded())
            // Written last: a stage without it is not finished.
            try AtomicFile.write(record.encoded(), to: path + "/" + Self.recordName)
            return StageResult(bundle: bundle, history: history, hash: hash, isReused: false)
        }
    }

    /// Whether a stage is stored, as far as its files' names tell: what they hold is verified when they are read.
    func contains(_ spec: StageSpec) -> Bool {
        switch spec.kind {
        case .network:
            return access(place(of: spec.storeName, spec.key) + "/" + Self.recordName, F_OK) == 0
        case .bank(let recipe):
            let path = place(ofBank: spec.storeName, spec.key.digest)
            return access(path, F_OK) == 0
                && (!recipe.keepsFeatures || access(TeacherFeatures.path(besides: path), F_OK) == 0)
        }
    }

    private func place(of name: String, _ key: StageKey) -> String { folder + "/" + name + "-" + key.digest.prefix(16) }

    private func place(ofBank name: String, _ digest: String) -> String {
        folder + "/" + Self.bankFolder + "/" + name + "-" + digest.prefix(16) + ".safetensors"
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

    /// Says that a model is trained again because it has no record.
    private func sayIfUnrecorded(_ path: String) {
        guard access(path + "/" + ModelBundle.weightsName, F_OK) == 0 else { return }
        logger.warning(
            "\(path) holds a model, but no \(Self.recordName) of this version that says how it was trained: it "
                + "is trained again")
    }

    /// What lies finished in a folder of the store; nil without it.
    ///
    /// - Throws: `FoveaError` of kind `data` when a file of it is not what training wrote.
    private func stored(_ path: String, _ key: StageKey) throws -> StageResult? {
        guard let record = try Self.record(in: path, key: key) else { return nil }
        return StageResult(
            bundle: try ModelBundle.load(from: path), history: record.history, hash: record.weights, isReused: true)
    }

    /// Verifies that the model in a folder is the one that training wrote, where the folder is that of a stage.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the file.
    static func requireUnchanged(_ path: String) throws { _ = try record(in: path, key: nil) }

    /// The record of a stage whose files are those that training wrote; nil without one.
    ///
    /// - Parameter key: that of the stage; nil: any.
    private static func record(in path: String, key: StageKey?) throws -> Record? {
        let place = path + "/" + recordName
        guard let data = try RegularFile.contents(of: place, atMost: 1 << 28) else { return nil }
        func damaged(_ file: String) -> FoveaError {
            FoveaError(
                .data, "\(file) is not the file that training wrote",
                remedy: "Delete the folder \(path); the stage is then trained again.")
        }
        guard let record = try? JSONDecoder().decode(Record.self, from: data),
            Record.contentHash(of: data) == record.sha256, key == nil || record.key == key
        else { throw damaged(place) }
        let weights = path + "/" + ModelBundle.weightsName
        guard try Digest.sha256(fileAt: weights) == record.weights else { throw damaged(weights) }
        let description = path + "/" + ModelBundle.configurationName
        guard try Digest.sha256(fileAt: description) == record.description else { throw damaged(description) }
        return record
    }

    /// The view bank of a key's digest: what `stored` finds at its path, or `make` makes there. Where another process makes
    /// it, that one is waited for.
    public func bank<Bank>(
        _ name: String, key: String, stored: (_ path: String) throws -> Bank?, make: (_ path: String) throws -> Bank
    ) throws -> Bank {
        let path = place(ofBank: name, key)
        let lock = "/" + name + "-" + key.prefix(16) + ".lock"
        return try finished(in: folder + "/" + Self.bankFolder, lock: lock, stored: { try stored(path) }) {
            try make(path)
        }
    }
}
