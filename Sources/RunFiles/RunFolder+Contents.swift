import Basics
import Foundation
import Models

/// What lies in the folders of runs and models.
extension RunFolder {
    /// The folders in a run folder.
    package static let folders = ["stages", "checkpoints", "nonfinite", "plain", "plots"]
    /// The calibration of the model, which `fovea calibrate` adds to a run or bundle.
    package static let calibrationName = "calibration.json"
    /// What `fovea report` adds to a run: the page, its numbers, and the model card.
    package static let pageNames = ["report.html", "report.json", "model-card.md"]

    /// What to say where the calibration in a folder is of other weights than those with a hash; nil where it is not, or
    /// there is none that can be read.
    package static func foreignCalibration(in folder: String, weights: String) throws -> String? {
        struct Calibration: Decodable { var weightsSha256: String }
        let path = PathName.joined(folder, calibrationName)
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 28),
            let fitted = try? JSONFormat.decoded(Calibration.self, from: data).weightsSha256, fitted != weights
        else { return nil }
        return "\(path) is of other weights than those that this run has now, so the report does not show it: make it "
            + "again with `fovea calibrate`, or delete it"
    }

    private static let names = Set(
        [".lock"] + early + [RunSplit.name] + late + [calibrationName] + pageNames + folders)

    /// Whether a file or folder of this name in `folder` belongs to a run or model there.
    static func owns(_ name: String, in folder: String) -> Bool {
        guard names.contains(name) || name.hasPrefix("events.out.tfevents") || Familiarity.isName(name) else {
            return false
        }
        func has(_ names: String...) -> Bool { names.contains { access(PathName.joined(folder, $0), F_OK) == 0 } }
        return has(RunConfiguration.name)
            && has("metrics.json", "stages", "checkpoints", "history.csv", RunSources.name)
            || has(ModelBundle.configurationName) && has(ModelBundle.weightsName)
    }

    /// The configuration that a run was made with.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when the folder does not exist or has none.
    public static func configuration(of run: String) throws -> String {
        let path = PathName.joined(run, "config.yaml")
        if try RegularFile.exists(path, kind: .configuration) { return path }
        guard Folder.exists(run) else {
            throw FoveaError(
                .configuration, "the folder \(run) does not exist, so there is nothing to resume",
                remedy: "Name the run's folder; `fovea train CONFIG` begins a run.")
        }
        if holdsWork(run) { throw withoutConfiguration(run) }
        throw FoveaError(
            .configuration, about: run, "is not a run folder: it has no config.yaml",
            remedy: "Name the run's folder; `fovea train CONFIG` begins a run.")
    }

    /// Whether a folder holds finished or begun work of a run. One that ended before anything was finished may be begun
    /// again.
    static func holdsWork(_ run: String) -> Bool {
        func has(_ name: String) -> Bool { access(PathName.joined(run, name), F_OK) == 0 }
        if ((try? RunSources.read(run)) ?? nil) != nil,
            [ModelBundle.weightsName, "metrics.json"].contains(where: has)
                || ["stages", "checkpoints"].contains(where: {
                    FileManager.default.isFilledFolder(PathName.joined(run, $0))
                })
        {
            return true
        }
        // Without a record, as of earlier versions, only what nothing but a run writes counts.
        return (try? RunMetrics.read(PathName.joined(run, "metrics.json"))) != nil
            || [RunConfiguration.name, "history.csv", ModelBundle.weightsName].allSatisfy(has)
            || ["stages", "checkpoints"].contains { StageFolder.isOne(PathName.joined(run, $0)) }
    }

    /// Refuses a folder that holds work for a new run.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    static func refuseUsed(_ run: String) throws {
        guard holdsWork(run) else { return }
        guard FileManager.default.fileExists(atPath: PathName.joined(run, "config.yaml")) else {
            throw withoutConfiguration(run)
        }
        throw FoveaError(
            .configuration, about: run, "already holds a run",
            remedy: "Choose another `output`, or continue it with `fovea train --resume \(ShellWord.quoted(run))`.")
    }

    /// The error for a folder of a run that can be neither continued nor begun.
    static func withoutConfiguration(_ run: String) -> FoveaError {
        FoveaError(
            .configuration, about: run, "holds the work of a run but not its config.yaml",
            remedy: "To continue it, put the configuration that it was made with there as \(run)/config.yaml, then "
                + "`fovea train --resume \(ShellWord.quoted(run))`; to start again, choose another `output`.")
    }
}
