import Cohorts
import Distillation
import FundusImaging
import Losses
import TestSupport
import Testing
import Torch

/// The whole loss L on two overlapping subsets: class 2 is in both, class 0 in none, class 4 has no positive.
@Suite struct GoldenDistillationTests {
    @Test func columnsLeaveTheClassWithoutPositivesOut() throws {
        let columns = TeacherOutputs(try Golden.shared.get().subsets)
        #expect(columns.classes == [1, 2, 2, 3, 5])
        #expect(columns.teachers == [0, 0, 1, 1, 1])
        #expect(columns.shares == [1, 0.5, 0.5, 1, 1])
        #expect(columns.columns(of: 0) == 0..<2 && columns.columns(of: 1) == 2..<5)
    }

    @Test(arguments: WeightRule.allCases, Distance.allCases)
    func wholeLossAndGradient(_ rule: WeightRule, _ d: Distance) throws {
        let golden = try Golden.shared.get()
        let expected = try #require(
            golden.distillation.cases.first { $0.weight == rule.rawValue && $0.distance == d })
        let folder = try TemporaryFolder()
        let columns = TeacherOutputs(golden.subsets)
        let (weights, imageWeights) = try Self.weights(rule, expected, golden, columns, folder)
        // [images, columns], as the golden file has them.
        let wanted = golden.logits.indices.flatMap { image in
            zip(columns.teachers, columns.classes).map { expected.weights[$0][image][$1] }
        }
        var found = try Tensor(
            (weights ?? columns.classes.map { _ in 1 }).map { Float($0) }, shape: [1, columns.count])
        if let imageWeights { found = try found * imageWeights }
        found = try found * Tensor.ones([golden.logits.count, columns.count])
        #expect(try distance(found.array(as: Double.self), wanted) < 1e-5)

        let loss = try DistillationLoss(
            columns, distance: d, temperature: golden.distillation.temperature, lambda: golden.distillation.lambda,
            weights: weights)
        let teachers = try golden.joinedTeachers()
        let half = try matrix(golden.logits).requiringGrad()
        let distillation = try loss(logits: half, teachers: teachers, imageWeights: imageWeights)
        try distillation.backward()
        let lambda = golden.distillation.lambda
        #expect(try abs(distillation.item() - lambda * expected.distillationTerm) < 1e-5)
        let gradient = try #require(half.grad).array(as: Double.self)
        #expect(distance(gradient, expected.distillationGradient.flatMap { $0 }.map { lambda * $0 }) < 1e-5)

