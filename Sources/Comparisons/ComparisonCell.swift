import Basics
import ConfigurationFile
import Execution
import Foundation
import RunFiles
import Runs
import Settings
import Torch

/// The kind of run that a cell is.
enum ComparisonArm: Hashable {
    case plain
    /// The technique alone at a resolution.
    case ladder(Int)
    case plainLong
    case bestLong
    case committee(String)
    case single(String)
    case wrongWindows(String)
    case rskd(String)
    case untaught(String)
    /// A draw of the shuffle; nil stands for all of them.
    case random(String, draw: Int?)
    case ensemble(String)

    /// The arm in which draws are averaged.
    var family: ComparisonArm {
        if case .random(let grouping, _) = self { return .random(grouping, draw: nil) }
        return self
    }

    /// The draw, where there is one.
    var draw: Int { if case .random(_, let draw?) = self { draw } else { 0 } }

    /// Whether it has several draws.
    var isShuffled: Bool { if case .random = self { true } else { false } }

    /// Whether it is RSKD with a given grouping.
    var isRSKD: Bool { if case .rskd = self { true } else { false } }

    /// As tables have it, such as "RSKD(region)".
    var label: String {
        switch self {
        case .plain: "plain"
        case .ladder(let side): "plain, \(side) px"
        case .plainLong: "plain, long"
        case .bestLong: "plain, best length"
        case .committee(let grouping): "committee(\(grouping))"
        case .single(let grouping): "committee(single, as \(grouping))"
        case .wrongWindows(let grouping): "committee(\(grouping), wrong windows)"
        case .rskd(let grouping): "RSKD(\(grouping))"
        case .untaught(let grouping): "untaught(\(grouping))"
        case .random(let grouping, _): "random(\(grouping))"
        case .ensemble(let grouping): "ensemble(\(grouping))"
        }
    }

    /// What it is, for people.
    var words: String {
        switch self {
        case .plain: "the technique alone"
        case .plainLong: "the technique alone, trained for as long as all stages of RSKD together: equal compute"
        case .ladder(let side): "the technique alone on images of \(side) x \(side) pixels"
        case .bestLong:
            "the technique alone, for as long as is best on a part of the training patients, with or without averaged weights"
        case .committee(let grouping):
            "the plain model and networks that know a part of the classes each, divided by \(grouping); the logits of a class "
                + "are averaged over those that know it"
        case .single(let grouping):
            "the same with as many networks of all classes as committee(\(grouping)) has, which see the whole image"
        case .wrongWindows(let grouping):
            "the same as committee(\(grouping)), each network with the window of another region: does the place matter?"
        case .untaught(let grouping): "the student of RSKD(\(grouping)) with the labels alone: does teaching matter?"
        case .rskd(let grouping):
            "a student of teachers that know a part of the classes each, divided by \(grouping), and of the plain model"
        case .random(let grouping, _):
            "the same as RSKD(\(grouping)), the classes exchanged by chance among the parts: does the grouping matter?"
        case .ensemble(let grouping):
            "the same with as many teachers of all classes as RSKD(\(grouping)) has: do parts matter?"
        }
    }

    /// As names of files have it, such as "random-region-0".
    var fileName: String {
        switch self {
        case .plain: "plain"
        case .ladder(let side): "plain-\(side)"
        case .plainLong: "plain-long"
        case .bestLong: "plain-best-long"
        case .committee(let grouping): "committee-" + grouping
        case .single(let grouping): "committee-single-" + grouping
        case .wrongWindows(let grouping): "committee-wrong-" + grouping
        case .untaught(let grouping): "untaught-" + grouping
        case .rskd(let grouping): "rskd-" + grouping
        case .random(let grouping, let draw): "random-" + grouping + (draw.map { "-\($0)" } ?? "")
        case .ensemble(let grouping): "ensemble-" + grouping
        }
    }
}

/// What trains and validates: cells of one unit share plain models, teachers and view banks, those of different units
/// nothing.
struct ComparisonUnit: Hashable {
    var dataset: String
    /// The fold that validates; nil where the configuration's split holds.
    var fold: Int?
    var seed: Int

    /// The folder in that of the comparison.
    var path: String {
        "cells/" + ([dataset] + (fold.map { ["fold-\($0)"] } ?? []) + ["seed-\(seed)"]).joined(separator: "/")
    }
}

