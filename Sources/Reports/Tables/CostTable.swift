import Basics

/// What the stages of a run cost, beside the plain model that the student is compared with.
public struct CostTable: Sendable {
    /// One stage.
    public struct Row: Sendable {
        /// The stage, such as "plain" or "teacher region/disc".
        public var stage: String
        /// Seconds spent on it, when it was made.
        public var seconds: Double
        /// Images that passed forward and backward; 0 for a stage that trains nothing.
        public var images: Int
        /// Images that passed forward only: views of teachers, and what a head alone is trained on.
        public var views: Int
        /// Whether it was reused from an earlier run rather than made in this one.
        public var isReused: Bool

        /// A stage.
        public init(_ stage: String, seconds: Double, images: Int, views: Int = 0, isReused: Bool) {
            self.stage = stage
            self.seconds = seconds
            self.images = images
            self.views = views
            self.isReused = isReused
        }
    }

    /// The stages, those of the plain model first.
    public var rows: [Row]
    /// How many of them are the plain model's.
    public var plainStages: Int

    /// A table of some stages.
    public init(_ rows: [Row], plainStages: Int = 1) {
        self.rows = rows
        self.plainStages = plainStages
    }

    /// Work in images trained on: a backward pass costs about twice a forward one, so that an image which passes forward
    /// only counts a third.
    public static func work(images: Double, views: Double) -> Double { images + views / 3 }

    /// One row per stage, and their sum.
    public func table() -> TextTable {
        var table = TextTable(["Stage", "Seconds", "Images trained on", "Forward only", "In this run"])
        for row in rows {
            table.append(
                .text(row.stage), .number(row.seconds, decimals: 1), .count(row.images > 0 ? row.images : nil),
                .count(row.views > 0 ? row.views : nil), .text(row.isReused ? "reused" : "made"))
        }
        guard rows.count > 1 else { return table }
        let total = Self.sum(rows[...])
        table.rules.insert(table.rows.count)
        table.append(
            .text("together"), .number(total.seconds, decimals: 1), .count(total.images), .count(total.views), .text("")
        )
        return table
    }

    /// All stages against those of the plain model; empty where there is nothing to compare.
    ///
    /// - Parameter name: what the other model is called.
    public func notes(of name: String = "student") -> [String] {
        let plain = Self.sum(rows.prefix(plainStages))
        guard rows.count > plainStages, plain.seconds > 0, plain.work > 0 else { return [] }
        let total = Self.sum(rows[...])
        let seconds = NumberFormat.fixed(total.seconds / plain.seconds, decimals: 1)
        let work = NumberFormat.fixed(total.work / plain.work, decimals: 1)
        return [
            "Seconds of a reused stage are those of the run that made it. All stages together took "
                + "\(seconds) times the seconds of the plain model, and \(work) times its work"
                + (total.views > 0 ? ", where an image that passes forward only counts a third." : "."),
            "So \(name) and plain model are not equal in total compute: the \(name) has teachers behind it. A plain "
                + "model trained for as long as all stages together was not part of this run.",
        ]
    }

    private static func sum(
        _ rows: ArraySlice<Row>
    ) -> (seconds: Double, images: Int, views: Int, work: Double) {
        let images = rows.reduce(0) { $0 + $1.images }
        let views = rows.reduce(0) { $0 + $1.views }
        let seconds = rows.reduce(0) { $0 + $1.seconds }
        return (seconds, images, views, work(images: Double(images), views: Double(views)))
    }
}
