import Basics
import Execution
import Foundation
import Logging
import RunFiles
import Runs
import Settings
import Torch

/// `fovea compare`: runs what is not finished of a comparison, unit by unit, and reports the results.
public struct Comparison {
    private let settings: ComparisonSettings
    private let context: ExecutionContext
    private var logger: Logger
    /// How many processes the comparison was divided among, where this is one of them.
    private var jobs: Int?
    /// Threads that a cell is computed with; reports take all that there are.
    public var cellThreads: Int

    /// Prepares a comparison; nothing is read yet.
    public init(_ settings: ComparisonSettings, _ context: ExecutionContext) {
        self.settings = settings
        self.context = context
        logger = context.logger
        cellThreads = context.threads
    }

    /// What a cell is computed with. Its messages are kept in a log of its own, in the folder of the cell.
    private var cellContext: ExecutionContext {
        var given = context
        given.threads = cellThreads
        given.isResuming = true
        return given
    }

    /// All cells, with the arithmetic chosen.
    private func plan() throws -> ComparisonPlan {
        // What is measured is kept for that number.
        Engine.threads = cellThreads
        return try ComparisonPlan(settings) { try $0.settlingPrecision(cellContext, logger: logger) }
    }

    /// Chooses the arithmetic, so that jobs that start together find the same one.
    public func settlePrecision() throws { _ = try plan() }

    /// Checks all that can be before anything is run.
    ///
    /// - Throws: what `execute` would.
    public func openWork() throws -> OpenWork { try OpenWork(checked { try ComparisonPlan(settings) }.open) }

    /// What would be run, and what that is expected to cost. No cell is trained; only a measured arithmetic is written, into
    /// the per-user cache.
    public func forecast() throws -> ComparisonForecast {
        try ComparisonForecast(plan(), context)
    }

    /// Runs every cell that is not finished, then evaluates all.
    ///
    /// Several processes may work at one comparison: each takes units that no other holds. A cell whose training
    /// diverges is reported and skipped, and the others continue.
    /// - Parameter configuration: the text of `comparison.yaml`, complete.
    /// - Throws: `FoveaError`, for a cell that diverged at the end; `CancellationError` when stopped.
    public func execute(configuration: String) throws -> ComparisonOutcome {
        try keepingMessages { comparison, kept in
            let (plan, held) = try comparison.runCells(configuration, keeping: kept)
            if let cell = try held.first(where: { try $0.state() != .finished }) {
                let claim = Claim.file(of: comparison.claimPlace(of: cell.unit)).map { "; it holds \($0)" } ?? ""
                throw FoveaError(
                    .busy, "another process is still working on cells of \(settings.output)" + claim,
                    remedy: "Repeat the command when it has ended; --report evaluates what is finished now.")
            }
            return try comparison.report(plan, folds: [], merge: nil)
        }
    }

    /// Runs, as one of several jobs, the cells of all units that no other process holds, and evaluates nothing.
    ///
    /// - Parameter jobs: how many there are.
    /// - Throws: as `execute`, but not for units that another process holds.
    public func work(configuration: String, asOneOf jobs: Int) throws {
        try keepingMessages { comparison, kept in
            comparison.jobs = jobs
            _ = try comparison.runCells(configuration, keeping: kept)
        }
    }

    /// Does some work whose messages, and whose end, `comparison.log` keeps.
    private func keepingMessages<Value>(_ work: (inout Comparison, LogFile) throws -> Value) throws -> Value {
        let kept = LogFile(warning: logger)
        var comparison = self
        comparison.logger = logger.keeping(in: kept)
        do {
            let value = try work(&comparison, kept)
            kept.add(.info, "finished")
            return value
        } catch {
            kept.add(error)
            throw error
        }
    }

    /// The cells that are not finished, after all checks that need no training.
    private func checked(_ plan: () throws -> ComparisonPlan) throws -> (
        plan: ComparisonPlan, open: [ComparisonCell], photographs: ComparisonPhotographs
    ) {
        try ComparisonFolder.requireOwn(settings.output)
        if let stages = settings.stages { try Folder.check(stages, named: "stages") }
        let plan = try plan()
        for cell in plan.cells { try cell.settings.checkFolders() }
        let (open, photographs) = try plan.open()
        if !open.isEmpty { try photographs.requireUnchanged(plan, context) }
        // All that the comparison has yet to run, together, must fit on the disk.
        try DiskSpace.require(
            try needs(of: open),
            of: "the \(Pluralization.count(open.count, "cell")) that the comparison has yet to run",
            remedy: RunCheck.remedy(open.map(\.settings)))
        return (plan, open, photographs)
    }

