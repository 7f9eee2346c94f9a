import Basics
import Foundation

extension Cohort {
    /// n_c: the positives of each class among `rows` (all rows by default).
    public func classCounts(rows: [Int]? = nil) -> [Int] { tally(rows, 1) }

    /// How many labels of each class are unknown among `rows`.
    public func unknownCounts(rows: [Int]? = nil) -> [Int] { tally(rows, -1) }

    /// How many photographs carry 0, 1, 2, ... positives; as long as the largest number needs.
    public func labelsPerImage(rows: [Int]? = nil) -> [Int] {
        var histogram: [Int] = []
        for row in rows ?? Array(photographs.indices) {
            let count = positives(of: row).count
            while histogram.count <= count { histogram.append(0) }
            histogram[count] += 1
        }
        return histogram
    }

    /// The rows that carry a positive of at least one of the classes: P of a teacher.
    public func rows(showing subset: [Int], among rows: [Int]? = nil) -> [Int] {
        (rows ?? Array(photographs.indices)).filter { row in subset.contains { label(row, $0) == 1 } }
    }

    /// Groups of rows with equal values in `hashes` (one per row, nil where there is none), each of two rows or more.
    public func duplicates(hashes: [String?]) -> [[Int]] {
        var rows: [String: [Int]] = [:]
        for (row, hash) in hashes.enumerated() {
            if let hash { rows[hash, default: []].append(row) }
        }
        return rows.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }

    /// Groups of rows whose files have the same bytes. Only files of equal length are read; files that are missing or
    /// cannot be read are skipped, since decoding reports them.
    public func duplicateFiles() -> [[Int]] {
        let sizes = photographs.map { photograph in
            (try? FileManager.default.attributesOfItem(atPath: photograph.path))?[.size] as? Int
        }
        let suspects = duplicates(hashes: sizes.map { $0.map(String.init) }).flatMap { $0 }
        let progress = ProgressReporter("Looking for duplicates", total: suspects.count, unit: "files")
        var hashes = [String?](repeating: nil, count: count)
        for (k, row) in suspects.enumerated() {
            hashes[row] = try? Digest.sha256(fileAt: photographs[row].path)
            progress.update(k + 1)
        }
        progress.finish()
        return duplicates(hashes: hashes)
    }

    private func tally(_ rows: [Int]?, _ value: Int8) -> [Int] {
        var counts = [Int](repeating: 0, count: classes.count)
        for row in rows ?? Array(photographs.indices) {
            for column in classes.indices where label(row, column) == value { counts[column] += 1 }
        }
        return counts
    }
}
