import Basics
import Execution
import Foundation
import Models
import Reports
import RunFiles
import Suggestions

/// Which of some unlabelled photographs to label next.
package struct ImageSuggestions {
    /// What was chosen, the most useful first.
    package let suggestions: [Suggestion]
    /// Photographs that cannot be used.
    package let failures: [ModelPrediction.Failure]
    /// The names of those for which the model's outputs are NaN or infinite.
    package let nonFinite: [String]
    /// What was chosen from.
    package let candidates: Candidates
    /// The candidates' names.
    private let names: [String]
    private let model: ModelDescription
    private let isCalibrated: Bool

    /// Predicts the photographs and chooses among them: of their pixels no more than two batches are in memory.
    ///
    /// - Parameters:
    ///   - withFeatures: whether features are kept even where the strategy needs none.
    ///   - report: called for each photograph that cannot be used, as soon as that is known.
    /// - Throws: `FoveaError` of kind `data` where the model does not say how many images of each class trained it,
    ///   or all are labelled; `CancellationError` when stopped.
    package init(
        _ inference: InferenceModel, images: [NamedImage], count: Int, by strategy: any SuggestionStrategy,
        withFeatures: Bool = false, _ context: ExecutionContext, report: (ModelPrediction.Failure) -> Void = { _ in }
    ) throws {
        model = inference.description
        isCalibrated = inference.calibration != nil
        guard let trainingImages = model.trainingImages else {
            throw FoveaError(
                .data, about: PathName.joined(inference.folder, ModelBundle.configurationName),
                "does not say how many images of each class trained the model (training_images)",
                remedy: "Name the folder of a run of Fovea.")
        }
        let images = try UnlabelledImages(images, model: inference.folder, context).images
        let withFeatures = withFeatures || strategy.comparesFeatures
        var candidates = Candidates(
            trainingImages: trainingImages, featureCount: withFeatures ? inference.featureCount : 0,
            capacity: images.count)
        var (names, nonFinite): ([String], [String]) = ([], [])
        var failures: [ModelPrediction.Failure] = []
        let progress = ProgressReporter("Predicting", total: images.count, unit: "images")
        let stream = PredictionStream(
            inference: inference, images: images, withFeatures: withFeatures, context: context)
        try stream.forEachBatch { first, answers in
            for answer in answers {
                switch answer {
                case .row(let row):
                    names.append(row.image)
                    candidates.append(probabilities: row.calibrated ?? row.probabilities, feature: row.features)
                case .nonFinite(let image): nonFinite.append(image)
                case .failure(let failure):
                    failures.append(failure)
                    report(failure)
                }
            }
            progress.update(first + answers.count)
        }
        progress.finish()
        suggestions = try strategy.choose(count, of: candidates, shouldStop: context.shouldStop)
        (self.candidates, self.names, self.failures, self.nonFinite) = (candidates, names, failures, nonFinite)
    }

    /// The choice with the reason for each image.
    package var table: TextTable {
        var table = TextTable([
            "Rank", "Image", "Score", "Class", "Probability", "Training images", "Nearest chosen",
        ])
        for (rank, suggestion) in suggestions.enumerated() {
            let column = suggestion.column
            table.append(
                .count(rank + 1), .text(names[suggestion.image]), .number(suggestion.score, decimals: 4),
                .text(column.map { model.classes[$0] } ?? ""),
                .number(column.map { candidates.probability(suggestion.image, $0) }, decimals: 4),
                .count(column.map { candidates.trainingImages[$0] }), .number(suggestion.similarity, decimals: 3))
        }
        return table
    }

    /// What can be expected of the choice, by the probabilities.
    package var summary: String {
        let expected = RareGain.expected(among: suggestions.map(\.image), of: candidates)
        func text(_ number: Double) -> String { NumberFormat.fixed(number, decimals: 1) }
        let few = "1 to 19 training images"
        let classes = candidates.hasFewShotClass ? "classes with \(few)" : "all classes (none has \(few))"
        let doubt = isCalibrated ? "" : ", which are not calibrated"
        return "by their probabilities\(doubt), these \(suggestions.count) of \(candidates.count) images hold "
            + "\(text(expected.chosen)) findings of \(classes); as many drawn at random hold \(text(expected.random))"
    }

    /// The same as a file.
    package var csv: String {
        var text = CSVText(header: ["image", "rank", "score", "class", "probability", "training_images", "similarity"])
        for (rank, suggestion) in suggestions.enumerated() {
            let column = suggestion.column
            text.append([
                names[suggestion.image], "\(rank + 1)", CSVText.number(suggestion.score),
                column.map { model.classes[$0] } ?? "",
                CSVText.number(column.map { candidates.probability(suggestion.image, $0) }),
                column.map { "\(candidates.trainingImages[$0])" } ?? "", CSVText.number(suggestion.similarity),
            ])
        }
        return text.text
    }

    /// Passes the features of all candidates to `sink`, row by row in the order of their names: as a text they would take
    /// several times their memory.
    package func writeFeatures(_ sink: (UnsafeRawBufferPointer) throws -> Void) throws {
        func write(_ cells: [String]) throws { try Data(CSVText.line(cells).utf8).withUnsafeBytes(sink) }
        let length = candidates.featureCount
        try write(["image"] + (0..<length).map { "feature_\($0)" })
        for (row, name) in names.enumerated() {
            try write([name] + candidates.features[row * length..<(row + 1) * length].map { "\($0)" })
        }
    }
}
