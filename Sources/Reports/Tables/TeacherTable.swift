import Basics
import Evaluation
import Plots

/// Teachers against the plain model, class by class: whether a teacher has something to teach.
public struct TeacherTable: Sendable {
    /// One class of one teacher.
    public struct Row: Sendable {
        /// The class.
        public var name: String
        /// The teacher, such as "region/disc".
        public var teacher: String
        /// Training images of the class.
        public var trainingImages: Int
        /// Positive images that the values are measured on.
        public var positives: Int
        /// The plain model's average precision.
        public var plainAP: Double?
        /// The teacher's average precision.
        public var teacherAP: Double?
        /// The student's average precision, where there is a student already.
        public var studentAP: Double?
        /// The plain model's area under the ROC curve.
        public var plainAUC: Double?
        /// The teacher's area under the ROC curve.
        public var teacherAUC: Double?

        /// A class of a teacher; nil is undefined.
        public init(
            name: String, teacher: String, trainingImages: Int, positives: Int, plainAP: Double?, teacherAP: Double?,
            studentAP: Double? = nil, plainAUC: Double?, teacherAUC: Double?
        ) {
            self.name = name
            self.teacher = teacher
            self.trainingImages = trainingImages
            self.positives = positives
            self.plainAP = plainAP
            self.teacherAP = teacherAP
            self.studentAP = studentAP
            self.plainAUC = plainAUC
            self.teacherAUC = teacherAUC
        }
    }

    /// The rows; a class that several teachers know has one for each.
    public var rows: [Row]

    /// A table of some rows.
    public init(_ rows: [Row]) { self.rows = rows }

    /// The table, by teacher and then from frequent to rare; below each teacher its means over the classes where all
    /// the values are defined, with their number.
    public func table() -> TextTable {
        let hasStudent = rows.contains { $0.studentAP != nil }
        let columns = ["Class", "Train", "Positive", "Plain AP", "Teacher AP"] + (hasStudent ? ["Student AP"] : [])
        var table = TextTable(columns + ["Plain AUC", "Teacher AUC"])
        func line(
            _ title: String, _ train: Int?, _ positives: Int?, _ precisions: [Double?], _ areas: [Double?]
        ) -> [TextTable.Cell] {
            let counts: [TextTable.Cell] = train == nil ? [.text(""), .text("")] : [.count(train), .count(positives)]
            return [.text(title)] + counts + (precisions + areas).map { .number($0) }
        }
        func values(_ row: Row) -> (precisions: [Double?], areas: [Double?]) {
            ([row.plainAP, row.teacherAP] + (hasStudent ? [row.studentAP] : []), [row.plainAUC, row.teacherAUC])
        }
        for teacher in teachers {
            let members = rows.filter { $0.teacher == teacher }.enumerated()
                .sorted { ($1.element.trainingImages, $0.offset) < ($0.element.trainingImages, $1.offset) }.map(
                    \.element)
            table.rules.insert(table.rows.count)
            for row in members {
                let value = values(row)
                table.rows.append(line(row.name, row.trainingImages, row.positives, value.precisions, value.areas))
            }
            let precisions = Self.means(members.map { values($0).precisions })
            let areas = Self.means(members.map { values($0).areas })
            table.rows.append(
                line("\(teacher): mean of \(precisions.count)", nil, nil, precisions.means, areas.means))
        }
        return table
    }

    /// The same as a plot: plain, teacher and, where there is one, student. A class that several teachers know shows
    /// the mean of their values, and the legend says so.
    public func plot(title: String, bounds: ShotBounds) -> ClassComparisonPlot {
        let hasStudent = rows.contains { $0.studentAP != nil }
        var names: [String] = []
        for row in rows where !names.contains(row.name) { names.append(row.name) }
        let classes = names.compactMap { name -> ClassRow? in
            let members = rows.filter { $0.name == name }
            guard let first = members.first else { return nil }
            var values = [
                ReportedValue(first.plainAP), ReportedValue(ClassMean(members.map(\.teacherAP)).mean),
            ]
            if hasStudent { values.append(ReportedValue(first.studentAP)) }
            return ClassRow(name, trainingCount: first.trainingImages, values: values)
        }
        return ClassComparisonPlot(
            title: title, classes: classes, series: ["plain", teacherSeries] + (hasStudent ? ["student"] : []),
            bounds: bounds)
    }

    /// What a class's value of the teachers is: of one, or a mean.
    private var teacherSeries: String {
        let counts = Dictionary(grouping: rows, by: \.name).values.map(\.count)
        guard let least = counts.min(), let most = counts.max(), most > 1 else { return "teacher" }
        return least == most ? "mean of \(most) teachers" : "mean of \(least) to \(most) teachers"
    }

    private var teachers: [String] {
        var seen: [String] = []
        for row in rows where !seen.contains(row.teacher) { seen.append(row.teacher) }
        return seen
    }

    /// Column means over the rows where every value is defined, and how many those are.
    private static func means(_ rows: [[Double?]]) -> (means: [Double?], count: Int) {
        let whole = rows.filter { !$0.contains { $0 == nil } }
        let width = rows.first?.count ?? 0
        return ((0..<width).map { column in ClassMean(whole.map { $0[column] }).mean }, whole.count)
    }
}
