import Basics

extension Outcomes {
    /// Only the named classes, in the given order: for instance those of a subset teacher.
    ///
    /// - Throws: `FoveaError` of kind `data` when a class is not there.
    public func selecting(classes names: [String]) throws -> Outcomes {
        let columns = try names.map { name in
            guard let column = classes.firstIndex(of: name) else {
                throw FoveaError(
                    .data, "there is no class \"\(name)\"", remedy: FoveaError.suggestion(for: name, among: classes))
            }
            return column
        }
        let cells = images.indices.flatMap { image in columns.map { image * classes.count + $0 } }
        return try Outcomes(
            classes: names, images: images, labels: cells.map { labels[$0] }, scores: cells.map { scores[$0] },
            patients: patients, folds: folds)
    }

    /// Only the rows whose fold is among `requested`, such as folds 1 and 2.
    public func selecting(folds requested: Set<Int>) throws -> Outcomes {
        guard folds.count == images.count else {
            throw FoveaError(.data, "cannot select folds: these outcomes have no folds")
        }
        return try selecting(images: images.indices.filter { requested.contains(folds[$0]) })
    }

    /// Only the rows at the given positions, in the given order; each position at most once.
    public func selecting(images rows: [Int]) throws -> Outcomes {
        if let wrong = rows.first(where: { !images.indices.contains($0) }) {
            throw FoveaError(.data, "there is no row \(wrong) among \(images.count) images")
        }
        let cells = rows.flatMap { row in (0..<classes.count).map { row * classes.count + $0 } }
        return try Outcomes(
            classes: classes, images: rows.map { images[$0] }, labels: cells.map { labels[$0] },
            scores: cells.map { scores[$0] }, patients: patients.isEmpty ? [] : rows.map { patients[$0] },
            folds: folds.isEmpty ? [] : rows.map { folds[$0] })
    }

    /// The held-out predictions of several folds as one table, with the fold of each row.
    ///
    /// - Parameter parts: by fold number, each with the same classes in the same order.
    /// - Throws: `FoveaError` of kind `data` when classes differ, an image is in two folds, or a patient is: then the
    ///   model of one fold was trained on a patient that another evaluates on.
    public static func outOfFold(_ parts: [Int: Outcomes]) throws -> Outcomes {
        let folds = parts.sorted { $0.key < $1.key }
        let classes = folds.first?.value.classes ?? []
        var foldOfPatient: [String: Int] = [:]
        for (fold, part) in folds {
            guard part.classes == classes else {
                throw FoveaError(
                    .data, "fold \(fold) has other classes, or another order of them, than fold \(folds[0].key)")
            }
            for case let patient? in part.patients {
                if let other = foldOfPatient.updateValue(fold, forKey: patient), other != fold {
                    throw FoveaError(
                        .data, "patient \"\(patient)\" is in folds \(other) and \(fold)",
                        remedy: "Split by patient: all images of a patient belong in one fold.")
                }
            }
        }
        let hasPatients = folds.contains { !$0.value.patients.isEmpty }
        return try Outcomes(
            classes: classes, images: folds.flatMap { $0.value.images }, labels: folds.flatMap { $0.value.labels },
            scores: folds.flatMap { $0.value.scores },
            patients: !hasPatients
                ? []
                : folds.flatMap { part in
                    part.value.patients.isEmpty ? part.value.images.map { _ in nil } : part.value.patients
                },
            folds: folds.flatMap { part in part.value.images.map { _ in part.key } })
    }
}
