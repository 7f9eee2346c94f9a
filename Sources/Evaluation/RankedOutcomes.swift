import Basics

/// How rows of several folds, predicted by several models, come together in one number.
public enum Pooling: String, Codable, Sendable, CaseIterable {
    /// By their scores as they are: one model, or models whose scores may be compared.
    case scores
    /// Each score is replaced by its rank within its fold, then all folds are ranked together. Ranks are taken once, on
    /// the images as they are; a bootstrap keeps them.
    case foldRanks = "fold_ranks"
    /// Each fold is ranked by itself; a class's value is the mean over the folds where it is defined.
    case foldMean = "fold_mean"
}

/// Every class of some outcomes, sorted once.
package struct RankedOutcomes: Sendable {
    /// For each class its rankings: one, or one per fold for the mean over folds.
    package let rankings: [[ClassRanking]]

    package init(_ outcomes: Outcomes, pooling: Pooling, threads: Int?) {
        let pooling = outcomes.folds.isEmpty ? Pooling.scores : pooling
        let rowsOfFold = Dictionary(grouping: outcomes.folds.indices) { outcomes.folds[$0] }
            .sorted { $0.key < $1.key }.map(\.value)
        rankings = Parallel.map(outcomes.classes.count, threads: threads) { column in
            func ranking(_ rows: some Sequence<Int>, score: (Int) -> Double) -> ClassRanking {
                ClassRanking(
                    rows: rows.filter { outcomes.label(image: $0, class: column) >= 0 },
                    isPositive: { outcomes.label(image: $0, class: column) == 1 }, score: score)
            }
            func raw(_ row: Int) -> Double { outcomes.score(image: row, class: column) }
            switch pooling {
            case .scores: return [ranking(outcomes.images.indices, score: raw)]
            case .foldMean: return rowsOfFold.map { ranking($0, score: raw) }
            case .foldRanks:
                var scores = [Double](repeating: 0, count: outcomes.images.count)
                for rows in rowsOfFold {
                    for (row, score) in ranking(rows, score: raw).rankScores() { scores[row] = score }
                }
                return [ranking(outcomes.images.indices) { scores[$0] }]
            }
        }
    }

    /// A class's average precision and area when rows count `multiplicities` times, and over how many rankings each is
    /// the mean; NaN where no ranking defines it.
    package func measure(
        class column: Int, _ multiplicities: UnsafeBufferPointer<Int32>
    ) -> (averagePrecision: Double, rocAUC: Double, definedAP: Int, definedAUC: Int) {
        var sums = (averagePrecision: 0.0, rocAUC: 0.0)
        var defined = (averagePrecision: 0, rocAUC: 0)
        for ranking in rankings[column] {
            let values = ranking.measure(multiplicities)
            if !values.averagePrecision.isNaN {
                sums.averagePrecision += values.averagePrecision
                defined.averagePrecision += 1
            }
            if !values.rocAUC.isNaN {
                sums.rocAUC += values.rocAUC
                defined.rocAUC += 1
            }
        }
        return (
            sums.averagePrecision / Double(defined.averagePrecision), sums.rocAUC / Double(defined.rocAUC),
            defined.averagePrecision, defined.rocAUC
        )
    }
}
