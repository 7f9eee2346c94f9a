import Basics
import Cohorts
import Execution
import RunFiles
import Settings
import Torch

/// Finds before any image is decoded what would otherwise stop a run after hours: a grouping that does not exist, a
/// subset that cannot be learnt, weights that do not fit, a disk that is too small, a stored stage that is damaged.
package struct RunCheck {
    let settings: RunSettings
    let cohort: Cohort
    let attributes: ClassAttributes?
    let split: Split
    var weights: PretrainedWeights?
    var device = Device.cpu

    package init(settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?, split: Split) {
        self.settings = settings
        self.cohort = cohort
        self.attributes = attributes
        self.split = split
    }

    init(
        settings: RunSettings, cohort: Cohort, attributes: ClassAttributes?, split: Split,
        weights: PretrainedWeights?, device: Device
    ) {
        self.init(settings: settings, cohort: cohort, attributes: attributes, split: split)
        (self.weights, self.device) = (weights, device)
    }

    /// - Throws: `FoveaError` as the run itself would.
    func verify() throws {
        let storage = try storage()
        try DiskSpace.require(
            [
                DiskSpace.Need(
                    try missing(storage), in: settings.stageFolder, for: "models and view banks"),
                DiskSpace.Need(
                    settings.missingBytes(of: storage, peak: true), in: settings.output,
                    for: "checkpoints and results"),
            ], of: "this run", remedy: Self.remedy([settings]))
    }

    /// What takes less.
    package static func remedy(_ runs: [RunSettings]) -> String {
        let features =
            runs.contains { $0.distillation?.featureLambda ?? 0 > 0 }
            ? " The teachers' features (distillation.feature_lambda) take most of a bank." : ""
        let savings =
            runs.contains { $0.distillation != nil }
            ? "fewer distillation.views and a lower checkpoints.keep_last take" : "a lower checkpoints.keep_last takes"
        return "Free some space, or choose another `output` or `stages` folder; \(savings) less." + features
    }

    /// About how many bytes the models and view banks of the run take; what is stored already is counted too.
    package func storedBytes() throws -> Int { try storage().stages.reduce(0) { $0 + $1.bytes } }

    /// About how many bytes of them are not stored yet.
    package func missingBytes() throws -> Int { try missing(try storage()) }

    private func missing(_ storage: RunStorage) throws -> Int {
        try RunStorage.missingBytes(of: [storage], in: StageStore(folder: settings.stageFolder))
    }

    /// About how many bytes checkpoints take at the same time, at most.
    package func checkpointBytes() throws -> Int { try storage().checkpoints }

    private func storage() throws -> RunStorage {
        let planner = RunPlanner(
            settings, cohort: cohort, attributes: attributes, split: split,
            contents: ContentHashes(known: cohort, settings), weights: weights, device: device)
        return RunStorage(settings, try planner.plan(), try NetworkSize(settings, classes: cohort.classes))
    }
}

extension RunSettings {
    /// Refuses paths of folders at which there is something else, before any data are read: those that are named, and those
    /// that a run makes in them.
    ///
    /// - Parameters:
    ///   - isResuming: whether the run is there already, so that no other folder can be chosen for it.
    ///   - areWritten: whether those that exist must be ones in which files can be made.
    /// - Throws: `FoveaError` of kind `configuration`.
    package func checkFolders(isResuming: Bool = false, areWritten: Bool = true) throws {
        let copy =
            isResuming
            ? "Make it writable, or copy the whole run to where files can be written and resume the copy." : nil
        try Folder.check(output, named: "output", isWritten: isResuming && areWritten, unwritable: copy)
        if let stages { try Folder.check(stages, named: "stages") }
        try Folder.check(cache ?? ExecutionContext.userCache, named: cache == nil ? "the cache" : "cache")
        for name in RunFolder.folders where name != "stages" {
            try Folder.check(
                PathName.joined(output, name), named: "the folder \(name) of a run", isWritten: areWritten,
                remedy: (isResuming ? "M" : "Choose another folder as `output`, or m") + "ove that file away.",
                unwritable: copy)
        }
        for folder in [stageFolder, PathName.joined(stageFolder, StageFolder.bankFolder)] {
            try Folder.check(
                folder, named: "a folder for finished stages",
                remedy: "Choose another folder as `output` or `stages`, or move that file away.")
        }
    }
}
