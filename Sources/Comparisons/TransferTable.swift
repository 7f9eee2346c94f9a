import Evaluation
import Reports

/// What teachers know together, and how much of it a student has: a student cannot know what its committee does not.
struct TransferTable {
    /// One grouping of one technique.
    private struct Row {
        let committee: ComparisonOutcome.Arm
        let plain: ComparisonOutcome.Arm
        let bestControl: ComparisonOutcome.Arm?
        let student: ComparisonOutcome.Arm?
        let untaught: ComparisonOutcome.Arm?

        /// (student - untaught) / (committee - plain); nil where the committee knows no more than the plain model.
        var transfer: Double? {
            guard let student = student?.map, let untaught = untaught?.map, let committee = committee.map,
                let plain = plain.map, committee > plain
            else { return nil }
            return (student - untaught) / (committee - plain)
        }
    }

    private let rows: [Row]

    init(_ arms: [ComparisonOutcome.Arm]) {
        rows = arms.compactMap { committee -> Row? in
            guard case .committee(let grouping) = committee.arm else { return nil }
            let others = arms.filter {
                $0.dataset.name == committee.dataset.name && $0.technique == committee.technique
            }
            func find(_ arm: ComparisonArm) -> ComparisonOutcome.Arm? { others.first { $0.arm == arm } }
            guard let plain = find(.plain) else { return nil }
            let controls = others.filter { $0.arm.isControl(of: grouping) && $0.map != nil }
            return Row(
                committee: committee, plain: plain, bestControl: controls.max { ($0.map ?? 0) < ($1.map ?? 0) },
                student: find(.rskd(grouping)), untaught: find(.untaught(grouping)))
        }
    }

    /// Empty where no committee was evaluated.
    var table: TextTable? {
        guard !rows.isEmpty else { return nil }
        var table = TextTable([
            "Data", "Technique", "Committee", "mAP", "Best control", "Its mAP", "Committee minus control", "Untaught",
            "Student", "Transfer",
        ])
        for row in rows {
            let gain = row.committee.map.flatMap { own in row.bestControl?.map.map { own - $0 } }
            table.append(
                .text(row.committee.dataset.name), .text(row.committee.technique), .text(row.committee.arm.label),
                .number(row.committee.map), .text(row.bestControl?.arm.label ?? ""), .number(row.bestControl?.map),
                .number(gain), .number(row.untaught?.map), .number(row.student?.map),
                .number(row.transfer, decimals: 2))
        }
        return table
    }

    /// How to read it.
    static let notes = [
        "mAP is the mean over the classes with enough positive patients. The best control is the plain model, a longer one, one "
            + "at another resolution, or a committee of networks of all classes, whichever is best here: as the best of "
            + "several it is favoured. Look at the costs too.",
        "Transfer is (student - untaught) / (committee - plain): the share of what the committee knows more than the plain model "
            + "that the student has more than one without teachers.",
    ]
}

extension ComparisonOutcome.Arm {
    /// Over the classes with enough positive patients.
    fileprivate var map: Double? {
        let found = result.groups.all.averagePrecision
        return found.fixedSet?.mean ?? found.mean
    }
}

extension ComparisonArm {
    /// Whether a committee of a grouping is to be better than it.
    fileprivate func isControl(of grouping: String) -> Bool {
        switch self {
        case .plain, .ladder, .plainLong, .bestLong: true
        case .single(let other), .wrongWindows(let other): other == grouping
        default: false
        }
    }
}
