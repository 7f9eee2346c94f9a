import Basics

/// Classes divided into clusters of those that are most alike: what the grouping term `learned` is made of.
public struct ClassClusters: Sendable, Equatable {
    /// Indices of classes, ascending; the clusters in the order of their first class. None is empty.
    public private(set) var clusters: [[Int]]
    /// What a reader should know: clusters that were left out, and why.
    public private(set) var notes: [String] = []

    /// Takes clusters as they are.
    public init(_ clusters: [[Int]]) {
        self.clusters = clusters.filter { !$0.isEmpty }.map { $0.sorted() }.sorted { $0[0] < $1[0] }
    }

    /// Average linkage (Sokal and Michener 1958, UPGMA): starts with every class alone and joins, again and again, the two
    /// clusters with the highest mean similarity between their members, until `count` are left.
    ///
    /// Among equal pairs that whose first classes come first is joined, so the result follows from the input alone.
    /// - Parameters:
    ///   - classes: the indices to divide; the others are in no cluster.
    ///   - similarity: symmetric, [C][C]; higher is more alike.
    ///   - count: how many clusters are requested, at least 1; fewer come out where there are fewer classes.
    public init(averageLinkage similarity: [[Double]], of classes: [Int], count: Int) {
        var clusters = classes.sorted().map { [$0] }
        // The mean similarity between each two clusters, kept in step with them.
        var mean = clusters.map { a in clusters.map { b in similarity[a[0]][b[0]] } }
        while clusters.count > max(1, count) {
            var best = (0, 1)
            for i in clusters.indices {
                for j in clusters.indices.dropFirst(i + 1) where mean[i][j] > mean[best.0][best.1] { best = (i, j) }
            }
            let (i, j) = best
            let (m, n) = (Double(clusters[i].count), Double(clusters[j].count))
            for k in clusters.indices {
                mean[i][k] = (m * mean[i][k] + n * mean[j][k]) / (m + n)
                mean[k][i] = mean[i][k]
            }
            clusters[i] += clusters[j]
            clusters.remove(at: j)
            mean.remove(at: j)
            for k in mean.indices { mean[k].remove(at: j) }
        }
        self.init(clusters)
    }

    /// The same without clusters that no teacher can learn, each with a note: they are known only when the plain model is
    /// trained, too late to stop for one of them.
    ///
    /// - Parameter reason: why a cluster cannot be taught; nil where it can.
    public func leavingOut(names: [String], _ reason: ([Int]) -> String?) -> ClassClusters {
        var result = self
        result.clusters = clusters.filter { cluster in
            guard let reason = reason(cluster) else { return true }
            result.notes.append(
                "the cluster of \(Pluralization.listing(cluster.map { names[$0] })) is left out: \(reason)")
            return false
        }
        return result
    }
}
