import Basics

/// Divides groups (patients) over parts (folds) so that every class, the rarest first, is spread according to the
/// shares.
///
/// Iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011, algorithm 1), with groups in place of
/// single examples: again and again the class with the fewest positives left is taken, and each of its groups goes, the
/// one with most positives first, to the part that still lacks most of that class; ties go to the part that lacks most
/// photographs, then by the seed. Groups without positives fill the parts up at the end.
struct Stratification {
    /// The number of photographs of each group.
    var sizes: [Int]
    /// The positives of each group: (class, number of photographs that show it).
    var positives: [[(column: Int, count: Int)]]
    var classCount: Int

    /// The part of each group; `shares` are positive and sum to 1.
    func parts(shares: [Double], seed: UInt64) -> [Int] {
        var random = SeededRandom(seed: seed, SeededRandom.key("stratification"))
        var remaining = [Int](repeating: 0, count: classCount)
        var groupsOfClass = [[Int]](repeating: [], count: classCount)
        // The seed orders the groups, so it also decides among groups alike.
        let order = Array(sizes.indices).shuffled(using: &random)
        for group in order {
            for (column, count) in positives[group] {
                remaining[column] += count
                groupsOfClass[column].append(group)
            }
        }
        var requested = shares.map { share in remaining.map { Double($0) * share } }
        var space = shares.map { Double(sizes.reduce(0, +)) * $0 }
        var part = [Int](repeating: -1, count: sizes.count)

        func place(_ group: Int, for column: Int?) {
            var best = Array(shares.indices)
            // Sums of shares differ in the last bits by the order of subtraction, hence the tolerance.
            func keepLargest(_ value: (Int) -> Double) {
                let most = best.map(value).max() ?? 0
                best = best.filter { value($0) >= most - 1e-9 }
            }
            if let column { keepLargest { requested[$0][column] } }
            keepLargest { space[$0] }
            let chosen = best.count == 1 ? best[0] : best[random.index(below: best.count)]
            part[group] = chosen
            space[chosen] -= Double(sizes[group])
            for (column, count) in positives[group] {
                requested[chosen][column] -= Double(count)
                remaining[column] -= count
            }
        }

        while let column = remaining.indices.filter({ remaining[$0] > 0 }).min(by: { remaining[$0] < remaining[$1] }) {
            let waiting = groupsOfClass[column].filter { part[$0] < 0 }.map { group in
                (group: group, count: positives[group].first { $0.column == column }?.count ?? 0)
            }
            for count in Set(waiting.map(\.count)).sorted(by: >) {
                for item in waiting where item.count == count { place(item.group, for: column) }
            }
        }
        let rest = order.filter { part[$0] < 0 }
        for size in Set(rest.map { sizes[$0] }).sorted(by: >) {
            for group in rest where sizes[group] == size { place(group, for: nil) }
        }
        return part
    }
}
