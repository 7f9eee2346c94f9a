import Backbones
import Basics
import Cohorts
import Evaluation
import Foundation
import FundusImaging
import Losses
import Models
import NN
import Sampling
import Settings
import TestSupport
import Testing
import Torch
import Training

@Suite struct SecondStageTests {
    @Test func tauNormalisationIsGolden() throws {
        let golden = try GoldenTechniques.read()
        for expected in golden.tau {
            for keepsBias in [true, false] {
                let network = try golden.network()
                let stage = TauNormalization(tau: expected.tau, keepsBias: keepsBias)
                try stage.begin(network, counts: [])
                try stage.end(network)
                let logits = try network.logits(of: matrix(golden.features))
                #expect(!stage.isTrained)
                #expect(try distance(network.head.weight.value.array(), flat(expected.weights)) < 1e-6)
                let wanted = keepsBias ? expected.logits : expected.withoutBias
                #expect(try distance(logits.array(), flat(wanted)) < 1e-6, "tau \(expected.tau)")
            }
        }
    }

    @Test func scalingIsGoldenAndItsGradientToo() throws {
        let golden = try GoldenTechniques.read()
        let network = try golden.network()
        let stage = LearnableWeightScaling()
        try stage.begin(network, counts: [])
        #expect(network.head.ownParameters.map(\.name) == ["weight", "bias", "log_scale"])
        let scale = try #require(network.head.logScale)
        try Autograd.withoutGrad {
            try scale.value.copy(from: Tensor(golden.scaling.logScale.map { Float($0) }))
        }
        let logits = try network.logits(of: matrix(golden.features))
        #expect(try distance(logits.array(), flat(golden.scaling.logits)) < 1e-6)
        let loss = try BinaryCrossEntropy()(logits: logits, labels: matrix(golden.labels), mask: nil)
        try loss.backward()
        #expect(try abs(loss.item() - golden.scaling.loss) < 1e-6)
        #expect(
            try distance(#require(scale.value.grad).array(), golden.scaling.gradient.map { Float($0) }) < 1e-6)
        #expect(network.head.weight.value.grad == nil && network.head.bias?.value.grad == nil)

        try stage.end(network)
        let ordinary = try network.logits(of: matrix(golden.features))
        #expect(try distance(ordinary.array(), flat(golden.scaling.logits)) < 1e-6)
        #expect(network.head.ownParameters.map(\.name) == ["weight", "bias"])
    }

    private static let rows = ["100", "010", "001", "110", "000", "000", "100", "100", "100", "010", "000", "100"]

    /// Trains the head of a network with a norm and dropout, as the second stage of a run does.
    private func trained(_ stage: any SecondStage, _ network: Classifier, _ data: TrainingData) throws {
        var plan = plainPlan(epochs: 6)
        plan.optimizer = .adamw
        plan.backboneRate = 0
        let labels = (0..<data.cohort.count).flatMap { row in (0..<3).map { data.cohort.label(row, $0) } }
        let sampler = ClassAwareSampler(
            try LabelledRows(labels: labels, classCount: 3, rows: Array(0..<data.cohort.count)), seed: 4)
        let counts = (0..<3).map { column in
            (data.cohort.classCounts(rows: Array(0..<data.cohort.count))[column], data.cohort.count)
        }
        try stage.begin(network, counts: counts)
        _ = try makeTrainer(plan, data).train(
            network, .symmetric, objective: LabelObjective(BinaryCrossEntropy()),
            stream: EpochStream(sampler, views: nil))
        try stage.end(network)
    }

    @Test func onlyTheHeadChanges() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        for (stage, changesBias) in [
            (ClassifierRetraining(bias: HeadBias(-1)) as any SecondStage, true), (LearnableWeightScaling(), false),
        ] {
            let network = try tinyNetwork(classes: 3, norm: true, dropout: 0.2)
            // Statistics that a training would move.
            for _ in 0..<3 { _ = try network(.normal([4, 3, 16, 16])) }
            let names = network.namedParameters.map(\.name)
            let before = try network.namedParameters.map { try $0.parameter.value.array() as [Float] }
            try trained(stage, network, data)
            #expect(network.namedParameters.map(\.name) == names, "an ordinary classifier")
            let after = try network.namedParameters.map { try $0.parameter.value.array() as [Float] }
            for (name, (old, new)) in zip(names, zip(before, after)) {
                let stays = !name.hasPrefix("fc") || (name == "fc.bias" && !changesBias)
                #expect((old == new) == stays, "\(name) after \(stage)")
            }
        }
    }

