import Backbones
import Basics
import FundusImaging
import Losses
import Models
import Settings
import TestSupport
import Testing
import Torch
import Training

@Suite struct MixingTests {
    private static let all = [Mixing(.mixup, alpha: 0.2), Mixing(.mixup, alpha: 3), Mixing(.cutmix, alpha: 1)]

    @Test(arguments: all) func aMixtureIsAFunctionOfSeedEpochAndBatch(_ mixing: Mixing) throws {
        func mixture(_ seed: UInt64 = 1, _ epoch: Int = 2, _ batch: Int = 3) throws -> Mixture {
            try #require(mixing.mixture(count: 16, side: 32, seed: seed, epoch: epoch, batch: batch))
        }
        let first = try mixture()
        #expect(try mixture() == first)
        for other in [try mixture(2), try mixture(1, 3), try mixture(1, 2, 4)] {
            #expect(other.share != first.share && other.partners != first.partners)
        }
        for batch in 0..<200 {
            let found = try mixture(5, 0, batch)
            #expect(found.partners.sorted() == Array(0..<16) && 0...1 ~= found.share)
        }
    }

    @Test func sharesAreOfTheBetaDistribution() throws {
        for expected in try GoldenTechniques.read().shares {
            let mixing = Mixing(.mixup, alpha: expected.alpha)
            let shares = (0..<20_000).compactMap {
                mixing.mixture(count: 1, side: 8, seed: 3, epoch: 0, batch: $0)?.share
            }
            #expect(shares.count == 20_000)
            for (place, below) in zip(expected.at, expected.below) {
                let found = Double(shares.count { $0 < place }) / Double(shares.count)
                // Four standard errors.
                #expect(abs(found - below) < 0.015, "alpha \(expected.alpha): \(found) below \(place)")
            }
        }
        // The smallest alpha of a configuration: one image or the other, and no number that is none.
        let extreme = (0..<100).compactMap {
            Mixing(.mixup, alpha: 0.01).mixture(count: 1, side: 8, seed: 3, epoch: 0, batch: $0)?.share
        }
        #expect(extreme.allSatisfy { 0...1 ~= $0 } && extreme.count { $0 < 1e-6 || $0 > 1 - 1e-6 } > 60)
    }

    /// Image i is i everywhere.
    private static func pictures(_ count: Int, side: Int) throws -> Tensor {
        let values = (0..<count).flatMap { i in [Float](repeating: Float(i), count: 3 * side * side) }
        return try Tensor(values, shape: [count, 3, side, side]).contiguous(.channelsLast)
    }

