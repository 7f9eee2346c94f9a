import Basics
import Evaluation
import Foundation

extension ModelReport {
    /// `model-card.md`: what the model is and is not for, with the front matter of Hugging Face's hub.
    ///
    /// Values of the front matter are JSON, which is YAML too.
    ///
    /// - Parameter dataset: the name of the data.
    public func modelCard(dataset: String) -> String {
        func quoted(_ text: String) -> String {
            (try? String(decoding: JSONFormat.encoded(DisplayText.oneLine(text), pretty: false), as: UTF8.self))
                ?? "\"\""
        }
        var metrics: [String] = []
        for (type, name, value) in [
            ("mean_average_precision", "mean average precision", best.groups.all.averagePrecision.mean),
            ("roc_auc", "mean area under the ROC curve", best.groups.all.rocAUC.mean),
            ("f1", "macro F1", best.macroF1.mean),
        ] {
            guard let value else { continue }
            metrics.append("    - type: \(type)\n      name: \(name)\n      value: \(value)")
        }
        let tables = EvaluationTables(best, names: names)
        return """
            ---
            license: other
            license_name: not-chosen
            library_name: fovea
            pipeline_tag: image-classification
            tags: [fovea, fundus, retina, medical, long-tail, multi-label]
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

            # \(Markdown.escaped(name))

            \(TextTable(["What", "Value"], facts.map { [.text($0.name), .text($0.value)] }).markdown())
            ## Use

            For research on the recognition of retinal diseases from colour fundus photographs. Not a medical device: nobody may
            be diagnosed or treated by it. It was measured on the validation images of one data set only; on other cameras,
            places and patients it may be much worse. `license` above is for whoever publishes the model to choose: the data
            may forbid some.

                fovea predict FOLDER photograph.jpg

            ## Results

            \(tables.notes().map(Markdown.escaped).joined(separator: " "))

            \(tables.summary().markdown())
            ## Classes

            \(tables.classes().markdown())
            ## Data

            \(TextTable(["File", "SHA-256"], hashes.map { [.text($0.name), .text($0.sha256)] }).markdown())
            """
    }
}
