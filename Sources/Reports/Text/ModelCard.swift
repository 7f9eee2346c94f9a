import Basics
import Evaluation
import Foundation

/// The last line of a card, which holds the hash of all before it: people change a card, and what they wrote must stay.
enum CardSeal {
    private static let start = "<!-- SHA-256 of what is above, by which `fovea report` knows that it was not changed: "

    static func added(to text: String) -> String { text + "\(start)\(Digest.sha256(text)) -->\n" }

    /// Whether a card is as it was written.
    static func isWhole(_ card: Data) -> Bool {
        let text = String(decoding: card, as: UTF8.self)
        guard let place = text.range(of: start, options: .backwards) else { return false }
        return added(to: String(text[..<place.lowerBound])) == text
    }
}

extension ModelReport {
    /// `model-card.md`: what the model is and is not for, with the front matter of Hugging Face's hub.
    ///
    /// - Parameter dataset: the name of the data.
    public func modelCard(dataset: String) -> String {
        let tables = EvaluationTables(best, names: names)
        let text = """
            \(frontMatter(dataset: dataset))

            # \(Markdown.escaped(name))

            \(TextTable(["What", "Value"], facts.map { [.text($0.name), .text($0.value)] }).markdown())
            ## Use

            For research on the recognition of retinal diseases from colour fundus photographs. Not a medical device: nobody may
            be diagnosed or treated by it. It was measured on the validation images of one data set only; on other cameras,
            places and patients it may be much worse. `license` above is for whoever publishes the model to choose: the data
            may forbid some.

                fovea predict MODEL photograph.jpg

            MODEL is the folder of this card, which holds `config.json` and `model.safetensors`.

            ## Results

            \(Markdown.escaped(tables.headline))

            \(tables.notes().map(Markdown.escaped).joined(separator: " "))

            \(tables.summary().markdown())
            ## Classes

            \(tables.classes().markdown())
            ## Data

            \(TextTable(["File", "SHA-256"], hashes.map { [.text($0.name), .text($0.sha256)] }).markdown())

            """
        return CardSeal.added(to: text)
    }

    /// Its values are JSON, which is YAML too.
    private func frontMatter(dataset: String) -> String {
        func quoted(_ text: String) -> String {
            (try? String(decoding: JSONFormat.encoded(Printable.line(text), pretty: false), as: UTF8.self))
                ?? "\"\""
        }
        let metrics = [
            ("mean_average_precision", "mean average precision", best.groups.all.averagePrecision.mean),
            ("roc_auc", "mean area under the ROC curve", best.groups.all.rocAUC.mean),
            ("f1", "macro F1", best.macroF1.mean),
        ].compactMap { type, name, value in
            value.map { "    - type: \(type)\n      name: \(name)\n      value: \($0)" }
        }
        return """
            ---
            license: other
            license_name: not-chosen
            library_name: fovea
            pipeline_tag: image-classification
            tags: [fovea, fundus, retina, medical, long-tail]
            metrics: [mean_average_precision, roc_auc, f1]
            model-index:
            - name: \(quoted(name))
              results:
              - task:
                  type: image-classification
                dataset:
                  type: image-folder
                  name: \(quoted(dataset))
                  split: validation
                metrics:
            \(metrics.joined(separator: "\n"))
            ---
            """
    }
}
