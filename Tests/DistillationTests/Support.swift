import Backbones
import Basics
import Cohorts
import Distillation
import Foundation
import FundusImaging
import TestSupport
import Testing
import Torch
import Weights

/// What `LossesTests/Golden/losses.py` computed of distillation.
struct Golden: Decodable {
    struct Graded: Decodable {
        let value: Double
        let gradient: [[Double]]
    }
    struct Case: Decodable {
        struct Parameters: Decodable {
            let beta: Double?
            let apTeacher: [[Double]]?
            let apPlain: [Double]?
            let innerPositives: [Int]?
            let student, teacher: [Double]?
            let alpha: Double?
            let trainingMean: [Double]?
            let gain: Double?
            let members: [Int]?
        }
        let weight: String
        let distance: Distance
        let parameters: Parameters
        /// Teacher, image, class.
        let weights: [[[Double]]]
        let value: Double
        let gradient: [[Double]]
        let distillationTerm: Double
        let distillationGradient: [[Double]]
    }
    struct Table: Decodable {
        let distance: Distance
        let temperature: Double
        let z, t, values, gradients: [Double]
    }
    struct Pace: Decodable {
        let student, teacher, alpha, weight: Double
    }
    struct Distillation: Decodable {
        let subsets: [[Int]]
        /// Teacher, image, class of the subset.
        let teachers: [[[Double]]]
        let temperature, lambda: Double
        let cases: [Case]
        let distances: [Table]
        let pace: [Pace]
    }
    struct Softmax: Decodable {
        let classes: [Int]
        let temperature: Double
        let allImages, ownImages: Graded
    }
    let trainingImages: Int
    let counts: [Double]
    let logits, targets: [[Double]]
    let distillation: Distillation
    let softmax: Softmax

    static let shared = Result {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(
            Golden.self, from: Data(contentsOf: tests.appendingPathComponent("LossesTests/Golden/losses.json")))
    }

    var classCounts: [Int] { counts.map { Int($0) } }

    /// The subsets without the class that has no positives, as a grouping makes them.
    var subsets: [ClassSubset] {
        distillation.subsets.enumerated().map { k, classes in
            ClassSubset(name: "s\(k)", classes: classes.filter { counts[$0] > 0 })
        }
    }

    /// The teachers' logits for those classes: teacher, image, class.
    var teacherLogits: [[[Double]]] {
        zip(distillation.subsets, distillation.teachers).map { classes, rows in
            rows.map { row in zip(classes, row).filter { counts[$0.0] > 0 }.map(\.1) }
        }
    }

    /// The same side by side, [images, columns].
    func joinedTeachers() throws -> Tensor {
        let teachers = teacherLogits
        return try matrix(logits.indices.map { image in teachers.flatMap { $0[image] } })
    }

    /// The four images of the golden file as the first of a cohort of 200, whose others make the counts that
    /// `membership` needs.
    func cohort(members: [Int]) throws -> Cohort {
        var labels = targets.flatMap { $0.map { Int8($0) } }
        let subsets = self.subsets
        let inside = subsets.map { subset in
            targets.count { row in subset.classes.contains { row[$0] == 1 } }
        }
        // Class 1 is in the first subset alone, class 5 in the second alone.
        var rest = [(members[0] - inside[0], 1), (members[1] - inside[1], 5)]
        for _ in targets.count..<trainingImages {
            var row = [Int8](repeating: 0, count: counts.count)
            if let next = rest.firstIndex(where: { $0.0 > 0 }) {
                row[rest[next].1] = 1
                rest[next].0 -= 1
            }
            labels += row
        }
        return try Cohort(
            classes: (0..<counts.count).map { "c\($0)" },
            photographs: (0..<trainingImages).map { Photograph(image: "\($0)", path: "/nowhere/\($0)") },
            labels: labels)
    }
}

/// A float32 matrix.
func matrix(_ rows: [[Double]]) throws -> Tensor {
    try Tensor(rows.flatMap { $0.map { Float($0) } }, shape: [rows.count, rows.first?.count ?? 0])
}

/// The largest absolute difference; infinite when the numbers of elements differ.
func distance(_ a: [Double], _ b: [Double]) -> Double {
    a.count == b.count ? zip(a, b).map { abs($0 - $1) }.max() ?? 0 : .infinity
}

extension TemporaryFolder {
    /// Noise images in a cache.
    func cache(_ count: Int, resolution: Int = 32) throws -> ImageCache {
        let paths = try (0..<count).map { i in
            var random = SeededRandom(seed: 0, UInt64(i))
            let bytes = (0..<resolution * resolution * 3).map { _ in UInt8(random.index(below: 256)) }
            let file = path + "/\(i).png"
            try PixelImage(width: resolution, height: resolution, bytes: bytes).png()
                .write(to: URL(fileURLWithPath: file))
            return file
        }
        return try ImageCache.open(
            paths: paths, settings: ImageSettings(resolution: resolution, crop: .none), folder: path + "/cache")
    }

    /// One teacher's stored logits, [views, rows, classes], as a bank reads them.
    func teacher(_ values: [Double], shape: [Int], name: String = "teacher") throws -> TeacherLogits {
        let file = path + "/\(name).safetensors"
        let tensor = try Tensor(values.map { Float($0) }, shape: shape)
        try TeacherLogits.write(tensor, key: name, seconds: 1.25, to: file)
        return try #require(try TeacherLogits.stored(at: file, key: name))
    }
}

/// A cohort in memory: one string of 0, 1 and ? a photograph.
func makeCohort(_ rows: [String]) throws -> Cohort {
    try Cohort(
        classes: (rows.first ?? "").indices.enumerated().map { "c\($0.offset)" },
        photographs: rows.indices.map { Photograph(image: "i\($0)", path: "/nowhere/\($0)") },
        labels: rows.joined().map { $0 == "?" ? Int8(-1) : ($0 == "1" ? 1 : 0) })
}
