import Basics
import ConfigurationFile
import NN
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

        // The model is the one that a run of those settings alone trains.
        var alone = SmallJob(job.settings)
        alone.settings.output = folder.path + "/alone"
        alone.settings.training = job.settings.training.taking(job.settings.training.candidates[index])
        alone.settings.training.candidates = []
        try alone.execute()
        #expect(try alone.costs().map(\.reused) == [true])
        #expect(try alone.file("model.safetensors") == job.file("model.safetensors"))
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
