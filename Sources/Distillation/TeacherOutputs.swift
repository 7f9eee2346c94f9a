import Cohorts

/// The outputs of all teachers side by side: one column for each pair of a teacher and a class that it knows.
public struct TeacherOutputs: Sendable, Equatable {
    /// The subset of each teacher, in order.
    public let subsets: [ClassSubset]
    /// The class of each column.
    public let classes: [Int]
    /// The teacher of each column.
    public let teachers: [Int]
    /// 1 / m_c for each column, m_c being the number of teachers that know its class.
    public let shares: [Double]

    /// Lays out the columns teacher by teacher.
    public init(_ subsets: [ClassSubset]) {
        self.subsets = subsets
        classes = subsets.flatMap(\.classes)
        teachers = subsets.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element.classes.count) }
        var known: [Int: Int] = [:]
        for column in classes { known[column, default: 0] += 1 }
        shares = classes.map { 1 / Double(known[$0] ?? 1) }
    }

    /// The number of columns.
    public var count: Int { classes.count }

    /// The columns of one teacher.
    public func columns(of teacher: Int) -> Range<Int> {
        let start = subsets[..<teacher].reduce(0) { $0 + $1.classes.count }
        return start..<start + subsets[teacher].classes.count
    }
}
