import Basics

/// Unlabelled images to choose from, as a model sees them.
package struct Candidates: Sendable {
    /// How many training images show each class.
    package let trainingImages: [Int]
    /// Numbers per feature.
    package let featureCount: Int
    /// [images, classes] row by row, calibrated where the model is.
    package private(set) var probabilities: [Float] = []
    /// [images, featureCount] row by row, each of unit length, or zero; empty where no strategy compares them.
    package private(set) var features: [Float] = []

    /// None yet.
    ///
    /// - Parameter capacity: how many will come at most: arrays that grow would for a moment take twice the memory.
    package init(trainingImages: [Int], featureCount: Int = 0, capacity: Int = 0) {
        (self.trainingImages, self.featureCount) = (trainingImages, featureCount)
        probabilities.reserveCapacity(capacity * trainingImages.count)
        features.reserveCapacity(capacity * featureCount)
    }

    /// The classes with a training image: the outputs for others mean nothing.
    var trainedClasses: [Int] { trainingImages.indices.filter { trainingImages[$0] > 0 } }

    /// The few-shot classes.
    var fewShotClasses: [Int] {
        trainedClasses.filter { ShotBounds.standard.group(trainingImages: trainingImages[$0]) == .few }
    }

    /// Whether one of the classes has few training images.
    package var hasFewShotClass: Bool { !fewShotClasses.isEmpty }

    /// How many there are.
    package var count: Int { probabilities.count / trainingImages.count }

    /// Adds an image.
    ///
    /// - Parameter feature: of any length.
    package mutating func append(probabilities row: [Float], feature: [Float] = []) {
        precondition(row.count == trainingImages.count && feature.count == featureCount)
        probabilities += row
        let norm = feature.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        features += norm > 0 ? feature.map { Float(Double($0) / norm) } : feature
    }

    /// The probability of a class for an image.
    package func probability(_ image: Int, _ column: Int) -> Double {
        Double(probabilities[image * trainingImages.count + column])
    }

    /// The cosine of the angle between each image's feature and a vector of unit length.
    func similarities(to vector: [Float]) -> [Float] {
        features.withUnsafeBufferPointer { features in
            vector.withUnsafeBufferPointer { vector in
                (0..<count).map { image in
                    let row = UnsafeBufferPointer(rebasing: features[image * featureCount..<(image + 1) * featureCount])
                    return Self.product(row, vector)
                }
            }
        }
    }

    /// The mean feature.
    var mean: [Float] {
        var sums = [Double](repeating: 0, count: featureCount)
        for image in 0..<count { for k in sums.indices { sums[k] += Double(features[image * featureCount + k]) } }
        return sums.map { Float($0 / Double(count)) }
    }

    /// The unit-length feature of an image.
    func feature(_ image: Int) -> [Float] { Array(features[image * featureCount..<(image + 1) * featureCount]) }

    /// Eight sums at once: the additions of one would wait for each other.
    private static func product(_ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>) -> Float {
        var sums = SIMD8<Float>.zero
        let whole = a.count / 8 * 8
        let (left, right) = (UnsafeRawBufferPointer(a), UnsafeRawBufferPointer(b))
        for start in stride(from: 0, to: whole, by: 8) {
            sums +=
                left.loadUnaligned(fromByteOffset: 4 * start, as: SIMD8<Float>.self)
                * right.loadUnaligned(fromByteOffset: 4 * start, as: SIMD8<Float>.self)
        }
        return (whole..<a.count).reduce(sums.sum()) { $0 + a[$1] * b[$1] }
    }
}
