import Foundation

/// A table of text read from a CSV file: strictly RFC 4180, in UTF-8, with `\n` or `\r\n` as the end of a line.
///
/// A leading byte order mark and blank lines at the end are accepted. Everything that could shift a value into another
/// column or row is refused with its line number: rows of another length, blank lines between rows, stray or open
/// quotes, repeated or empty column names, bytes that are not UTF-8. Cells keep their spaces; column names lose them.
/// Reading takes linear time, and the cells of the whole table are held in one buffer.
public struct CSVTable: Sendable {
    /// The file's path, for messages.
    public let path: String
    /// The column names of the first line, unique and not empty.
    public let header: [String]
    /// The line on which each row begins, counted from 1 (the header is usually line 1).
    public let lines: [Int]
    /// The SHA-256 of the bytes that were parsed: of the file as it was when it was read.
    public let sha256: String

    /// The largest number of columns.
    public static let maximumColumns = 50_000

    /// All cells one after the other, the header's first; `ends` says where each ends.
    private let content: [UInt8]
    private let ends: [UInt32]
    /// The columns by their names.
    private let numbers: [String: Int]

    /// The number of rows below the header.
    public var rowCount: Int { lines.count }

    /// Reads the file at `path`.
    ///
    /// - Throws: `FoveaError` of kind `data` naming the path, and the line where there is one, when the file cannot be
    ///   read, is longer than `maximumBytes` (at most 4 GiB - 1), has more than `maximumColumns`, or is not such a table.
    public init(path: String, maximumBytes: Int = 1 << 30) throws {
        guard let data = try RegularFile.contents(of: path, atMost: min(maximumBytes, Int(UInt32.max))) else {
            throw FoveaError(
                .data, "cannot open \(path): \(RegularFile.noSuchFile(path))", remedy: "Check the path.",
                place: FilePlace(path))
        }
        try self.init(parsing: Array(data), path: path)
    }

    /// Reads a table from the bytes of a file; `path` only serves messages.
    public init(parsing bytes: [UInt8], path: String) throws {
        guard bytes.count <= Int(UInt32.max) else { throw FoveaError(.data, about: path, "is longer than 4 GiB") }
        var parser = CSVParser(path: path)
        try bytes.withUnsafeBufferPointer { try parser.parse($0) }
        self.path = path
        sha256 = bytes.withUnsafeBytes { Digest.sha256($0) }
        let header = try parser.header()
        self.header = header
        numbers = Dictionary(uniqueKeysWithValues: zip(header, header.indices))
        lines = Array(parser.lines.dropFirst())
        content = parser.content
        ends = parser.ends
    }

    /// A table with some columns, whose cells are one byte or empty, in the place of one.
    ///
    /// - Parameter cells: the bytes of a row, one for each of `names`.
    package init(_ table: CSVTable, replacing column: Int, with names: [String], cells: (_ row: Int) -> [UInt8?]) {
        var header = table.header
        header.replaceSubrange(column...column, with: names)
        var (content, ends) = ([UInt8](), [UInt32]())
        func end() { ends.append(UInt32(content.count)) }
        for name in header {
            content += name.utf8
            end()
        }
        for row in 0..<table.rowCount {
            for place in table.header.indices {
                guard place == column else {
                    content += table.bytes(row: row, column: place)
                    end()
                    continue
                }
                for cell in cells(row) {
                    if let cell { content.append(cell) }
                    end()
                }
            }
        }
        (path, lines, sha256, self.header) = (table.path, table.lines, table.sha256, header)
        (self.content, self.ends) = (content, ends)
        numbers = Dictionary(uniqueKeysWithValues: zip(header, header.indices))
    }

    /// The text of a cell; `row` in 0 ..< rowCount and `column` in 0 ..< header.count.
    public subscript(row: Int, column: Int) -> String {
        String(decoding: bytes(row: row, column: column), as: UTF8.self)
    }

    /// The UTF-8 of a cell, without a copy.
    public func bytes(row: Int, column: Int) -> ArraySlice<UInt8> {
        let cell = (row + 1) * header.count + column
        return content[Int(ends[cell - 1])..<Int(ends[cell])]
    }

    /// The number of the column with exactly this name.
    public func column(_ name: String) -> Int? { numbers[name] }

    /// Where a cell or row stands, for messages: `labels.csv:7, column "DR"`.
    public func place(row: Int, column: Int? = nil) -> FilePlace {
        FilePlace(path, line: lines[row], column: column.map { header[$0] })
    }
}

/// The one pass over a file's bytes behind `CSVTable`.
private struct CSVParser {
    let path: String
    var content: [UInt8] = []
    var ends: [UInt32] = []
    /// The line on which each record begins, the header's first.
    var lines: [Int] = []
    private var columns = 0

    private static let comma = UInt8(ascii: ",")
    private static let quote = UInt8(ascii: "\"")
    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    init(path: String) { self.path = path }

    mutating func parse(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        try checkEncoding(bytes)
        content.reserveCapacity(bytes.count)
        var i = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        var line = 1
        var blank: Int?
        while i < bytes.count {
            if let length = Self.lineEnd(bytes, at: i) {
                blank = blank ?? line
                i += length
                line += 1
                continue
            }
            if let blank { throw failure(blank, "is blank, though rows follow it", "Remove the blank line.") }
            try record(bytes, &i, &line)
        }
        guard !lines.isEmpty else {
            throw FoveaError(.data, about: path, "is empty", remedy: "Its first line must name the columns.")
        }
    }

