import Basics
import FundusImaging
import RunFiles

/// How many of the evaluated images had trained the model.
struct TrainingOverlap {
    /// Their number; nil where it is not known which images trained the model.
    let trained: Int?
    /// What the reader should know.
    let notes: [String]
    private let count: Int

    /// Compares contents, and names too where they are names of the same data set.
    ///
    /// - Parameters:
    ///   - images: the images' names.
    ///   - cache: the same images, row for row.
    ///   - isOfRun: whether the images are those of the model's own run.
    ///   - missing: where the record of the model's run should lie and does not; nil for a model without a run.
    init(_ record: RunRecord?, _ images: [String], _ cache: ImageCache, isOfRun: Bool, missing: String?) {
        count = images.count
        guard let record else {
            trained = nil
            let reason =
                missing.map { "\($0) is missing, though its run wrote it: restore it" } ?? "it has no \(RunSplit.name)"
            notes = [
                "which images trained this model is not known (\(reason)), so any of those evaluated may have: the figures "
                    + "are then too good"
            ]
            return
        }
        let training = record.split.images(.training)
        let contents = Set(training.compactMap(\.sha256))
        let names = isOfRun ? Set(training.map(\.image)) : []
        let number = images.indices.count { contents.contains(cache.contentHash($0)) || names.contains(images[$0]) }
        trained = number
        var notes: [String] = []
        if number > 0 {
            notes.append(
                "\(number) of the \(Pluralization.count(images.count, "image")) trained this model, so the figures are too good"
            )
        }
        if isOfRun {
            let hashes = Dictionary(record.split.entries.map { ($0.image, $0.sha256) }) { first, _ in first }
            let changed = images.indices.filter { row in
                hashes[images[row]].map { $0 != cache.contentHash(row) } ?? false
            }
            if !changed.isEmpty {
                notes.append(
                    "\(Pluralization.count(changed.count, "image has", "images have")) other contents than when the run was "
                        + "made: " + Pluralization.listing(changed.map { images[$0] }))
            }
        }
        self.notes = notes
    }

    /// What is added to the title of an evaluation.
    var mark: String {
        guard let trained, trained > 0 else { return "" }
        return " (\(trained) of these \(Pluralization.count(count, "image")) trained the model)"
    }
}
