import Basics
import Distillation
import Foundation
import Logging
import Models
import RunFiles
import Torch
import Training

/// A finished training: the model, how it got there, and what it cost.
public struct StageResult {
    /// The model.
    public let bundle: ModelBundle
    /// One record per epoch.
    public let history: [EpochRecord]
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
    private let communicator: any Communicator
    private let shouldStop: @Sendable () -> Bool
    private let logger: Logger

    /// Uses a folder, which is made when first needed.
    ///
    /// - Parameters:
    ///   - communicator: the processes that make stages together, of which the first one writes.
    ///   - shouldStop: called while another process makes the same stage.
    ///   - logger: gets what the user should know.
    public init(
        folder: String, communicator: any Communicator = SingleProcess(),
        shouldStop: @escaping @Sendable () -> Bool = { false }, logger: Logger = .silent
    ) {
        self.folder = folder
        self.communicator = communicator
        self.shouldStop = shouldStop
        self.logger = logger
    }

    /// The same for what this process makes alone.
    func alone() -> StageStore { StageStore(folder: folder, shouldStop: shouldStop, logger: logger) }

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
    }

    /// Removes what processes that have ended had begun to write.
    func removeLeftOver() {
        let own = [StageFolder.recordName, ModelBundle.weightsName, ModelBundle.configurationName]
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where StageFolder.isStage(name)
        {
            PartialFile.removeLeftOver(in: PathName.joined(folder, name), isOwn: own.contains)
        }
        PartialFile.removeLeftOver(in: PathName.joined(folder, StageFolder.bankFolder)) { $0.hasSuffix(".safetensors") }
    }

    /// A trained stage: read from the store, or made by `train` and stored. Where another process makes it, that one is
    /// waited for.
    package func stage(_ spec: StageSpec, train: () throws -> (ModelBundle, [EpochRecord])) throws -> StageResult {
        let path = PathName.joined(folder, spec.folderName)
        return try finished(in: path, lock: "/.lock", stored: { try stored(path, spec.key) }) {
            sayIfUnrecorded(path)
            let (bundle, history) = try train()
            guard communicator.rank == 0 else {
                return StageResult(bundle: bundle, history: history, isReused: false)
            }
            try bundle.save(to: path)
            let hash = try ModelBundle.weightsHash(in: path)
            var record = Record(
                key: spec.key, history: history, weights: hash,
                description: try Digest.sha256(fileAt: PathName.joined(path, ModelBundle.configurationName)), sha256: ""
            )
            record.sha256 = StageFolder.contentHash(of: try JSONFormat.encoded(record))
            // Written last: a stage without it is not finished.
            try AtomicFile.write(JSONFormat.encoded(record), to: PathName.joined(path, StageFolder.recordName))
            return StageResult(bundle: bundle, history: history, isReused: false)
        }
    }

    /// Whether a run would find a stage here; its files are verified as the run does.
    ///
    /// - Throws: `FoveaError` of kind `data` when a file of a network is not what training wrote. A damaged view bank is made
    ///   again, so it is not stored.
    package func contains(_ spec: StageSpec) throws -> Bool {
        switch spec.kind {
        case .network: try record(in: PathName.joined(folder, spec.folderName), key: spec.key) != nil
        case .bank(let recipe):
            try BankResult(at: place(ofBank: spec.storeName, spec.digest), recipe, key: spec.digest) != nil
        }
    }

    private func place(ofBank name: String, _ digest: String) throws -> String {
        let path = PathName.joined(folder, StageFolder.bankFolder, name + "-" + digest.prefix(16) + ".safetensors")
        for file in [path, TeacherFeatures.path(alongside: path)] where Folder.exists(file) {
            throw FoveaError(
                .data, about: file, "is a folder where a view bank is kept", remedy: "Delete it; the bank is then made."
            )
        }
        return path
    }

    /// What `stored` finds, or `make` makes in `place`. Where a process that is none of `communicator` makes it, that one is
    /// waited for; what is finished is found without the lock.
    ///
    /// Where several processes make stages together, the first one decides whether this one is made and holds the lock.
    private func finished<Result>(
        in place: String, lock name: String, stored: () throws -> Result?, make: () throws -> Result
    ) throws -> Result {
        var found: Result?
        var lock: FileLock?
        defer { withExtendedLifetime(lock) {} }
        let isStored = try communicator.decided {
            found = try stored()
            if found == nil {
                try Folder.make(place)
                lock = try FileLock.waiting(for: place + name, shouldStop: shouldStop)
                found = try stored()
            }
            return found == nil ? "no" : "yes"
        }
        if let found { return found }
        guard isStored == "yes" else { return try make() }
        guard let other = try stored() else {
            throw FoveaError(
                .environment, "process \(communicator.rank) does not find what process 0 finds in \(place)",
                remedy: "Put `output` and `stages` on a file system that all processes share.")
        }
        return other
    }

    /// Says that a model is trained again because it has no record.
    private func sayIfUnrecorded(_ path: String) {
        guard access(PathName.joined(path, ModelBundle.weightsName), F_OK) == 0 else { return }
        logger.warning(
            "\(path) holds a model, but no \(StageFolder.recordName) of this version that says how it was trained: it "
                + "is trained again")
    }

    /// What lies finished in a folder of the store; nil without it.
    ///
    /// - Throws: `FoveaError` of kind `data` when a file of it is not what training wrote.
    private func stored(_ path: String, _ key: StageKey) throws -> StageResult? {
        guard let record = try record(in: path, key: key) else { return nil }
        return StageResult(
            bundle: try ModelBundle.load(from: path), history: record.history, isReused: true)
    }

    /// The record of a stage whose files are those that training wrote; nil without one.
    private func record(in path: String, key: StageKey) throws -> Record? {
        var status = stat()
        if lstat(path, &status) == 0, !Folder.exists(path) {
            throw FoveaError(
                .data, about: path, "is not a folder, but a finished stage is kept in one",
                remedy: "Delete it; the stage is then trained.")
        }
        guard let data = try StageFolder.verifiedRecord(in: path) else { return nil }
        guard let record = try? JSONFormat.decoded(Record.self, from: data), record.key == key else {
            throw StageFolder.damaged(PathName.joined(path, StageFolder.recordName), in: path)
        }
        return record
    }

    /// The view bank of a key's digest: what `stored` finds at its path, or `make` makes there. Where another process makes
    /// it, that one is waited for.
    public func bank<Bank>(
        _ name: String, key: String, stored: (_ path: String) throws -> Bank?, make: (_ path: String) throws -> Bank
    ) throws -> Bank {
        let path = try place(ofBank: name, key)
        let lock = "/" + name + "-" + key.prefix(16) + ".lock"
        return try finished(
            in: PathName.joined(folder, StageFolder.bankFolder), lock: lock, stored: { try stored(path) }
        ) {
            try make(path)
        }
    }
}
