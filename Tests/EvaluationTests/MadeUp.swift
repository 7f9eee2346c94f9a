import Basics
import Evaluation

/// Random outcomes: patients with one to three images, tied scores, and every class with the given share of positives.
func madeUp(
    _ images: Int, shares: [Double], seed: UInt64, skill: Double = 0.3, truth: UInt64? = nil, folds: Int = 0,
    decimals: Double = 100
) throws -> Outcomes {
    var patientDraw = SeededRandom(seed: truth ?? seed, 1)
    var labelDraw = SeededRandom(seed: truth ?? seed, 2)
    var scoreDraw = SeededRandom(seed: seed, 3)
    var patient = 0
    var patients: [String?] = []
    var foldOfImage: [Int] = []
    var labels: [Int8] = []
    var scores: [Double] = []
    for _ in 0..<images {
        if patientDraw.uniform() < 0.6 { patient += 1 }
        patients.append(patient % 7 == 0 ? nil : "patient \(patient)")
        if folds > 0 { foldOfImage.append(patient % folds) }
        for share in shares {
            let isPositive = labelDraw.uniform() < share
            labels.append(labelDraw.uniform() < 0.05 ? -1 : isPositive ? 1 : 0)
            let score = (1 - skill) * scoreDraw.uniform() + (isPositive ? skill : 0)
            scores.append((score * decimals).rounded() / decimals)
        }
    }
    return try Outcomes(
        classes: shares.indices.map { "class \($0)" }, images: (0..<images).map { "image \($0)" }, labels: labels,
        scores: scores, patients: patients, folds: foldOfImage)
}

/// The options with a bootstrap of a number of rounds.
func options(
    rounds: Int, seed: UInt64 = 3, minimumPositivePatients: Int = 10, threads: Int? = nil
) -> EvaluationOptions {
    var options = EvaluationOptions()
    options.bootstrap?.rounds = rounds
    options.bootstrap?.seed = seed
    options.bootstrap?.minimumPositivePatients = minimumPositivePatients
    options.threads = threads
    return options
}
