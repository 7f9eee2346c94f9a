import Basics

/// Which photographs train, which validate and which stay out; no patient is in two of the three.
public struct Split: Sendable, Equatable, Codable {
    /// How it was made, in words for reports.
    public let name: String
    /// Rows of the cohort to train on, ascending.
    public let training: [Int]
    /// Rows to validate on, ascending.
    public let validation: [Int]
    /// Rows that take no part, such as a fold kept for a final test; ascending.
    public let excluded: [Int]

    /// Makes a split from rows.
    ///
    /// - Parameter trains: whether something is to be trained: only an evaluation needs no training images.
    /// - Throws: `FoveaError` when a row is unknown or in two parts, training or validation is empty, or a patient is
    ///   in two parts (the first ten are named).
    public init(
        _ name: String, training: [Int], validation: [Int], excluded: [Int] = [], trains: Bool = true, of cohort: Cohort
    ) throws {
        var part = [String?](repeating: nil, count: cohort.count)
        for (word, rows) in [("training", training), ("validation", validation), ("excluded", excluded)] {
            for row in rows {
                guard cohort.photographs.indices.contains(row), part[row] == nil else {
                    throw FoveaError(.data, "\(name): row \(row) does not exist or is in two parts of the split")
                }
                part[row] = word
            }
        }
        for (word, rows) in [("training", training), ("validation", validation)]
        where rows.isEmpty && (trains || word != "training") {
            throw FoveaError(
                .data, "\(name): no photograph is left for \(word)", remedy: "Choose other parts, or another share.")
        }
        try cohort.requireWholePatients(part, in: name)
        self.name = name
        self.training = training.sorted()
        self.validation = validation.sorted()
        self.excluded = excluded.sorted()
    }

    /// Splits by the table's fold column: `validation` folds validate, `excluded` folds stay out, the rest train.
    ///
    /// - Throws: `FoveaError` when a photograph has no fold, a fold does not exist or is named twice, or a patient is in
    ///   two folds.
    public static func byFold(
        _ cohort: Cohort, validation: [Int], excluded: [Int] = [], trains: Bool = true
    ) throws -> Split {
        let folds = cohort.photographs.map(\.fold)
        let without = cohort.photographs.filter { $0.fold == nil }.map(\.image)
        guard without.count < cohort.count else {
            throw FoveaError(
                .data, about: cohort.source, "has no column \"fold\", or it is empty",
                remedy: "Add it, or let Fovea make the folds: data.split.method: make.")
        }
        guard without.isEmpty else {
            let photographs = Pluralization.count(without.count, "photograph has", "photographs have")
            throw FoveaError(
                .data, at: FilePlace(cohort.source), "\(photographs) no fold: \(Pluralization.listing(without))",
                remedy: "Fill the fold column, or let Fovea make the folds: data.split.method: make.")
        }
        return try from(
            folds: folds.map { $0 ?? 0 }, of: cohort, validation: validation, excluded: excluded, trains: trains)
    }