/// One run of a comparison.
struct ComparisonCell {
    /// How far a cell has come.
    enum State: String {
        case finished
        case interrupted
        case open
    }

    let unit: ComparisonUnit
    let technique: String
    let arm: ComparisonArm
    /// Everything that decides it.
    private(set) var settings: RunSettings
    /// What it is planned from.
    private let source: CellSource
    /// Its stages, as far as they are known before images are decoded.
    private(set) var plan: RunPlan
    /// What it is expected to write.
    private(set) var storage: RunStorage
    /// The labels as they are now.
    var labels: LabelHashes { source.dataset.labels }

    init(
        unit: ComparisonUnit, technique: String, arm: ComparisonArm, settings: RunSettings, source: CellSource
    ) throws {
        (self.unit, self.technique, self.arm) = (unit, technique, arm)
        (self.settings, self.source) = (settings, source)
        plan = try source.plan(settings, split: source.expectedSplit)
        storage = RunStorage(settings, plan, source.size)
    }

    /// Gives it an arithmetic.
    mutating func settle(_ precision: Precision) throws {
        self = try ComparisonCell(
            unit: unit, technique: technique, arm: arm, settings: settings.with(precision), source: source)
    }

    /// A name for people.
    var name: String { unit.path.dropFirst("cells/".count) + "/" + technique + "/" + arm.fileName }

    /// The complete text of its `config.yaml`.
    var configuration: String { ConfigurationWriter.yaml(settings) }

    /// The settings that a run in its folder was begun with; nil where none was.
    func written() throws -> RunSettings? {
        let path = PathName.joined(settings.output, RunConfiguration.name)
        guard try RegularFile.exists(path, kind: .configuration) else { return nil }
        return try ConfigurationReader.read(RunSettings.self, file: path)
    }

    /// The settings that decide something about results and differ, such as "training.rate is 0.1 there and 0.01 now".
    private static func differences(of found: RunSettings, from expected: RunSettings) -> [String] {
        let found = ConfigurationWriter.values(found, [.decides, .implied, .resolved])
        let expected = ConfigurationWriter.values(expected, [.decides, .implied, .resolved])
        return Set(found.keys).union(expected.keys).sorted().filter { found[$0] != expected[$0] }.map { key in
            "\(key) is \(found[key] ?? "not set") there and \(expected[key] ?? "not set") now"
        }
    }

    /// How far it has come.
    ///
    /// - Throws: `FoveaError` of kind `configuration` when its folder holds a run of other settings, labels or
    ///   initial weights.
    func state() throws -> State {
        guard let read = try written() else { return .open }
        // Its paths count from where it was made.
        let sources = try RunSources.read(settings.output)
        func fromRoot(_ settings: RunSettings, in base: String) -> RunSettings {
            var settings = settings
            settings.changePaths { PathName.collapsed(PathName.absolute($1, in: base)) }
            return settings
        }
        let here = FileManager.default.currentDirectoryPath
        var found = fromRoot(read, in: sources?.madeIn ?? here)
        // A version that wrote `auto` computed in what that came to.
        found.training.precision = found.training.precision(on: .best)
        let differences = Self.differences(of: found, from: fromRoot(settings, in: here))
        guard differences.isEmpty else {
            throw FoveaError(
                .configuration, about: settings.output,
                "holds a run with other settings than the comparison has for it now: "
                    + Pluralization.listing(differences),
                remedy: "Remove that folder, or give the comparison another `output`.")
        }
        let metrics = PathName.joined(settings.output, "metrics.json")
        guard try RegularFile.exists(metrics) else { return .interrupted }
        let made = try RunMetrics.read(metrics)
        // By what was read, not by name: the command may be given from another folder now.
        let then = Set(made.labelTables.values)
        var changed = labels.tables.filter { !then.contains($0.value) }.map(\.key).sorted()
        if let attributes = made.attributes, attributes != labels.attributes { changed.append("the attribute file") }
        // What a network begins from is a part of what its result is made of.
        if let then = sources?.sha256(of: "model.weights"), let now = source.weights?.sha256, then != now {
            changed.append("the weights \(settings.model.weights ?? "")")
        }
        guard changed.isEmpty else {
            throw FoveaError(
                .configuration, about: settings.output,
                "was finished with other files: since then \(Pluralization.listing(changed)) changed",
                remedy: "Remove that folder, or give the comparison another `output`.")
        }
        return .finished
    }
}
