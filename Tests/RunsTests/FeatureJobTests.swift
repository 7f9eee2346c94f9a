import Foundation
import FundusImaging
import Models
import Reports
import RunTestSupport
import Runs
import Settings
import TestSupport
import Testing
import Torch
import Weights

/// Distillation of features in a run.
@Suite(.serialized) struct FeatureJobTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func featuresAreStoredBesideTheBankAndNotInTheModel() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.stages = folder.path + "/stages"
        try job.execute()
        func banks() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/stages/banks")
                .filter { !$0.hasSuffix(".lock") }.sorted()
        }
        let without = try banks()
        #expect(!without.contains { $0.hasSuffix("-features.safetensors") })
        let model = try WeightFile.open(job.settings.output + "/model.safetensors").tensors

        job.settings.distillation?.featureLambda = 0.5
        job.settings.output = folder.path + "/features"
        try job.execute()
        #expect(
            try banks()
                == (without + without.map { $0.replacing(".safetensors", with: "-features.safetensors") }).sorted())
        #expect(try WeightFile.open(job.settings.output + "/model.safetensors").tensors == model)
        let history = try HistoryFile(path: job.settings.output + "/history.csv").rows
        for row in history {
            let parts = [row.labelLoss, row.distillationLoss, row.featureLoss].map { $0 ?? 0 }
            #expect(abs((row.trainingLoss ?? 0) - parts.reduce(0, +)) < 1e-9, "the whole is the sum of its parts")
            #expect(parts[0] > 0 && (row.stage == "student") == (parts[1] > 0 && parts[2] > 0))
        }
        let before = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/run/predictions.csv"))
        #expect(try job.file("predictions.csv") != before)

        // A further student evaluates no teacher again.
        job.settings.distillation?.featureLambda = 1
        job.settings.output = folder.path + "/further"
        try job.execute()
        let cost = try job.costs()
        #expect(cost.filter { !$0.reused }.map(\.stage) == ["student"])
    }

    /// Its backbone is frozen, so that only the projections, which are not kept, would learn.
    @Test func aSecondStageDistilsNoFeatures() throws {
        var job = try SmallJob(in: folder.path)
        job.settings.technique.second.name = .retraining
        job.settings.technique.second.epochs = 1
        job.settings.distillation?.featureLambda = 1000
        try job.execute()
        let history = try HistoryFile(path: job.settings.output + "/history.csv").rows
        func row(_ stage: String) throws -> HistoryRow { try #require(history.first { $0.stage == stage }) }
        // A cosine distance of about 1, times 1000.
        #expect(try row("student").featureLoss ?? 0 > 100 && row("student-crt").featureLoss == nil)
        #expect(try row("student-crt").distillationLoss != nil)
    }

    @Test func singleLabelsCanHaveItToo() throws {
        let folder = self.folder
        var rows = ["image,a,b,c"]
        for i in 0..<24 {
            let name = "\(i).png"
            try folder.image(i, to: "pictures/" + name)
            rows.append(name + [",1,0,0", ",0,1,0", ",0,0,1"][i % 3])
        }
        var settings = try SmallJob(in: folder.path).settings
        settings.data.table = try folder.write(rows.joined(separator: "\n") + "\n", to: "single.csv")
        settings.data.images = folder.path + "/pictures"
        settings.data.attributes = nil
        settings.data.labels = .single
        settings.data.split.method = .make
        settings.distillation?.grouping = "single"
        settings.distillation?.featureLambda = 1
        settings.training.batchSize = 4
        let outcome = try SmallJob(settings).execute()
        #expect(outcome.studentResult != nil)
    }
}
