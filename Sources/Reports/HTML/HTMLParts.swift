import Basics
import Foundation
import Plots

extension HTML {
    /// A part of a page that scrolls by itself where it is wider than the page, with the keyboard too.
    static func scrolling(_ name: String, _ content: HTML) -> HTML {
        "<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"\(name)\">\(content)</div>"
    }

    /// Sentences.
    static func paragraphs(_ texts: [String]) -> HTML { "\(texts.map { "<p>\($0)</p>" as HTML })" }

    /// A plot with its caption.
    static func figure(_ drawing: Drawing, _ caption: String) -> HTML {
        "<figure>\(scrolling(caption, HTML(drawing)))<figcaption>\(caption)</figcaption></figure>"
    }

    /// Small plots side by side, as many as fit, below the legend that they share.
    static func panels(_ plots: [CurvePlot], _ caption: String) -> HTML {
        guard let first = plots.first else { return "" }
        return """
            <figure>\(scrolling("Legend", HTML(CurvePlot.legend(first.lines))))
            <div class="panels">\(plots.map { HTML($0.drawing()) })</div>
            <figcaption>\(caption)</figcaption></figure>
            """
    }

    /// Files with their SHA-256.
    static func hashes(_ files: [(name: String, sha256: String)]) -> HTML {
        TextTable(["File", "SHA-256"], files.map { [.text($0.name), .text($0.sha256)] }).html(
            "What was read and written")
    }

    /// Lines to be given to a shell.
    static func commands(_ lines: [String]) -> HTML { "<pre><code>\(lines.map { "\($0)" as HTML })</code></pre>" }

    /// A JPEG file within the page.
    static func image(_ jpeg: Data, alternative: String) -> HTML {
        "<img alt=\"\(alternative)\" src=\"data:image/jpeg;base64,\(jpeg.base64EncodedString())\">"
    }
}

extension TextTable {
    /// The table as HTML; the first cell of a row is its heading. A sortable one has a row for each class, and no sums.
    func html(_ caption: String, isSortable: Bool = false) -> HTML {
        let alignment = columns.indices.map { isNumeric($0) ? " class=\"number\"" : "" as HTML }
        let head = columns.indices.map { "<th scope=\"col\"\(alignment[$0])>\(columns[$0])</th>" as HTML }
        let body = rows.enumerated().map { index, row -> HTML in
            let cells = columns.indices.map { column -> HTML in
                let text = shown(cell(row, column))
                return column == 0 && !text.isEmpty
                    ? "<th scope=\"row\">\(text)</th>" : "<td\(alignment[column])>\(text)</td>"
            }
            let rule: HTML = rules.contains(index) ? " class=\"rule\"" : ""
            return "<tr\(rule)>\(cells)</tr>"
        }
        let kinds = [isSortable ? "sortable" : "", columns.count > 10 ? "wide" : ""].filter { !$0.isEmpty }
        let kind: HTML = kinds.isEmpty ? "" : " class=\"\(kinds.joined(separator: " "))\""
        return .scrolling(
            caption,
            """
            <table\(kind)><caption>\(caption)</caption>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(body)
            </tbody></table>
            """)
    }
}