    /// Splits by the table's split column, or by the splits given with the tables; photographs of other splits stay
    /// out.
    ///
    /// - Throws: `FoveaError` when a named split does not exist (with the nearest name) or a patient is in two splits.
    public static func byColumn(
        _ cohort: Cohort, training requested: [String], validation: [String], trains: Bool = true
    ) throws -> Split {
        let words = cohort.photographs.map(\.split)
        let known = Set(words.compactMap { $0 }).sorted()
        let training = trains ? requested : requested.filter(known.contains)
        for (key, names) in [("training", training), ("validation", validation)]
        where names.isEmpty && (trains || key != "training") {
            throw FoveaError(
                .configuration, "data.split.\(key) is empty: no photograph is left for \(key)",
                remedy: "Name at least one split. \(cohort.source) has: \(Pluralization.listing(known)).")
        }
        if let both = training.first(where: validation.contains) {
            throw FoveaError(
                .configuration, "the split \"\(both)\" is in data.split.training and in data.split.validation",
                remedy: "Remove it from one of them.")
        }
        for word in training + validation where !known.contains(word) {
            let problem = "\(cohort.source): no photograph has the split \"\(word)\""
            let hint = known.isEmpty ? "There is no split column." : FoveaError.suggestion(for: word, among: known)
            throw FoveaError(.configuration, problem, remedy: hint)
        }
        try requireDistinct(words, named: training + validation, of: cohort)
        try cohort.requireWholePatients(words, in: "\(cohort.source), split column")
        func rows(_ requested: [String]) -> [Int] {
            words.indices.filter { row in words[row].map(requested.contains) ?? false }
        }
        let name = "split \(training.joined(separator: ", ")) / \(validation.joined(separator: ", "))"
        let used = Set(training + validation)
        let excluded = words.indices.filter { row in !(words[row].map(used.contains) ?? false) }
        return try Split(
            name, training: rows(training), validation: rows(validation), excluded: excluded, trains: trains, of: cohort
        )
    }

    /// Splits by folds given for each row, such as those of `makeFolds`.
    public static func from(
        folds: [Int], of cohort: Cohort, validation: [Int], excluded: [Int] = [], trains: Bool = true
    ) throws -> Split {
        guard folds.count == cohort.count else {
            throw FoveaError(.data, "\(folds.count) folds were given for \(cohort.count) photographs")
        }
        let known = Set(folds).sorted()
        guard !validation.isEmpty else {
            throw FoveaError(
                .configuration, "data.split.validation_folds is empty: no photograph is left for validation",
                remedy:
                    "Name at least one fold. \(cohort.source) has: \(Pluralization.listing(known.map(String.init))).")
        }
        if let both = validation.first(where: excluded.contains) {
            throw FoveaError(
                .configuration, "fold \(both) is in data.split.validation_folds and in data.split.excluded_folds",
                remedy: "Remove it from one of them.")
        }
        for fold in validation + excluded where !known.contains(fold) {
            let shown = known.map(String.init).joined(separator: ", ")
            throw FoveaError(
                .configuration, about: cohort.source, "has no fold \(fold)", remedy: "Its folds are: \(shown).")
        }
        guard !trains || !Set(known).isSubset(of: validation + excluded) else {
            throw FoveaError(
                .configuration,
                "data.split.validation_folds and data.split.excluded_folds name every fold of \(cohort.source): no "
                    + "photograph is left for training", remedy: "Leave out at least one fold, which then trains.")
        }
        // The whole column, not just this split: folds take turns in a cross-validation.
        try cohort.requireWholePatients(folds.map { "fold \($0)" }, in: "\(cohort.source), folds")
        func rows(_ requested: (Int) -> Bool) -> [Int] { folds.indices.filter { requested(folds[$0]) } }
        let word = validation.map(String.init).joined(separator: ", ")
        let without = excluded.isEmpty ? "" : " without " + excluded.map(String.init).joined(separator: ", ")
        return try Split(
            "fold \(word)" + without, training: rows { !validation.contains($0) && !excluded.contains($0) },
            validation: rows(validation.contains), excluded: rows(excluded.contains), trains: trains, of: cohort)
    }

    /// Makes folds 0 ..< count of whole patients, rare classes spread first; a pure function of cohort and seed.
    ///
    /// - Returns: the fold of each row.
    /// - Throws: `FoveaError` unless 2 <= count <= number of patients.
    public static func makeFolds(of cohort: Cohort, count: Int, seed: UInt64) throws -> [Int] {
        let patients = Set(cohort.patientNumbers).count
        guard 2...max(2, patients) ~= count, count <= patients else {
            throw FoveaError(
                .configuration, at: FilePlace(cohort.source),
                "\(Pluralization.count(count, "fold")) of \(Pluralization.count(patients, "patient")) cannot be made",
                remedy: "Allowed: 2 to the number of patients.")
        }
        let shares = [Double](repeating: 1 / Double(count), count: count)
        return cohort.stratified(rows: Array(cohort.photographs.indices), shares: shares, seed: seed)
    }