    @Test func aNewHeadForgetsTheOldOne() throws {
        let (one, other) = (try tinyNetwork(classes: 3, seed: 1), try tinyNetwork(classes: 3, seed: 2))
        for network in [one, other] {
            try ClassifierRetraining(bias: HeadBias()).begin(network, counts: [(9, 19), (1, 19), (4, 9)])
            let weights = try network.head.weight.value.array() as [Float]
            #expect((weights.map(abs).max() ?? 1) < 0.1, "weights begin near 0")
            let bias = try #require(network.head.bias).value.array() as [Float]
            let expected = [log(9.5 / 10.5), log(1.5 / 18.5), log(4.5 / 5.5)].map { Float($0) }
            #expect(distance(bias, expected) < 1e-6)
        }
    }

    /// LWS and tau-normalisation give each class a rising function of its logit: ranks stay, probabilities do not.
    @Test func scalingAndNormalisationChangeNoRankingWithinAClass() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(Self.rows)
        var random = SeededRandom(seed: 8)
        // Only images whose logits lie apart: those nearer than the rounding of a product may change places.
        let candidates: [[Double]] = (0..<400).map { _ in (0..<8).map { _ in random.uniform(0, 2) } }
        let logits = try tinyNetwork(classes: 3).logits(of: matrix(candidates)).array() as [Float]
        var kept: [Int] = []
        for row in candidates.indices where kept.count < 200 {
            func isApart(_ other: Int) -> Bool {
                (0..<3).allSatisfy { (c: Int) -> Bool in
                    let gap: Float = logits[row * 3 + c] - logits[other * 3 + c]
                    return abs(gap) > 1e-5
                }
            }
            if kept.allSatisfy(isApart) { kept.append(row) }
        }
        try #require(kept.count == 200)
        let features = try matrix(kept.map { candidates[$0] })
        let labels = (0..<600).map { _ in Int8(random.uniform() < 0.3 ? 1 : 0) }
        func result(_ network: Classifier) throws -> EvaluationResult {
            network.setTraining(false)
            let scores = try Autograd.withoutGrad { try network.logits(of: features).sigmoid().array() as [Float] }
            var options = EvaluationOptions()
            options.bootstrap = nil
            options.thresholds = [0.5, 0.5, 0.5]
            return try Evaluator.evaluate(
                Outcomes(
                    classes: ["a", "b", "c"], images: (0..<200).map { "\($0)" }, labels: labels, scores: scores,
                    patients: []), options)
        }
        let plain = try result(tinyNetwork(classes: 3))
        for stage in [LearnableWeightScaling() as any SecondStage, TauNormalization(tau: 0.7, keepsBias: true)] {
            let network = try tinyNetwork(classes: 3)
            if stage.isTrained { try trained(stage, network, data) } else { try stage.begin(network, counts: []) }
            let found = try result(network)
            for (old, new) in zip(plain.classes, found.classes) {
                #expect(old.averagePrecision.value == new.averagePrecision.value)
                #expect(old.rocAUC.value == new.rocAUC.value)
                #expect(old.calibrationError != new.calibrationError)
            }
            #expect(found.microF1 != plain.microF1)
        }
        let retrained = try tinyNetwork(classes: 3)
        try trained(ClassifierRetraining(bias: HeadBias(0)), retrained, data)
        let other = try result(retrained).classes
        #expect(zip(plain.classes, other).allSatisfy { $0.rocAUC.value != $1.rocAUC.value }, "cRT ranks anew")
    }
}
