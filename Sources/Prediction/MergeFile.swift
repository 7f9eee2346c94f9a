import Basics
import Evaluation
import Foundation
import Yams

/// Near-synonyms to be treated as one class, from a YAML file: `merge: {retinopathy: [mild, severe], ...}`.
package enum MergeFile {
    /// What is added to the title of an evaluation.
    package static func words(_ path: String?) -> String { path.map { ", classes merged by \($0)" } ?? "" }

    /// - Throws: `FoveaError` of kind `data` that names file, line and key.
    package static func read(_ path: String) throws -> ClassMerging {
        let form = "The form is: merge: {NAME: [CLASS, CLASS], ...}"
        guard let root = try YAMLDocument.read(path, "the classes to merge,", form: form)?.mapping else {
            throw FoveaError(.data, about: path, "says nothing of classes to merge", remedy: form)
        }
        func failure(_ node: Node, _ words: String) -> FoveaError {
            FoveaError(.data, at: FilePlace(path, line: node.mark?.line), words, remedy: form)
        }
        for (key, _) in root where key.scalar?.string != "merge" {
            throw failure(key, "unknown key \"\(key.scalar?.string ?? "?")\"")
        }
        guard let entries = root["merge"]?.mapping, !entries.isEmpty else {
            throw FoveaError(.data, at: FilePlace(path), "\"merge\" names no class", remedy: form)
        }
        // Scalars are taken as they are written, so that a class may be called NO.
        return ClassMerging(
            try entries.map { key, value in
                guard let name = key.scalar?.string, !name.isEmpty else { throw failure(key, "a name must be a text") }
                let members = value.sequence?.map { $0.scalar?.string ?? "" }
                guard let members, !members.isEmpty, !members.contains("") else {
                    throw failure(value, "\"\(name)\" must be a list of classes")
                }
                return ClassMerging.Group(name, of: members)
            }, source: path)
    }
}
