import Basics

extension Inspection {
    /// How much a finding matters, the worst first.
    public enum Rank: String, Sendable, Codable, CaseIterable {
        /// `fovea train` refuses it.
        case stopsTraining = "stops_training"
        /// What is measured after the training does not hold.
        case weakensResults = "weakens_results"
        /// Only to know.
        case note
    }

    /// Something that was found in the data.
    public struct Finding: Sendable, Equatable, Codable {
        /// How much it matters.
        public let rank: Rank
        /// What it is.
        public let text: String
        /// The images, groups of images or patients that it is about; empty where the text says all.
        public let items: [String]

        init(_ rank: Rank, _ text: String, _ items: [String] = []) {
            (self.rank, self.text, self.items) = (rank, text, items)
        }
    }

    /// What a cohort and its division mean for a training.
    struct Verdict {
        let cohort: Cohort
        let split: Split?
        /// Unreadable training images are left out, and do not stop.
        let skipsUnreadable: Bool
        private var findings: [Finding] = []

        init(_ cohort: Cohort, _ split: Split?, skipsUnreadable: Bool) {
            (self.cohort, self.split, self.skipsUnreadable) = (cohort, split, skipsUnreadable)
        }

        /// The findings, the worst first, those of a rank as they were added.
        var ranked: [Finding] { Rank.allCases.flatMap { rank in findings.filter { $0.rank == rank } } }

        /// Adds a finding that counts the things that it is about; none for no things.
        mutating func add(_ rank: Rank, _ one: String, _ several: String, _ items: [String]) {
            guard !items.isEmpty else { return }
            findings.append(Finding(rank, Pluralization.count(items.count, one, several), items))
        }

        mutating func add(_ rank: Rank, _ texts: [String]) { findings += texts.map { Finding(rank, $0) } }

        /// The part of each row: of the split, else by the columns of the table; nil for one in neither.
        private var parts: [String?] {
            guard let split else { return cohort.photographs.map { $0.split ?? $0.fold.map { "fold \($0)" } } }
            var parts = [String?](repeating: nil, count: cohort.count)
            for row in split.training { parts[row] = "training" }
            for row in split.validation { parts[row] = "validation" }
            return parts
        }

        /// Files that are missing, unreadable or show nothing.
        mutating func judge(missing: [String], unreadable: [Unreadable], featureless: [Unreadable]) {
            func words(_ image: Unreadable) -> String { "\(image.image): \(image.reason)" }
            add(.stopsTraining, "missing image", "missing images", missing)
            let parts = Dictionary(zip(cohort.photographs.map(\.image), parts)) { first, _ in first }
            let isLeftOut = unreadable.map { image in
                let part = parts[image.image] ?? nil
                return split != nil && (part == nil || (skipsUnreadable && part == "training"))
            }
            for (rank, isOut, note) in [(Rank.stopsTraining, false, ""), (.note, true, " that training leaves out")] {
                let found = zip(unreadable, isLeftOut).filter { $1 == isOut }.map { words($0.0) }
                add(rank, "unreadable image" + note, "unreadable images" + note, found)
            }
            add(
                .weakensResults, "image in which nothing can be seen", "images in which nothing can be seen",
                featureless.map(words))
            add(
                .note, "row left out because its image does not exist (data.missing: skip)",
                "rows left out because their images do not exist (data.missing: skip)", cohort.leftOutImages)
        }

        /// Photographs and patients that are where they should not be: in training and validation.
        mutating func judge(duplicates: [[Int]], conflicts: [PatientConflict]) {
            let parts = parts
            func names(_ group: [Int]) -> String { group.map { cohort.photographs[$0].image }.joined(separator: " = ") }
            func isLeak(_ group: [Int]) -> Bool { Set(group.compactMap { parts[$0] }).count > 1 }
            let kind = split == nil ? "in several parts of the table" : "that train and validate"
            add(
                .stopsTraining, "group of images with the same content \(kind)",
                "groups of images with the same content \(kind)", duplicates.filter(isLeak).map(names))
            add(
                split == nil ? .weakensResults : .note, "group of images with the same content",
                "groups of images with the same content", duplicates.filter { !isLeak($0) }.map(names))
            let unused = split == nil ? "" : " of the table, which the configuration does not divide by"
            add(
                split == nil ? .stopsTraining : .note, "patient in two splits" + unused,
                "patients in two splits" + unused,
                conflicts.map { "\($0.patient): \($0.parts.joined(separator: ", "))" })
            if !cohort.knowsPatients {
                add(
                    .weakensResults,
                    [
                        "no patient column: photographs of one patient may train and validate, so results look better than they are"
                    ])
            }
        }

        /// Classes from which nothing can be learnt, or for which nothing is measured.
        mutating func judge(counts: [Int], training: [Int]?) {
            func classes(_ isMeant: (Int) -> Bool) -> [String] {
                cohort.classes.indices.filter(isMeant).map { cohort.classes[$0] }
            }
            func add(_ rank: Rank, _ text: String, _ classes: [String]) {
                if !classes.isEmpty { findings.append(Finding(rank, text + Pluralization.listing(classes))) }
            }
            add(.note, "classes without a positive photograph: ", classes { counts[$0] == 0 })
            guard let split, let training else { return }
            if !training.contains(where: { $0 > 0 }) {
                findings.append(Finding(.stopsTraining, "no class has a positive among the training images"))
            }
            let validation = cohort.classCounts(rows: split.validation)
            add(
                .weakensResults, "classes that no training image shows: ",
                classes { counts[$0] > 0 && training[$0] == 0 })
            add(
                .weakensResults, "classes that no validation image shows, so that nothing is measured of them: ",
                classes { counts[$0] > 0 && validation[$0] == 0 })
        }
    }
}
