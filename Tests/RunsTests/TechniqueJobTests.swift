import Backbones
import Basics
import Foundation
import Losses
import Reports
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch
import Weights

/// Techniques in whole runs: alone, in the teachers and in the student.
@Suite(.serialized) struct TechniqueJobTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Every loss, and with them every sampler in turn.
    private static let techniques = LossRegistry.names.enumerated().map { place, loss in
        let samplers = TechniqueSettings.SamplerName.allCases
        return (loss: loss, sampler: samplers[(place + 1) % samplers.count])
    }

    @Test(arguments: techniques)
    func everyTechniqueTrainsAloneInTeachersAndInTheStudent(
        loss: String, sampler: TechniqueSettings.SamplerName
    ) throws {
        var job = try SmallJob(in: folder.path)
        job.settings.technique.loss = loss
        job.settings.technique.sampler = sampler
        // Epochs of many lengths.
        job.settings.technique.repeatThreshold = 0.5
        job.settings.training.batchSize = 4
        job.settings.training.epochs = 3
        job.settings.distillation?.teachers.technique = .same
        job.settings.distillation?.teachers.epochs = 3
        job.settings.distillation?.grouping = "single"
        let outcome = try job.execute()
        #expect(outcome.studentResult != nil)
        let history = try HistoryFile(path: job.settings.output + "/history.csv").rows
        let stages = Dictionary(grouping: history, by: \.stage)
        #expect(Set(stages.keys) == ["plain", "teacher-single", "student"])
        for (stage, rows) in stages {
            #expect(rows.count == 3 && rows.allSatisfy { ($0.trainingLoss ?? 0) > 0 }, "\(stage)")
        }
    }

    /// With a frozen backbone teachers are heads of their own on the plain model's trunk, statistics and all.
    @Test(arguments: [0.0, nil])
    func teachersMayShareTheTrunkOfThePlainModel(backboneRate: Double?) throws {
        var job = try SmallJob(in: folder.path)
        job.settings.distillation?.teachers.backboneRate = backboneRate
        try job.execute()
        let stages = job.settings.output + "/stages/"
        let names = try FileManager.default.contentsOfDirectory(atPath: stages)
        func weights(_ name: String) throws -> WeightFile { try .open(stages + name + "/model.safetensors") }
        let plain = try weights(try #require(names.first { $0.hasPrefix("plain-") }))
        let teachers = names.filter { $0.hasPrefix("teacher-") }
        #expect(teachers.count > 1)
        for name in teachers {
            let teacher = try weights(name)
            let trunk = teacher.tensors.filter { !$0.name.hasPrefix("classifier.") }
            let moved = try trunk.filter { entry in
                let same = try #require(plain.tensor(named: entry.name))
                return try teacher.readTensor(entry).array(as: Float.self)
                    != plain.readTensor(same).array(as: Float.self)
            }
            #expect(trunk.count > 50 && moved.isEmpty == (backboneRate == 0), "\(name): \(moved.map(\.name))")
        }
        let file = try HistoryFile(path: job.settings.output + "/history.csv")
        #expect(file.rows.contains { $0.stage.hasPrefix("teacher-") && ($0.trainingLoss ?? 0) > 0 })
    }

    /// The model of BCE that teachers begin at is that of a run of BCE, whatever the run mixes.
    @Test func mixingSharesTheTeachersOfBCE() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.stages = folder.path + "/stages"
        job.settings.training.epochs = 2
        try job.execute()
        job.settings.technique.mixing.kind = .mixup
        job.settings.output = folder.path + "/mixed"
        try job.execute()
        let cost = try job.costs()
        #expect(cost.filter { !$0.reused }.map(\.stage) == ["plain", "student"])
        #expect(cost.contains { $0.stage == "plain bce" } && cost.contains { $0.stage.hasPrefix("teacher ") })
    }
}
