import Basics
import Foundation
import Logging
import Settings
import Torch
import Weights

/// The checkpoints of one training, in a folder of its own: the newest ones and the best ones.
public final class Checkpoints {
    private let folder: String
    private let dumps: String
    private let recipe: String
    private let title: String
    private let policy: CheckpointPolicy
    private let communicator: any Communicator
    private let isRequested: () -> Bool
    let logger: Logger

    private static let (stateName, tensorsName) = ("state.json", "tensors.safetensors")

    /// What `state.json` holds.
    private struct Record: Codable {
        var format = 1
        var engine = Engine.version
        /// The hash of everything that decides the training.
        var recipe: String
        var state: TrainingState
        /// How many processes trained; nil for one.
        var processes: Int?
        /// What went wrong in the next step, where this is a dump.
        var failure: NonFiniteStep?
    }

    /// Prepares the checkpoints of one training; nothing is read or written yet.
    ///
    /// - Parameters:
    ///   - folder: theirs alone.
    ///   - dumps: the folder for the state before a step whose loss or gradient was not finite.
    ///   - recipe: a hash of everything that decides the training; a checkpoint of another recipe is not used.
    ///   - title: what to call this training in messages.
    ///   - communicator: the processes that train together, of which the first one writes.
    ///   - isRequested: called after each step; true writes a checkpoint at once.
    ///   - logger: gets messages.
    public init(
        folder: String, dumps: String, recipe: String, title: String = "training",
        policy: CheckpointPolicy = CheckpointPolicy(), communicator: any Communicator = SingleProcess(),
        isRequested: @escaping () -> Bool = { false }, logger: Logger = .silent
    ) {
        self.folder = folder
        self.dumps = dumps
        self.recipe = recipe
        self.title = title
        self.policy = policy
        self.communicator = communicator
        self.isRequested = isRequested
        self.logger = logger
    }

    /// Takes over the newest checkpoint that is whole; nil when there is none.
    ///
    /// A damaged one is named and the one before it taken.
    /// - Throws: `FoveaError` of kind `data` for a checkpoint of a later version or of another training; of kind
    ///   `environment` where the processes find different ones.
    func resume(_ tensors: TrainingTensors) throws -> TrainingState? {
        // The first process has done with what came before.
        try communicator.barrier()
        let state = try newest(tensors)
        let found = try communicator.texts(state?.name ?? "no checkpoint")
        guard let other = found.firstIndex(where: { $0 != found[0] }) else { return state }
        throw FoveaError(
            .environment,
            "process \(other) finds \(found[other]) in \(folder), process 0 \(found[0]): they see different folders",
            remedy: "Put `output` on a file system that all processes share.")
    }

    private func newest(_ tensors: TrainingTensors) throws -> TrainingState? {
        let names = self.names()
        for name in names.reversed() {
            let checkpoint = CheckpointFolder(path: PathName.joined(folder, name))
            do {
                try checkpoint.verify()
            } catch let error as FoveaError where error.kind == .data && error.remedy == nil {
                logger.warning("a checkpoint cannot be used: \(error.message)")
                continue
            }
            let record = try record(in: checkpoint)
            guard record.recipe == recipe else {
                throw FoveaError(
                    .data, about: checkpoint.path, "belongs to another training",
                    remedy: "Move the folder \(folder) away.")
            }
            try tensors.restore(
                WeightFile.open(PathName.joined(checkpoint.path, Self.tensorsName)), steps: record.state.steps)
            let processes = record.processes ?? 1
            logger.info(
                "\(title) resumes from \(checkpoint.path), step \(record.state.steps)"
                    + (processes == communicator.size
                        ? "" : ", where \(processes == 1 ? "1 process" : "\(processes) processes") trained"))
            return record.state
        }
        if !names.isEmpty { logger.warning("no checkpoint in \(folder) can be used; the training starts again") }
        return nil
    }

    private func record(in checkpoint: CheckpointFolder) throws -> Record {
        let path = PathName.joined(checkpoint.path, Self.stateName)
        let data = try RegularFile.contents(of: path, atMost: 1 << 30) ?? Data()
        do {
            return try JSONFormat.decoded(Record.self, from: data)
        } catch {
            throw FoveaError(
                .data, about: path, "is not the state of a training: \(JSONFault.words(error, in: data))",
                remedy: "Move \(folder) away.")
        }
    }

    /// Whether a checkpoint is due after a step: by request, or by the step's number.
    func isDue(afterStep step: Int) -> Bool {
        isRequested() || (policy.everySteps > 0 && step % policy.everySteps == 0)
    }

    /// Whether a checkpoint is due after `done` of all epochs. After the last one the finished model follows at once,
    /// so it needs none, unless it may be one of the best.
    func isDue(afterEpoch done: Int, of epochs: Int) -> Bool {
        policy.everyEpochs > 0 && done % policy.everyEpochs == 0 && (done < epochs || policy.keepBest > 0)
    }