    /// Runs what is not finished; gives the cells that other processes held to the last.
    private func runCells(
        _ configuration: String, keeping kept: LogFile
    ) throws -> (plan: ComparisonPlan, held: [ComparisonCell]) {
        var (plan, left, photographs) = try checked(self.plan)
        // After that: a comparison that is refused leaves the folder as it was.
        try ComparisonFolder.accept(settings.output)
        kept.open(PathName.joined(settings.output, ComparisonFolder.logName))
        try AtomicFile.write(configuration, to: PathName.joined(settings.output, ComparisonFolder.descriptionName))
        tell("\(plan.cells.count) cells, \(plan.cells.count - left.count) of them finished")
        var pace = Pace(open: left, jobs: jobs ?? 1)
        var failures: [(cell: String, error: FoveaError)] = []
        while !left.isEmpty {
            let pass = try runFree(of: left, plan.units, &pace, &photographs, &failures)
            left = pass.held
            // Other processes may have released cells meanwhile. What a job finds held, another job does.
            guard pass.hasRun, jobs == nil else { break }
        }
        if let (cell, error) = failures.first {
            throw FoveaError(
                .numerical,
                "\(Pluralization.count(failures.count, "cell")) could not be trained: "
                    + Pluralization.listing(failures.map(\.cell)) + ". \(cell): \(error.message)",
                remedy: (error.remedy.map { $0 + " " } ?? "")
                    + "`fovea compare --report` evaluates the others.")
        }
        return (plan, left)
    }

    /// Says what all jobs would say alike only where details are wanted.
    private func tell(_ message: Logger.Message) { logger.log(level: jobs == nil ? .info : .debug, message) }

    /// What a claim on a unit names.
    private func claimPlace(of unit: ComparisonUnit) -> String { PathName.joined(settings.output, unit.path, ".claim") }

    /// Runs the cells that no other process holds; gives those that one does, and whether any was run.
    private func runFree(
        of cells: [ComparisonCell], _ units: [ComparisonUnit], _ pace: inout Pace,
        _ photographs: inout ComparisonPhotographs, _ failures: inout [(cell: String, error: FoveaError)]
    ) throws -> (held: [ComparisonCell], hasRun: Bool) {
        var held: [ComparisonCell] = []
        var hasRun = false
        for unit in units {
            let cells = cells.filter { $0.unit == unit }
            guard !cells.isEmpty else { continue }
            try Folder.make(PathName.joined(settings.output, unit.path))
            guard let claim = try Claim(claimPlace(of: unit), shouldStop: context.shouldStop) else {
                tell("\(unit.path) is being worked at by another process")
                held += cells
                if jobs != nil { cells.forEach { pace.leave($0) } }
                continue
            }
            for cell in cells {
                guard !claim.isLost else {
                    held.append(cell)
                    continue
                }
                // Another process may have finished it since.
                guard try cell.state() != .finished else {
                    pace.leave(cell)
                    continue
                }
                logger.info("cell \(pace.number) of \(pace.count), \(cell.name)\(pace.remaining(from: cell))")
                do {
                    pace.finish(cell, seconds: try run(cell, claim))
                    try photographs.add(cell)
                    hasRun = true
                } catch let error as FoveaError where error.kind == .numerical {
                    logger.warning("\(cell.name) is left: \(error.message)")
                    failures.append((cell.name, error))
                    pace.leave(cell)
                    hasRun = true
                } catch let error as FoveaError where error.kind == .busy {
                    logger.info("\(cell.name) is left for later: \(error.message)")
                    held.append(cell)
                } catch is CancellationError where claim.isLost {
                    logger.warning(
                        "\(unit.path) was taken over by another process: this one did not answer for too long")
                    held.append(cell)
                }
            }
            withExtendedLifetime(claim) {}
        }
        return (held, hasRun)
    }

