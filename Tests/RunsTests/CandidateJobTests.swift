import Basics
import ConfigurationFile
import Foundation
import NN
import RunFiles
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing

/// The best of several trainings by an inner split of the training patients.
@Suite(.serialized) struct CandidateJobTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func candidate(_ epochs: Int, _ schedule: Schedule.Form = .cosine) -> TrainingCandidate {
        var candidate = TrainingCandidate()
        (candidate.epochs, candidate.schedule) = (epochs, schedule)
        return candidate
    }

    @Test func theBestCandidateIsTrainedOnAllPatients() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
        job.settings.stages = folder.path + "/stages"
        job.settings.training.candidates = [candidate(1), candidate(2, .cosineTwice)]
        var log: [String] = []
        try job.execute(log: { log.append($0) })
        let costs = try job.costs()
        #expect(costs.map(\.stage) == ["candidate-1", "candidate-2", "plain"])
        #expect(costs[0].images < costs[2].images)
        let taken = try #require(log.first { $0.contains("is taken") })
        let index = taken.contains("candidate 1") ? 0 : 1
        #expect(log.count { $0.contains("on the inner split") } == 2)
        let found = try candidates(of: job)
        #expect(found.map(\.taken) == [index == 0, index == 1])
        #expect(found.map(\.training) == ["1 epoch, cosine", "2 epochs, cosine_twice"])
        #expect(found.allSatisfy { ($0.meanAveragePrecision ?? 0) > 0 })
        let report = String(decoding: try job.file("report.md"), as: UTF8.self)
        #expect(report.contains("## Candidates\n") && report.contains("taken, trained on all training patients"))

        // The model is the one that a run of those settings alone trains.
        var alone = SmallJob(job.settings)
        alone.settings.output = folder.path + "/alone"
        alone.settings.training = job.settings.training.taking(job.settings.training.candidates[index])
        alone.settings.training.candidates = []
        try alone.execute()
        #expect(try alone.costs().map(\.reused) == [true])
        #expect(try alone.file("model.safetensors") == job.file("model.safetensors"))
    }

    private func candidates(of job: SmallJob) throws -> [RunMetrics.Candidate] {
        try RunMetrics.read(job.settings.output + "/metrics.json").candidates ?? []
    }

    /// Where no class can be ranked, no number is made up, and a warning says so.
    @Test func candidatesThatCannotBeRankedAreNotRanked() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation = nil
        job.settings.evaluation.bootstrap = 0
        job.settings.training.candidates = [candidate(1), candidate(2)]
        // Of the training patients only the first shows anything: none of the inner split does.
        let lines = try String(contentsOfFile: job.settings.data.table, encoding: .utf8).split(separator: "\n")
        let place = try #require(lines[0].split(separator: ",").firstIndex(of: "split"))
        let first = try #require(lines.first { $0.contains(",train,") }?.split(separator: ",")[1])
        let changed = lines.map { line in
            let cells = line.split(separator: ",")
            if cells[place] != "train" || cells[1] == first { return String(line) }
            return (cells[...place] + cells[(place + 1)...].map { _ in "0" }).joined(separator: ",")
        }
        job.settings.data.table = try folder.write(changed.joined(separator: "\n") + "\n", to: "l.csv")
        var log: [String] = []
        try job.execute(log: { log.append($0) })
        #expect(log.contains("candidate 1, 1 epoch, cosine: mAP – on the inner split"), "\(log)")
        #expect(log.contains { $0.hasPrefix("warning: no candidate of training.candidates can be ranked, so the ") })
        #expect(log.contains("candidate 1 is taken: 1 epoch, cosine"))
        let found = try candidates(of: job)
        #expect(found.map(\.taken) == [true, false] && found.allSatisfy { $0.meanAveragePrecision == nil })
        #expect(String(decoding: try job.file("report.md"), as: UTF8.self).contains("| 1 epoch, cosine | – | taken"))
    }

    @Test func candidatesAndDistillationAreRefused() throws {
        let error = #expect(throws: FoveaError.self) {
            try ConfigurationReader.read(
                RunSettings.self, yaml: "training: {candidates: [{epochs: 3}]}\ndistillation: {}", source: "test.yaml",
                environment: [:])
        }
        #expect(error?.message.contains("training.candidates and distillation are given") == true)
    }

    @Test func theStandardOnesAreFiveLengthsWithAndWithoutAveragedWeights() {
        let standard = TrainingCandidate.standard(epochs: 10)
        #expect(standard.map(\.epochs) == [10, 20, 33, 66, 20, 10, 20, 33, 66, 20])
        #expect(
            standard.map { $0.averageDecay != nil } == [Bool](repeating: false, count: 5)
                + Array(repeating: true, count: 5))
        #expect(standard.filter { $0.schedule == .cosineTwice }.count == 2)
    }
}