    /// One row, from its first byte to the first byte of the next line.
    private mutating func record(_ bytes: UnsafeBufferPointer<UInt8>, _ i: inout Int, _ line: inout Int) throws {
        let first = line
        var cells = 0
        var isOpen = true
        while isOpen {
            try cell(bytes, &i, &line)
            ends.append(UInt32(content.count))
            cells += 1
            if i == bytes.count {
                isOpen = false
            } else if bytes[i] == Self.comma {
                i += 1
            } else if let length = Self.lineEnd(bytes, at: i) {
                i += length
                line += 1
                isOpen = false
            } else if bytes[i] == Self.carriageReturn {
                throw failure(
                    line, "holds a carriage return without a line feed", #"Save the file with lines ending in \n."#)
            } else {
                throw failure(line, "has text after a closing quote", #"Write a quote inside a cell as ""."#)
            }
        }
        if lines.isEmpty {
            columns = cells
            guard cells <= CSVTable.maximumColumns else {
                throw failure(
                    first, "names \(cells) columns; allowed are at most \(CSVTable.maximumColumns)",
                    "Leave out the columns that are not needed.")
            }
        }
        guard cells == columns else {
            throw failure(
                first,
                "has \(Pluralization.count(cells, "cell")), but the header has \(Pluralization.count(columns, "column"))",
                "Put cells that contain a comma between double quotes.")
        }
        lines.append(first)
    }

    private mutating func cell(_ bytes: UnsafeBufferPointer<UInt8>, _ i: inout Int, _ line: inout Int) throws {
        if i < bytes.count, bytes[i] == Self.quote { return try quotedCell(bytes, &i, &line) }
        while i < bytes.count {
            let byte = bytes[i]
            if byte == Self.comma || byte == Self.lineFeed || byte == Self.carriageReturn { return }
            if byte == Self.quote {
                throw failure(
                    line, "has a quote inside an unquoted cell",
                    #"Put the whole cell between quotes, and write a quote inside it as ""."#)
            }
            content.append(byte)
            i += 1
        }
    }

    private mutating func quotedCell(_ bytes: UnsafeBufferPointer<UInt8>, _ i: inout Int, _ line: inout Int) throws {
        let opened = line
        i += 1
        while i < bytes.count {
            let byte = bytes[i]
            i += 1
            if byte == Self.quote {
                guard i < bytes.count, bytes[i] == Self.quote else { return }
                i += 1
            } else if byte == Self.lineFeed {
                line += 1
            }
            content.append(byte)
        }
        throw failure(opened, "opens a quote that is never closed", #"Write a quote inside a cell as ""."#)
    }

    func header() throws -> [String] {
        var names: [String] = []
        var seen: [String: Int] = [:]
        var start = 0
        for (k, end) in ends.prefix(columns).enumerated() {
            let name = String(decoding: content[start..<Int(end)], as: UTF8.self).trimmingCharacters(in: .whitespaces)
            start = Int(end)
            guard !name.isEmpty else {
                throw failure(
                    lines[0], "gives no name for column \(k + 1)", "Name every column, or write the table without it.")
            }
            if let other = seen.updateValue(k, forKey: name) {
                throw failure(
                    lines[0], "names two columns \"\(name)\" (\(other + 1) and \(k + 1))", "Rename or remove one.")
            }
            names.append(name)
        }
        if columns == 1, let separator = [";", "\t"].first(where: { names[0].contains($0) }) {
            let shown = separator == "\t" ? "tabs" : "semicolons"
            throw failure(lines[0], "is separated by \(shown)", "Save the table with commas between the cells.")
        }
        return names
    }

    private func checkEncoding(_ bytes: UnsafeBufferPointer<UInt8>) throws {
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw FoveaError(.data, about: path, "is in UTF-16", remedy: "Save it as CSV in UTF-8.")
        }
        if let nul = bytes.firstIndex(of: 0) {
            let line = bytes[..<nul].count { $0 == Self.lineFeed } + 1
            throw failure(line, "holds a NUL byte", "This is not a text file: give a CSV table in UTF-8.")
        }
        guard String(validating: bytes, as: UTF8.self) == nil else { return }
        var line = 1
        for part in bytes.split(separator: Self.lineFeed, omittingEmptySubsequences: false) {
            if String(validating: part, as: UTF8.self) == nil { break }
            line += 1
        }
        throw failure(line, "is not valid UTF-8", "Save the table as CSV in UTF-8.")
    }

    /// The length of the line end at `i`, if there is one.
    private static func lineEnd(_ bytes: UnsafeBufferPointer<UInt8>, at i: Int) -> Int? {
        if bytes[i] == lineFeed { return 1 }
        if bytes[i] == carriageReturn, i + 1 < bytes.count, bytes[i + 1] == lineFeed { return 2 }
        return nil
    }

    private func failure(_ line: Int, _ problem: String, _ remedy: String) -> FoveaError {
        FoveaError(
            .data, "\(path): line \(line) \(problem)", remedy: remedy, place: FilePlace(path, line: line))
    }
}