    /// Divides `rows` again, such as training rows into those that train and those that weights are measured on:
    /// whole patients, rare classes spread first, about `share` of the photographs in `validation`. Other rows are in
    /// no part of the result.
    ///
    /// - Parameter key: the setting that needs it, which errors name.
    /// - Throws: `FoveaError` unless 0 < share < 1 and the rows have at least two patients.
    public static func inner(
        of cohort: Cohort, rows: [Int], share: Double = 0.2, seed: UInt64, for key: String = "distillation.inner_share"
    ) throws -> Split {
        guard share > 0, share < 1 else {
            throw FoveaError(.configuration, "the share \(share) of an inner split must be between 0 and 1")
        }
        let parts = cohort.stratified(rows: rows, shares: [1 - share, share], seed: seed)
        func members(of part: Int) -> [Int] { zip(rows, parts).filter { $0.1 == part }.map(\.0) }
        for (part, word) in ["train on", "measure on"].enumerated() where members(of: part).isEmpty {
            let patients = Set(rows.map { cohort.patientNumbers[$0] }).count
            throw FoveaError(
                .data,
                "\(key): of \(Pluralization.count(patients, "training patient")), a share of \(share) to measure on leaves none "
                    + "to \(word)", remedy: "Train on more patients, or change \(key).")
        }
        return try Split("inner split of \(share)", training: members(of: 0), validation: members(of: 1), of: cohort)
    }
}

/// A patient whose photographs are in several parts.
public struct PatientConflict: Sendable, Equatable, Codable {
    /// The patient as the table names it.
    public let patient: String
    /// The parts, such as "fold 0" and "fold 3", sorted.
    public let parts: [String]
}

extension Cohort {
    /// The patients that are in more than one part; `parts` names the part of each row (nil: in none).
    public func patients(inSeveralOf parts: [String?]) -> [PatientConflict] {
        var found: [String: Set<String>] = [:]
        var order: [String] = []
        for (photograph, part) in zip(photographs, parts) {
            guard let patient = photograph.patient, let part else { continue }
            if found[patient] == nil { order.append(patient) }
            found[patient, default: []].insert(part)
        }
        return order.compactMap { patient in
            guard let parts = found[patient], parts.count > 1 else { return nil }
            return PatientConflict(patient: patient, parts: parts.sorted())
        }
    }

    func requireWholePatients(_ parts: [String?], in name: String) throws {
        let conflicts = patients(inSeveralOf: parts)
        guard !conflicts.isEmpty else { return }
        let shown = conflicts.map { "\($0.patient) (\($0.parts.joined(separator: ", ")))" }
        throw FoveaError(
            .data,
            "\(name): \(Pluralization.count(conflicts.count, "patient is", "patients are")) in several parts: "
                + Pluralization.listing(shown),
            remedy: "Keep all photographs of a patient in one part, or let Fovea make the split.")
    }

    /// The part of each of `rows`, whole patients in one part.
    fileprivate func stratified(rows: [Int], shares: [Double], seed: UInt64) -> [Int] {
        let numbers = patientNumbers
        var group: [Int: Int] = [:]
        var sizes: [Int] = []
        var counts: [[Int: Int]] = []
        for row in rows {
            let k = group[numbers[row]] ?? sizes.count
            if k == sizes.count {
                group[numbers[row]] = k
                sizes.append(0)
                counts.append([:])
            }
            sizes[k] += 1
            for column in positives(of: row) { counts[k][column, default: 0] += 1 }
        }
        let positives = counts.map { $0.sorted { $0.key < $1.key }.map { (column: $0.key, count: $0.value) } }
        let parts = Stratification(sizes: sizes, positives: positives, classCount: classes.count)
            .parts(shares: shares, seed: seed)
        return rows.map { row in group[numbers[row]].map { parts[$0] } ?? 0 }
    }
}
