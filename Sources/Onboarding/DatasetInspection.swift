import Basics
import Cohorts
import Evaluation
import Execution
import Foundation
import FundusImaging
import Models
import Reports
import RunFiles
import Settings

/// What `fovea inspect` looks at, and how closely.
public struct DatasetInspection: Sendable {
    /// Where photographs and labels are.
    public var data: DataSettings
    /// The configuration that divides them; nil for a table alone, of which all photographs count.
    public var settings: RunSettings?
    /// Where the long tail is divided.
    public var evaluation = EvaluationSettings()
    /// A grouping to show in addition to `shot` and those of the attributes; nil for none.
    public var grouping: String?
    /// Largest number of pixels that a file may claim.
    public var pixelLimit = ImageSettings().pixelLimit
    /// Decides the shuffle of random groupings.
    public var seed = 0
    /// Whether every image is decoded to see that it can be read.
    public var decodes = true

    /// Files that will be written, and so must be none of those that are read.
    public var outputs: [OutputFile] = []

    /// Looks at the data of a configuration.
    public init(_ settings: RunSettings) {
        data = settings.data
        self.settings = settings
        evaluation = settings.evaluation
        grouping = settings.distillation?.grouping
        pixelLimit = settings.image.pixelLimit
        seed = settings.seed
    }

    /// Looks at a label table.
    ///
    /// - Parameters:
    ///   - images: the folder of its photographs; nil to look for them around the table.
    ///   - attributes: a YAML file of class attributes.
    /// - Throws: `FoveaError` of kind `data` when the table cannot be read or its photographs are not found.
    public init(table: String, images: String?, attributes: String?) throws {
        data = try DataSettings(table: table, images: images, attributes: attributes)
    }

    /// Looks at everything.
    public func run(_ context: ExecutionContext) throws -> Inspection {
        let (cohort, attributes) = try data.readCohort()
        for output in outputs { try output.refuse(data.inputs(of: cohort)) }
        var groupings = ["shot"] + (attributes?.axes ?? [])
        var notes: [String] = []
        if let grouping, !groupings.contains(grouping) {
            if try Grouping.learnedTerms(grouping, attributes: attributes) > 0 {
                notes.append("the grouping \(grouping) is learnt by a run, from its trained plain model")
            } else {
                groupings.append(grouping)
            }
        }
        let (split, problems) = try divide(cohort)
        if settings?.data.split.method == .column, let note = split?.leftOutNote(of: cohort) { notes.append(note) }
        let looks = decodes ? try look(at: cohort, context) : []
        let hasPositives = cohort.classCounts(rows: split?.training).contains { $0 > 0 }
        return try Inspection(
            cohort, attributes: attributes, split: split, groupings: hasPositives ? groupings : [],
            bounds: evaluation.bounds(), seed: UInt64(seed),
            unreadable: looks.compactMap { if case .unreadable(let found) = $0 { found } else { nil } },
            featureless: looks.compactMap { if case .featureless(let found) = $0 { found } else { nil } },
            skipsUnreadable: data.unreadable == .skip, problems: problems, notes: notes)
    }

    /// The split of the configuration, and what else a training would refuse before it decodes images.
    private func divide(_ cohort: Cohort) throws -> (split: Split?, problems: [String]) {
        guard let settings else { return (nil, []) }
        var problems: [String] = []
        func attempt<Value>(_ consequence: String = "", _ work: () throws -> Value) throws -> Value? {
            do {
                return try work()
            } catch let error as FoveaError {
                problems.append(consequence + error.message)
                return nil
            }
        }
        let split = try attempt("no split can be made, so all images are counted: ") { try settings.divide(cohort) }
        if settings.data.labels == .single { _ = try attempt { try cohort.requireSingleLabels() } }
        if settings.needsSides { _ = try attempt { try cohort.eyeSides() } }
        if let weights = settings.model.weights, try !RegularFile.exists(weights) {
            problems.append("model.weights is \(weights), which does not exist")
        }
        return (split, problems)
    }

    /// The windows of the configuration's regions, or of the standard ones, drawn over photographs.
    public func regionSheet(_ context: ExecutionContext) throws -> RegionSheet {
        try RegionSheet(
            data.readCohort().cohort, settings?.regions ?? RegionSettings(), settings?.image ?? ImageSettings(), context
        )
    }

    /// The text of an inspection.
    public func text(_ inspection: Inspection, for terminal: Terminal) throws -> String {
        try InspectionText(inspection, bounds: evaluation.bounds(), hasDecoded: decodes).text(for: terminal)
    }

    /// An inspection as JSON, with keys in snake case.
    public static func json(_ inspection: Inspection) throws -> String {
        String(decoding: try JSONFormat.encoded(inspection), as: UTF8.self)
    }

    /// What is found wrong with one image.
    private enum Look: Sendable {
        case good
        case unreadable(Inspection.Unreadable)
        case featureless(Inspection.Unreadable)
        /// The machine lacks something; nothing follows about the image.
        case failed(FoveaError)
    }

    /// Decodes the images that exist as training would: shrunk, which still passes through the whole file.
    private func look(at cohort: Cohort, _ context: ExecutionContext) throws -> [Look] {
        let missing = Set(cohort.missingImages)
        let photographs = cohort.photographs.indices.filter { !missing.contains($0) }.map { cohort.photographs[$0] }
        let progress = ProgressReporter("Decoding", total: photographs.count, unit: "images")
        let limit = pixelLimit
        let found = try mapInParallel(
            photographs.count, threads: context.threads, progress: progress, shouldStop: context.shouldStop
        ) { index -> Look in
            let photograph = photographs[index]
            do {
                let image = try ImageFile(path: photograph.path, pixelLimit: limit).decode(side: 64, pixelLimit: limit)
                guard let looks = image.featureless else { return .good }
                return .featureless(Inspection.Unreadable(image: photograph.image, reason: looks))
            } catch let error as FoveaError where error.kind != .data {
                return .failed(error)
            } catch {
                let message = error.problem
                // The name is in front already.
                let reason =
                    message.hasPrefix(photograph.path + " ")
                    ? String(message.dropFirst(photograph.path.count + 1)) : message
                return .unreadable(Inspection.Unreadable(image: photograph.image, reason: reason))
            }
        }
        for case .failed(let error) in found { throw error }
        progress.finish()
        return found
    }
}