    /// Writes a checkpoint, then removes those that need not be kept.
    ///
    /// - Throws: `FoveaError` of kind `storage`; the checkpoints before are then as they were.
    func save(_ state: TrainingState, _ tensors: TrainingTensors) throws {
        guard communicator.rank == 0 else { return }
        let checkpoint = CheckpointFolder(path: PathName.joined(folder, state.name))
        // The same place of the same training is the same state.
        guard (try? checkpoint.verify()) == nil else { return }
        do {
            try write(record(state), tensors, to: checkpoint)
        } catch let error as FoveaError where error.kind == .storage {
            throw FoveaError(
                .storage, error.message + "; the checkpoints before it are whole",
                remedy: (error.remedy.map { $0 + " " } ?? "")
                    + "`fovea train --resume` then resumes from the newest one.")
        }
        logger.debug("\(title): checkpoint \(checkpoint.path)")
        let kept = try self.kept(alongside: state.name)
        for name in names() where !kept.contains(name) { remove(name) }
    }

    /// Keeps the state before a step whose loss or gradient is not finite, instead of an earlier one; gives its path.
    func dump(_ state: TrainingState, _ tensors: TrainingTensors, _ failure: NonFiniteStep) throws -> String {
        let checkpoint = CheckpointFolder(path: PathName.joined(dumps, state.name))
        guard communicator.rank == 0 else { return checkpoint.path }
        for name in Self.entries(of: dumps) where TrainingState.place(of: name) != nil && name != state.name {
            try? FileManager.default.removeItem(atPath: PathName.joined(dumps, name))
        }
        try write(record(state, failure), tensors, to: checkpoint)
        return checkpoint.path
    }

    private func record(_ state: TrainingState, _ failure: NonFiniteStep? = nil) -> Record {
        Record(
            recipe: recipe, state: state, processes: communicator.size > 1 ? communicator.size : nil, failure: failure)
    }

    private func write(_ record: Record, _ tensors: TrainingTensors, to checkpoint: CheckpointFolder) throws {
        try checkpoint.write(
            [
                (Self.stateName, { try AtomicFile.write(JSONFormat.encoded(record), to: $0) }),
                (Self.tensorsName, { try SafetensorsWriter.write(tensors.sources(), to: $0) }),
            ], score: record.state.score)
    }

    /// Ends with a finished training: only the best checkpoints stay.
    public func finish() throws {
        guard communicator.rank == 0 else { return }
        let best = Set(try ranked().prefix(policy.keepBest).map(\.name))
        for name in names() where !best.contains(name) { remove(name) }
        removeUnfinished()
        if best.isEmpty { rmdir(folder) }
    }

    /// The newest and the best ones that are whole, and one more.
    private func kept(alongside name: String) throws -> Set<String> {
        let whole = names().filter { (try? CheckpointFolder(path: PathName.joined(folder, $0)).manifest()) != nil }
        return Set(whole.suffix(max(1, policy.keepLast)) + (try ranked().prefix(policy.keepBest).map(\.name)) + [name])
    }

    /// Those that were measured, the best first and the newer first among equals.
    private func ranked() throws -> [(name: String, score: Double)] {
        names().reversed().compactMap { name in
            (try? CheckpointFolder(path: PathName.joined(folder, name)).manifest())?.score.map { (name, $0) }
        }.sorted { $0.score > $1.score }
    }

    /// In the order of time. A folder that a checkpoint's name does not fit is not ours.
    private func names() -> [String] {
        Self.entries(of: folder).compactMap { name in TrainingState.place(of: name).map { (name, $0) } }
            .sorted { ($0.1.epoch, $0.1.batch) < ($1.1.epoch, $1.1.batch) }.map(\.0)
    }

    private func removeUnfinished() {
        for name in Self.entries(of: folder) where CheckpointFolder.isUnfinished(name) { remove(name) }
    }

    /// Removes from the folder of a training's checkpoints, or dumps, what a process that has ended had begun to write.
    ///
    /// The caller sees to it that no other process writes there.
    public static func removeLeftOver(in folder: String) {
        for name in entries(of: folder) {
            if CheckpointFolder.isUnfinished(name) {
                try? FileManager.default.removeItem(atPath: PathName.joined(folder, name))
            } else if TrainingState.place(of: name) != nil {
                PartialFile.removeLeftOver(in: PathName.joined(folder, name)) { _ in true }
            }
        }
    }

    /// What is left of a removal that fails is damaged, and is then known as such.
    private func remove(_ name: String) { try? FileManager.default.removeItem(atPath: PathName.joined(folder, name)) }

    private static func entries(of folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
    }
}