    @Test func everyPixelIsMixedByTheShare() throws {
        let images = try Self.pictures(5, side: 4)
        let mixture = try #require(
            Mixing(.mixup, alpha: 1).mixture(count: 5, side: 4, seed: 1, epoch: 0, batch: 0))
        let mixed = try mixture.applied(to: images)
        #expect(mixed.isChannelsLast && mixture.box == nil)
        let found = try mixed.array() as [Float]
        let expected = (0..<5).flatMap { i -> [Float] in
            let value = mixture.share * Double(i) + (1 - mixture.share) * Double(mixture.partners[i])
            return [Float](repeating: Float(value), count: 48)
        }
        #expect(distance(found, expected) < 1e-5)
    }

    @Test func theShareOfCutMixIsTheAreaThatIsLeft() throws {
        var (areas, empty) = (Set<Int>(), 0)
        for (side, batch) in (0..<150).flatMap({ [(7, $0), (16, $0)] }) {
            let images = try Self.pictures(3, side: side)
            let mixture = try #require(
                Mixing(.cutmix, alpha: 1).mixture(count: 3, side: side, seed: 9, epoch: 1, batch: batch))
            let mixed = try mixture.applied(to: images)
            #expect(mixed.isChannelsLast)
            let pixels = try mixed.array() as [Float]
            for (i, partner) in mixture.partners.enumerated() where partner != i {
                let own = pixels[i * 3 * side * side..<(i + 1) * 3 * side * side]
                #expect(own.allSatisfy { $0 == Float(i) || $0 == Float(partner) })
                let left = own.count { $0 == Float(i) }
                #expect(mixture.share == Double(left) / Double(3 * side * side))
                areas.insert(left)
            }
            if mixture.share == 1 { empty += 1 }
        }
        // Boxes of many sizes, some cut off at the border, some of no pixel at all.
        #expect(areas.count > 40 && empty > 0)
    }

    @Test func boxesOfCutMixAreAsLargeAsThePaperSays() throws {
        let shares = (0..<20_000).compactMap {
            Mixing(.cutmix, alpha: 1).mixture(count: 1, side: 512, seed: 4, epoch: 0, batch: $0)?.share
        }
        // A standard deviation of at most 0.3, so that four standard errors are below 0.009.
        let mean = shares.reduce(0, +) / Double(shares.count)
        #expect(try abs(mean - GoldenTechniques.read().cutmixMeanShare) < 0.009, "\(mean)")
    }

    @Test func targetsAreMixedWhereBothLabelsAreKnown() throws {
        let golden = try GoldenTechniques.read()
        let network = try golden.network()
        let logits = try network.logits(of: matrix(golden.features))
        var (labels, mask) = (golden.labels, golden.labels.map { $0.map { _ in 1.0 } })
        for cell in golden.mixed.unknown { (labels[cell[0]][cell[1]], mask[cell[0]][cell[1]]) = (0, 0) }
        let batch = TrainingBatch(
            images: logits, targets: try Targets(labels: matrix(labels), mask: matrix(mask)), items: [], progress: 0,
            mixture: Mixture(share: golden.mixed.share, partners: golden.mixed.partners))
        let parts = try LabelObjective(BinaryCrossEntropy())
            .lossTerms(NetworkOutputs(features: logits, logits: logits), batch)
        #expect(try abs(parts[0].item() - golden.mixed.loss) < 1e-5)
    }

    /// A loss that is not linear in its labels is that of the one image and that of the other.
    @Test func everyLossSeesLabelsOfOneImage() throws {
        let context = LossContext(classCounts: [9, 4, 2, 1], imageCount: 20)
        let golden = try GoldenTechniques.read()
        let (logits, labels) = (try matrix(golden.features.map { $0 + [0.3] }), try matrix(golden.labels))
        let mixture = Mixture(share: 0.3, partners: [2, 0, 3, 1])
        let batch = TrainingBatch(
            images: logits, targets: try Targets(labels: labels, mask: labels * 0 + 1), items: [], progress: 0.9,
            mixture: mixture)
        for name in LossRegistry.names {
            let loss = try LossRegistry.make(name, LossParameters(), context)
            let found = try LabelObjective(loss).lossTerms(NetworkOutputs(features: logits, logits: logits), batch)[0]
            let own = try loss(logits: logits, labels: labels, mask: nil, progress: 0.9).item()
            let others = try mixture.ofPartners(labels)
            let other = try loss(logits: logits, labels: others, mask: nil, progress: 0.9).item()
            #expect(try abs(found.item() - (0.3 * own + 0.7 * other)) < 1e-5, "\(name)")
        }
    }

    @Test func aTrainerMixesEachBatchByItsNumber() throws {
        let folder = try TemporaryFolder()
        let data = try folder.data(["100", "010", "001", "110", "011", "101", "000", "111"])
        var plan = plainPlan(epochs: 2)
        func batches(_ mixing: Mixing) throws -> [TrainingBatch] {
            plan.mixing = mixing
            let watcher = Watcher()
            try makeTrainer(plan, data).run(tinyNetwork(classes: 3), objective: watcher)
            return watcher.batches
        }
        let (plain, mixed) = (try batches(Mixing()), try batches(Mixing(.mixup, alpha: 1)))
        #expect(plain.count == 4 && mixed.count == 4 && plain.allSatisfy { $0.mixture == nil })
        for (i, (one, other)) in zip(plain, mixed).enumerated() {
            let expected = try #require(
                Mixing(.mixup, alpha: 1)
                    .mixture(count: 4, side: 16, seed: plan.seed, epoch: i / 2, batch: i % 2))
            #expect(other.mixture == expected)
            #expect(try distance(other.images.array(), expected.applied(to: one.images).array()) < 1e-6)
            #expect(try other.targets.labels.array() as [Float] == one.targets.labels.array())
        }
    }
}

/// Keeps what it is shown.
private final class Watcher: Objective {
    var batches: [TrainingBatch] = []

    func beginEpoch(_ epoch: Int, network: Classifier) throws {}

    func lossTerms(_ outputs: NetworkOutputs, _ batch: TrainingBatch) throws -> [Tensor] {
        batches.append(batch)
        return [try outputs.logits.sum()]
    }
}
