import Basics

/// What was true and what a model said, for a set of images: the input of every evaluation.
///
/// Both tables are row-major, images x classes. A row is one image.
public struct Outcomes: Sendable {
    /// Names of the classes, in the order of the columns; unique.
    public let classes: [String]
    /// Names of the images, in the order of the rows; unique.
    public let images: [String]
    /// Images x classes: 1 positive, 0 negative, -1 unknown. An unknown cell takes part in no metric.
    public let labels: [Int8]
    /// Images x classes: the higher, the more likely. Any finite numbers rank; calibration needs probabilities.
    public let scores: [Double]
    /// The patient of each row, nil where not known; empty when no patient is known. Rows of one patient are resampled
    /// together.
    public let patients: [String?]
    /// The fold whose held-out part each row was in, for out-of-fold predictions of several models; otherwise empty.
    public let folds: [Int]

    /// Gathers and checks outcomes.
    ///
    /// - Throws: `FoveaError` of kind `data` that names the row and class when a size is wrong, a name occurs twice, a
    ///   label is none of -1, 0, 1, or a score is not finite.
    public init(
        classes: [String], images: [String], labels: [Int8], scores: [Double], patients: [String?] = [],
        folds: [Int] = []
    ) throws {
        self.classes = classes
        self.images = images
        self.labels = labels
        self.scores = scores
        self.patients = patients
        self.folds = folds
        try check()
    }

    /// The same from single-precision scores, as a network gives them.
    public init(
        classes: [String], images: [String], labels: [Int8], scores: [Float], patients: [String?] = [],
        folds: [Int] = []
    ) throws {
        try self.init(
            classes: classes, images: images, labels: labels, scores: scores.map(Double.init), patients: patients,
            folds: folds)
    }

    /// The label of an image for a class, by position.
    public func label(image: Int, class column: Int) -> Int8 { labels[image * classes.count + column] }

    /// The score of an image for a class, by position.
    public func score(image: Int, class column: Int) -> Double { scores[image * classes.count + column] }

    private func check() throws {
        guard !classes.isEmpty else { throw FoveaError(.data, "cannot evaluate without classes: the list is empty") }
        // Rankings pack a row number into 30 bits.
        guard images.count < 1 << 30 else { throw FoveaError(.data, "\(images.count) images are too many to rank") }
        try Self.checkUnique(classes, "class")
        try Self.checkUnique(images, "image")
        let cells = images.count * classes.count
        let shape = "\(images.count) images x \(classes.count) classes"
        for (name, count) in [("labels", labels.count), ("scores", scores.count)] where count != cells {
            throw FoveaError(.data, "\(count) \(name) do not fit \(shape) = \(cells)")
        }
        for (name, count) in [("patients", patients.count), ("folds", folds.count)]
        where count != 0 && count != images.count {
            throw FoveaError(.data, "\(count) \(name) do not fit \(images.count) images: one per row, or none at all")
        }
        if let cell = labels.firstIndex(where: { $0 < -1 || $0 > 1 }) {
            throw FoveaError(
                .data, "\(place(cell)): the label is \(labels[cell]); allowed: 1, 0 and -1 for unknown")
        }
        if let cell = scores.firstIndex(where: { !$0.isFinite }) {
            throw FoveaError(
                .data, "\(place(cell)): the score is \(scores[cell]), which cannot be ranked",
                remedy: "Every score must be a finite number; look for a diverged model or a broken table.")
        }
    }

    private func place(_ cell: Int) -> String {
        "image \"\(images[cell / classes.count])\", class \"\(classes[cell % classes.count])\""
    }

    private static func checkUnique(_ names: [String], _ what: String) throws {
        var seen = Set<String>(minimumCapacity: names.count)
        for name in names where !seen.insert(name).inserted {
            throw FoveaError(.data, "\(what) \"\(name)\" occurs twice; each may occur once")
        }
    }
}
