import Basics

/// A table that prints aligned for a terminal, as Markdown and as CSV.
///
/// Numbers are aligned on the right. What is undefined is "–" on the terminal and in Markdown, an empty cell in CSV.
public struct TextTable: Sendable, Equatable {
    /// One cell.
    public enum Cell: Sendable, Equatable {
        /// Any text, such as a class name; cleaned of control characters when shown.
        case text(String)
        /// A whole number.
        case count(Int?)
        /// A number with fixed decimals; full precision in CSV.
        case number(Double?, decimals: Int = 3)
        /// A difference, with its sign.
        case difference(ReportedValue, decimals: Int = 3)
        /// A value with its interval: three columns in CSV (`NAME`, `NAME low`, `NAME high`).
        case estimate(ReportedValue, decimals: Int = 3)
    }

    /// The headings.
    public var columns: [String]
    /// The rows; a short row is filled with empty cells, surplus cells are dropped.
    public var rows: [[Cell]]
    /// Indices of rows before which a rule is drawn on the terminal, such as a row of means.
    public var rules: Set<Int> = []

    /// A table with headings and rows.
    public init(_ columns: [String], _ rows: [[Cell]] = []) {
        self.columns = columns
        self.rows = rows
    }

    /// Adds a row.
    public mutating func append(_ cells: Cell...) { append(cells) }

    /// Adds a row.
    public mutating func append(_ cells: [Cell]) { rows.append(cells) }

    /// The table with some of its columns.
    func only(columns isKept: (String) -> Bool) -> TextTable {
        let places = columns.indices.filter { isKept(columns[$0]) }
        var table = TextTable(places.map { columns[$0] }, rows.map { row in places.map { cell(row, $0) } })
        table.rules = rules
        return table
    }

    /// The aligned table, one line per row, each ended by a line end. Text columns shrink (not below 12 columns, the
    /// widest first) so that lines fit the terminal; numbers never do, and nothing does in a file or a pipe.
    public func text(for terminal: Terminal = Terminal()) -> String {
        guard !columns.isEmpty else { return "" }
        var grid = rows.map { row in columns.indices.map { shown(cell(row, $0)) } }
        for column in columns.indices { alignPoints(in: &grid, column: column) }
        if !terminal.isUnicode {
            grid = grid.map { $0.map { $0.replacing(NumberFormat.undefined, with: terminal.undefined) } }
        }
        let headings = columns.map { Printable.line(Printable.shortened(name: $0)) }
        let isNumber = columns.indices.map(isNumeric)
        var widths = columns.indices.map { column in
            grid.map { DisplayText.width($0[column]) }.reduce(DisplayText.width(headings[column]), max)
        }
        if terminal.cutsTables { shrink(&widths, isNumber: isNumber, limit: terminal.width) }
        func line(_ cells: [String]) -> String {
            var text = ""
            for column in columns.indices {
                if column > 0 { text += "  " }
                let cell = DisplayText.fit(cells[column], to: widths[column], ellipsis: terminal.ellipsis)
                text += DisplayText.pad(cell, to: widths[column], isRight: isNumber[column])
            }
            while text.last == " " { text.removeLast() }
            return text
        }
        let dash = terminal.isUnicode ? "─" : "-"
        let rule = terminal.styled(widths.map { String(repeating: dash, count: $0) }.joined(separator: "  "), .faint)
        var lines = [terminal.styled(line(headings), .bold), rule]
        for (index, row) in grid.enumerated() {
            if rules.contains(index), index > 0 { lines.append(rule) }
            lines.append(line(row))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// The table in GitHub's Markdown; characters with a meaning there are escaped.
    public func markdown() -> String {
        guard !columns.isEmpty else { return "" }
        func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
        var text = line(columns.map(Markdown.escaped))
        text += line(columns.indices.map { isNumeric($0) ? "---:" : "---" })
        for row in rows { text += line(columns.indices.map { markdown(cell(row, $0)) }) }
        return text
    }

    /// The table as CSV (RFC 4180, line feeds): numbers in full precision, estimates as three columns, undefined empty.
    public func csv() -> String {
        let isTriple = columns.indices.map { column in
            rows.contains { row in
                switch cell(row, column) {
                case .estimate, .difference: true
                default: false
                }
            }
        }
        var text = CSVText(
            header: columns.indices.flatMap { column in
                let name = columns[column]
                return isTriple[column] ? [name, name + " low", name + " high"] : [name]
            })
        for row in rows {
            text.append(
                columns.indices.flatMap { column -> [String] in
                    let cell = cell(row, column)
                    guard isTriple[column] else { return [Self.plain(cell)] }
                    guard case .estimate(let value, _) = cell.asEstimate else { return [Self.plain(cell), "", ""] }
                    return [value.value, value.low, value.high].map(CSVText.number)
                })
        }
        return text.text
    }

    /// Values without an interval end where those with one begin theirs, so that points stand below points.
    private func alignPoints(in grid: inout [[String]], column: Int) {
        let tails = grid.map { row in
            row[column].firstIndex(of: "[").map { row[column].distance(from: $0, to: row[column].endIndex) }
        }
        guard let longest = tails.compactMap({ $0 }).max() else { return }
        for (index, row) in rows.enumerated() {
            switch cell(row, column) {
            case .estimate, .difference:
                let gap = tails[index].map { longest - $0 } ?? longest + 1
                grid[index][column] += String(repeating: " ", count: gap)
            default: break
            }
        }
    }

    func cell(_ row: [Cell], _ column: Int) -> Cell { column < row.count ? row[column] : .text("") }

    func isNumeric(_ column: Int) -> Bool {
        let cells = rows.map { cell($0, column) }.filter { $0 != .text("") }
        return !cells.isEmpty
            && cells.allSatisfy {
                if case .text = $0 { return false }
                return true
            }
    }

    private func markdown(_ cell: Cell) -> String {
        if case .text(let text) = cell { return Markdown.escaped(text) }
        return shown(cell)
    }

    func shown(_ cell: Cell) -> String {
        switch cell {
        case .text(let text): Printable.line(Printable.shortened(name: text))
        case .count(let count): NumberFormat.count(count)
        case .number(let number, let decimals): NumberFormat.fixed(number, decimals: decimals)
        case .difference(let value, let decimals): NumberFormat.interval(value, decimals: decimals, isSigned: true)
        case .estimate(let value, let decimals): NumberFormat.interval(value, decimals: decimals)
        }
    }

    private static func plain(_ cell: Cell) -> String {
        switch cell {
        case .text(let text): text
        case .count(let count): count.map(String.init) ?? ""
        case .number(let number, _): CSVText.number(number)
        case .difference(let value, _), .estimate(let value, _): CSVText.number(value.value)
        }
    }

    private func shrink(_ widths: inout [Int], isNumber: [Bool], limit: Int) {
        func total() -> Int { widths.reduce(0, +) + 2 * (widths.count - 1) }
        while total() > limit {
            let shrinkable = widths.indices.filter { !isNumber[$0] && widths[$0] > 12 }
            guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { return }
            widths[widest] -= 1
        }
    }
}

extension TextTable.Cell {
    fileprivate var asEstimate: Self {
        if case .difference(let value, let decimals) = self { return .estimate(value, decimals: decimals) }
        return self
    }
}
