import Basics
import Evaluation
import Plots

/// Everything that the page about a comparison shows, as values.
public struct ComparisonReport: Sendable {
    /// One run.
    public struct Cell: Encodable, Sendable {
        /// Data set, fold and seed, technique and arm.
        public var name: String
        /// "finished", "interrupted" or "open".
        public var state: String
        /// Why it is not finished; nil where it is, or where nothing says so.
        @ExplicitNull public var reason: String?
        /// Its folder, from that of the comparison.
        public var folder: String
        /// Whether it has a page of its own there.
        public var hasReport: Bool
        /// What its stages took, those that it shares with others too; nil where it is not finished.
        @ExplicitNull public var seconds: Double?

        /// Puts it together.
        public init(
            name: String, state: String, reason: String?, folder: String, hasReport: Bool, seconds: Double?
        ) {
            (self.name, self.state, self.folder, self.hasReport) = (name, state, folder, hasReport)
            self.reason = reason
            self.seconds = seconds
        }
    }

    /// A drawing, and what it shows.
    public struct Figure: Sendable {
        /// The drawing.
        public var drawing: Drawing
        /// The name, without its ending, of the file that it has in `plots` too.
        public var name: String
        /// What it shows.
        public var caption: String

        /// Puts it together.
        public init(drawing: Drawing, name: String, caption: String) {
            (self.drawing, self.name, self.caption) = (drawing, name, caption)
        }
    }

    /// A part that shows figures, and a table below them.
    public struct Detail: Sendable {
        /// The heading.
        public var title: String
        /// How to read it.
        public var paragraphs: [String]
        /// Nil for none.
        public var table: TextTable?
        /// What it shows.
        public var figures: [Figure]

        /// Puts it together.
        public init(title: String, paragraphs: [String] = [], table: TextTable? = nil, figures: [Figure]) {
            (self.title, self.paragraphs, self.table, self.figures) = (title, paragraphs, table, figures)
        }
    }

    /// The comparison, such as "compare-odir".
    public var name: String
    /// What was compared on what.
    public var facts: [(name: String, value: String)]
    /// How to read the figures, and what is not in them.
    public var notes: [String]
    /// The kinds of run, with what they are.
    public var arms: [(name: String, words: String)]
    /// The numbers.
    public var tables: ComparisonTables
    /// Whether thresholds are of the classes that are shown.
    public var hasDecisions: Bool
    /// Whether an arm has a student.
    public var hasDistillation = true
    /// Gains, one plot for each data set and question.
    public var gains: [Drawing] = []
    /// Class by class, for each technique with a student.
    public var details: [Detail] = []
    /// All runs.
    public var cells: [Cell] = []
    /// The files that were read, by name, with their SHA-256.
    public var hashes: [(name: String, sha256: String)] = []
    /// The commands that make the comparison and the page again.
    public var commands: [String] = []

    /// The parts that every page has.
    public init(
        name: String, facts: [(name: String, value: String)], notes: [String], arms: [(name: String, words: String)],
        tables: ComparisonTables, hasDecisions: Bool
    ) {
        (self.name, self.facts, self.notes, self.arms) = (name, facts, notes, arms)
        (self.tables, self.hasDecisions) = (tables, hasDecisions)
    }
}
