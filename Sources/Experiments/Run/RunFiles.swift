import Basics
import Foundation

/// Names of what Fovea writes into the folders of runs, models and comparisons.
extension RunFolder {
    private static let ofRuns: Set<String> = [
        ".lock", "config.yaml", "config.json", "model.safetensors", "metrics.json", "predictions.csv", "history.csv",
        "report.md", "split.csv", "sources.json", "sessions.json", "plain", "stages", "checkpoints", "plots",
        "nonfinite",
    ]
    private static let ofComparisons: Set<String> = [
        "comparison.yaml", "comparison.json", "comparison.md", "means.csv", "differences.csv", "plots", "cells",
        "stages",
    ]

    /// The folder of a run, model or comparison whose own file lies, or would lie, at a path; nil for none.
    static func owner(of path: String) -> String? {
        var folder = PathName.folder(of: path)
        guard let whole = realpath(folder.isEmpty ? "." : folder, nil) else { return nil }
        defer { free(whole) }
        folder = String(cString: whole)
        var inner = PathName.last(of: path)
        while true {
            if owns(inner, in: folder) { return folder }
            guard folder != "/", !folder.isEmpty else { return nil }
            inner = PathName.last(of: folder)
            folder = PathName.folder(of: folder)
        }
    }

    private static func owns(_ name: String, in folder: String) -> Bool {
        func has(_ names: String...) -> Bool {
            names.contains { FileManager.default.fileExists(atPath: folder + "/" + $0) }
        }
        if ofRuns.contains(name) || name.hasPrefix("events.out.tfevents") {
            if has("config.yaml"), has("metrics.json", "stages", "checkpoints", "history.csv") { return true }
            if has("config.json"), has("model.safetensors") { return true }
        }
        return ofComparisons.contains(name) && has("comparison.yaml") && has("comparison.json", "cells")
    }

    /// The configuration that a run was made with.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when the folder does not exist or has none.
    public static func configuration(of run: String) throws -> String {
        let path = run + "/config.yaml"
        if FileManager.default.fileExists(atPath: path) { return path }
        guard Folder.exists(run) else {
            throw FoveaError(
                .configuration, "the folder \(run) does not exist, so there is nothing to resume",
                remedy: "Name the run's folder; `fovea train CONFIG` begins a run.")
        }
        if holdsWork(run) { throw withoutConfiguration(run) }
        throw FoveaError(
            .configuration, "\(run) is not a run folder: it has no config.yaml",
            remedy: "Name the run's folder; `fovea train CONFIG` begins a run.")
    }

    /// Whether a folder holds finished or begun work of a run. One that ended before anything was finished may be begun
    /// again.
    static func holdsWork(_ run: String) -> Bool {
        ["model.safetensors", "metrics.json"].contains { FileManager.default.fileExists(atPath: run + "/" + $0) }
            || ["stages", "checkpoints"].contains {
                !((try? FileManager.default.contentsOfDirectory(atPath: run + "/" + $0)) ?? []).isEmpty
            }
    }

    /// Refuses a folder that holds work for a new run.
    ///
    /// - Throws: `FoveaError` of kind `configuration`.
    static func refuseUsed(_ run: String) throws {
        guard holdsWork(run) else { return }
        guard FileManager.default.fileExists(atPath: run + "/config.yaml") else { throw withoutConfiguration(run) }
        throw FoveaError(
            .configuration, "\(run) already holds a run",
            remedy: "Choose another `output`, or continue it with `fovea train --resume \(run)`.")
    }

    /// The error for a folder of a run that can be neither continued nor begun.
    static func withoutConfiguration(_ run: String) -> FoveaError {
        FoveaError(
            .configuration, "\(run) holds the work of a run but not its config.yaml",
            remedy: "To continue it, put the configuration that it was made with there as \(run)/config.yaml, then "
                + "`fovea train --resume \(run)`; to start again, choose another `output`.")
    }
}