        let z = try matrix(golden.logits).requiringGrad()
        let labels = try matrix(golden.targets.map { $0.map { $0 == 1 ? 1 : 0 } })
        let mask = try matrix(golden.targets.map { zip($0, golden.counts).map { $0 >= 0 && $1 > 0 ? 1 : 0 } })
        let whole =
            try BinaryCrossEntropy()(logits: z, labels: labels, mask: mask)
            + loss(logits: z, teachers: teachers, imageWeights: imageWeights)
        try whole.backward()
        #expect(try abs(whole.item() - expected.value) < 1e-5)
        #expect(try distance(#require(z.grad).array(as: Double.self), expected.gradient.flatMap { $0 }) < 1e-5)
    }

    /// What the rule gives through the same calls that a run makes.
    private static func weights(
        _ rule: WeightRule, _ expected: Golden.Case, _ golden: Golden, _ columns: TeacherOutputs,
        _ folder: TemporaryFolder
    ) throws -> ([Double]?, Tensor?) {
        let parameters = expected.parameters
        switch rule {
        case .uniform: return (nil, nil)
        case .effectiveNumber:
            let beta = try #require(parameters.beta)
            return (DistillationWeights.effectiveNumber(columns, counts: golden.classCounts, beta: beta), nil)
        case .teacherQuality:
            let teacher = try #require(parameters.apTeacher)
            let plain = try #require(parameters.apPlain)
            let positives = try #require(parameters.innerPositives)
            let weights = DistillationWeights.teacherQuality(
                columns, teacher: zip(columns.teachers, columns.classes).map { teacher[$0][$1] },
                plain: columns.classes.map { plain[$0] }, positives: columns.classes.map { positives[$0] })
            return (weights, nil)
        case .selfPaced:
            let (student, teacher) = (try #require(parameters.student), try #require(parameters.teacher))
            let a = try #require(parameters.alpha)
            let paces = zip(student, teacher).map { DistillationWeights.selfPaced(student: $0, teacher: $1, a: a) }
            return (columns.teachers.map { paces[$0] }, nil)
        case .confidence:
            // The golden weights are divided by a given mean; a bank divides by the mean over its own content, which
            // here is the four images.
            let given = try #require(parameters.trainingMean)
            let bank = try bank(golden, columns, folder)
            let weights = try ImageWeights.confidence(bank, temperature: golden.distillation.temperature)
            let own = columns.subsets.indices.map { k -> Double in
                let raw = golden.logits.indices.flatMap { image in
                    columns.subsets[k].classes.map { expected.weights[k][image][$0] * given[k] }
                }
                return raw.reduce(0, +) / Double(raw.count)
            }
            let teachers = try golden.joinedTeachers()
            let items = golden.logits.indices.map { BatchItem(row: $0, view: 0) }
            let corrected = try Tensor(columns.teachers.map { Float(own[$0] / given[$0]) })
            return (nil, try weights.weights(items: items, teachers: teachers) * corrected)
        case .membership:
            let cohort = try golden.cohort(members: #require(parameters.members))
            let bank = try bank(golden, columns, folder, rows: cohort.count)
            let weights = try ImageWeights.membership(
                columns, rows: bank.rows, cohort: cohort, gain: #require(parameters.gain), device: .cpu)
            let items = golden.logits.indices.map { BatchItem(row: $0, view: 0) }
            return (nil, try weights.weights(items: items, teachers: bank.logits(of: items)))
        }
    }

    /// A bank of one view whose first rows are the golden images; the others repeat the last of them.
    private static func bank(
        _ golden: Golden, _ columns: TeacherOutputs, _ folder: TemporaryFolder, rows: Int = 4
    ) throws -> ViewBank {
        let teachers = try golden.teacherLogits.enumerated().map { k, logits in
            let padded = logits + [[Double]](repeating: logits[logits.count - 1], count: rows - logits.count)
            return try folder.teacher(
                padded.flatMap { $0 }, shape: [1, rows, columns.subsets[k].classes.count], name: "t\(k)")
        }
        return try ViewBank(
            columns, teachers: teachers, rows: Array(0..<rows), views: 1, priorShifts: columns.classes.map { _ in 0 },
            device: .cpu)
    }

    @Test func paceIsGolden() throws {
        for row in try Golden.shared.get().distillation.pace {
            let found = DistillationWeights.selfPaced(student: row.student, teacher: row.teacher, a: row.alpha)
            #expect(abs(found - row.weight) < 1e-12, "\(row)")
        }
        #expect(DistillationWeights.selfPaced(student: 0.1, teacher: 0) == 0)
    }

    @Test func qualityIsOneWhereTheInnerSplitSaysNothing() {
        let four = TeacherOutputs([.init(name: "s", classes: [0, 1, 2, 3])])
        let weights = DistillationWeights.teacherQuality(
            four, teacher: [0.6, 0.9, nil, 0.5], plain: [0.3, 0.3, 0.3, nil], positives: [5, 4, 9, 9])
        #expect(distance(weights, [2, 1, 1, 1].map { $0 / 1.25 }) < 1e-12)
        // Two teachers of class 0 count half each: (1.5 + 1) / 2 classes.
        let shared = TeacherOutputs([.init(name: "a", classes: [0, 1]), .init(name: "b", classes: [0])])
        let union = DistillationWeights.teacherQuality(
            shared, teacher: [0.6, 0.3, 0.3], plain: [0.3, 0.3, 0.3], positives: [9, 9, 9])
        #expect(distance(union, [2, 1, 1].map { $0 / 1.25 }) < 1e-12)
    }

    @Test func weightsMayChangeBetweenEpochs() throws {
        let golden = try Golden.shared.get()
        let columns = TeacherOutputs(golden.subsets)
        let loss = try DistillationLoss(columns, distance: .mse, temperature: 2, lambda: 1)
        let (z, t) = (try matrix(golden.logits), try golden.joinedTeachers())
        let before = try loss(logits: z, teachers: t).item()
        try loss.setWeights([Double](repeating: 0.5, count: 5))
        #expect(try abs(loss(logits: z, teachers: t).item() - before / 2) < 1e-5)
        try loss.setWeights([Double](repeating: 0, count: 5))
        #expect(try loss(logits: z, teachers: t).item() == 0)
        #expect(throws: (any Error).self) { try loss.setWeights([1]) }
    }

    @Test func softmaxOnAllImagesAndOnOwnOnes() throws {
        let golden = try Golden.shared.get()
        let columns = TeacherOutputs(golden.subsets)
        let loss = try SoftmaxDistillationLoss(columns, temperature: golden.softmax.temperature, lambda: 1)
        let teachers = try golden.joinedTeachers()
        let all = golden.softmax.classes.map { _ in [1.0, 1] }
        let own = golden.softmax.classes.map { label in
            columns.subsets.map { $0.classes.contains(label) ? 1.0 : 0 }
        }
        for (weights, expected) in [(all, golden.softmax.allImages), (own, golden.softmax.ownImages)] {
            let z = try matrix(golden.logits).requiringGrad()
            let value = try loss(logits: z, teachers: teachers, teacherWeights: matrix(weights))
            try value.backward()
            #expect(try abs(value.item() - expected.value) < 1e-5)
            #expect(try distance(#require(z.grad).array(as: Double.self), expected.gradient.flatMap { $0 }) < 1e-5)
        }
    }
}
