import Basics

/// `report.md`: a run in one page of Markdown, to be read on its own.
public struct RunReport: Sendable {
    /// A part of the page under a heading of its own.
    public struct Section: Sendable {
        /// The heading.
        public var title: String
        /// Paragraphs of plain text, shown first; characters with a meaning in Markdown are escaped.
        public var paragraphs: [String]
        /// A table.
        public var table: TextTable?
        /// Images, below the table.
        public var figures: [Figure]

        /// A section.
        public init(_ title: String, paragraphs: [String] = [], table: TextTable? = nil, figures: [Figure] = []) {
            self.title = title
            self.paragraphs = paragraphs
            self.table = table
            self.figures = figures
        }
    }

    /// An image.
    public struct Figure: Sendable {
        /// What it shows.
        public var caption: String
        /// Its file, relative to the report, such as "plots/long-tail.png".
        public var file: String

        /// An image.
        public init(_ caption: String, file: String) {
            self.caption = caption
            self.file = file
        }
    }

    /// The page's title.
    public var title: String
    /// What was trained and on what, in short pairs such as ("Technique", "BCE + RSKD(region)").
    public var facts: [(name: String, value: String)]
    /// The sections, in order; empty ones are left out.
    public var sections: [Section]

    /// A report.
    public init(title: String, facts: [(name: String, value: String)], sections: [Section]) {
        self.title = title
        self.facts = facts
        self.sections = sections
    }

    /// The page.
    public func markdown() -> String {
        var text = "# \(Markdown.escaped(title))\n"
        if !facts.isEmpty {
            text += "\n" + TextTable(["What", "Value"], facts.map { [.text($0.name), .text($0.value)] }).markdown()
        }
        for section in sections {
            let table = section.table.map { $0.rows.isEmpty ? "" : $0.markdown() } ?? ""
            guard !section.paragraphs.isEmpty || !table.isEmpty || !section.figures.isEmpty else { continue }
            text += "\n## \(Markdown.escaped(section.title))\n"
            for paragraph in section.paragraphs { text += "\n\(Markdown.escaped(paragraph))\n" }
            if !table.isEmpty { text += "\n" + table }
            for figure in section.figures {
                text += "\n![\(Markdown.escaped(figure.caption))](<\(Markdown.address(figure.file))>)\n"
            }
        }
        return text + "\nResearch use only: not a medical device.\n"
    }

    /// Writes the page, whole or not at all.
    ///
    /// - Throws: `FoveaError` of kind `storage`.
    public func write(to path: String) throws { try AtomicFile.write(markdown(), to: path) }
}