    /// About how many bytes cells that are not finished have yet to write: models and view banks, then checkpoints and results.
    package func missingBytes() throws -> [Int] {
        try needs(of: ComparisonPlan(settings).open().cells).map(\.bytes)
    }

    private func needs(of open: [ComparisonCell]) throws -> [DiskSpace.Need] {
        guard let folder = open.first?.settings.stageFolder else { return [] }
        let kept = open.map { $0.settings.missingBytes(of: $0.storage, peak: false) }
        // One cell trains at a time; what it writes in addition to what stays is deleted before the next one begins.
        let passing = zip(open, kept).map { $0.settings.missingBytes(of: $0.storage, peak: true) - $1 }.max() ?? 0
        return [
            DiskSpace.Need(
                try RunStorage.missingBytes(of: open.map(\.storage), in: StageStore(folder: folder)), in: folder,
                for: "models and view banks"),
            DiskSpace.Need(kept.reduce(0, +) + passing, in: settings.output, for: "checkpoints and results"),
        ]
    }

    /// Evaluates what is finished, without running anything.
    ///
    /// - Parameters:
    ///   - folds: only these, in a folder of their own; all of them for none.
    ///   - merge: a file of near-synonyms to be treated as one class, in a folder of their own; nil for none.
    /// - Throws: `FoveaError` of kind `configuration` when nothing is finished or there is no such fold, `data` when the
    ///   near-synonyms do not fit the classes.
    public func report(folds: [Int] = [], merge: String? = nil) throws -> ComparisonOutcome {
        try report(ComparisonPlan(settings), folds: folds, merge: merge)
    }

    private func report(_ plan: ComparisonPlan, folds: [Int], merge: String?) throws -> ComparisonOutcome {
        let folds = Set(folds).sorted()
        let part = ComparisonFolder.part(folds: folds, isMerged: merge != nil)
        let folder = settings.output + (part.map { "/" + $0 } ?? "")
        // Before the work, and again when it is written.
        try ComparisonFolder.requireOwn(folder)
        let outcome = try ComparisonOutcome(plan, folds: folds, merge: merge, in: folder, context)
        try ComparisonReporting(outcome: outcome).write()
        return outcome
    }

    /// Runs a cell, or resumes it, as long as its unit is claimed; gives the seconds that it took.
    private func run(_ cell: ComparisonCell, _ claim: Claim) throws -> Double {
        let started = Date()
        var given = cellContext
        given.shouldStop = { [context] in claim.isLost || context.shouldStop() }
        _ = try Run(cell.settings, given).execute(configuration: cell.configuration)
        return Date().timeIntervalSince(started)
    }
}

/// How fast the cells go, and how long the rest will take.
private struct Pace {
    private var left: [ComparisonCell]
    private var made = Set<StageKey>()
    private var work = 0.0
    private var seconds = 0.0
    /// The number of the next cell, counted from 1.
    private(set) var number = 1
    /// How many there are.
    let count: Int
    private let jobs: Int

    init(open: [ComparisonCell], jobs: Int) { (left, count, self.jobs) = (open, open.count, jobs) }

    mutating func leave(_ cell: ComparisonCell) {
        left.removeAll { $0.settings.output == cell.settings.output }
        number += 1
    }

    mutating func finish(_ cell: ComparisonCell, seconds taken: Double) {
        work += cell.plan.work(excluding: &made)
        seconds += taken
        leave(cell)
    }

    /// In words, once a cell has been timed: the rest is divided among the jobs, but for the unit of this cell.
    func remaining(from cell: ComparisonCell) -> String {
        guard work > 0 else { return "" }
        var known = made
        var (unit, all) = (0.0, 0.0)
        for other in left {
            let work = other.plan.work(excluding: &known)
            all += work
            if other.unit == cell.unit { unit += work }
        }
        return ", about \(ProgressReporter.clock(seconds * max(unit, all / Double(jobs)) / work)) left"
    }
}

extension RunPlan {
    /// What is to be made beyond what was made before, to which it is added.
    func work(excluding made: inout Set<StageKey>) -> Double {
        stages(excluding: &made).reduce(0) { $0 + $1.work.total }
    }
}
