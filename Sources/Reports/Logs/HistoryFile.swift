import Basics
import Foundation

/// `history.csv`: one row an epoch. Columns are only ever added, at the end.
///
/// Every row rewrites the whole file atomically (it is small), so a reader never sees half a row and a crash loses
/// nothing. A run that goes on from a checkpoint repeats epochs: a new row replaces those of its stage from its epoch on.
public struct HistoryFile: Sendable {
    /// The columns, in order. An empty cell is undefined.
    public static let columns = ["stage", "epoch", "step"] + HistoryRow.numbers.map(\.column)

    /// The file.
    public let path: String
    /// The rows so far.
    public private(set) var rows: [HistoryRow] = []

    /// Opens a history; a file that is there is read and continued.
    ///
    /// - Throws: `FoveaError` of kind `data` when it is not such a file, naming the line.
    public init(path: String) throws {
        self.path = path
        if FileManager.default.fileExists(atPath: path) { rows = try Self.read(path) }
    }

    /// Adds a row and writes the file.
    ///
    /// - Throws: `FoveaError` of kind `storage`; the file and `rows` are then as they were.
    public mutating func append(_ row: HistoryRow) throws {
        let kept = rows.filter { $0.stage != row.stage || $0.epoch < row.epoch } + [row]
        try AtomicFile.write(Self.text(kept), to: path)
        rows = kept
    }

    private static func text(_ rows: [HistoryRow]) -> String {
        CSVText.line(columns)
            + rows.map { row in
                CSVText.line(
                    [row.stage, String(row.epoch), String(row.step)]
                        + HistoryRow.numbers.map { CSVText.number(row[keyPath: $0.field]) })
            }.joined()
    }

    private static func read(_ path: String) throws -> [HistoryRow] {
        let table = try CSVTable(path: path)
        // A version that knew fewer columns wrote the first ones of them.
        let known = table.header.count
        guard known >= 3, table.header == Array(columns.prefix(known)) else {
            throw FoveaError(
                .data, "\(path) has the columns \(table.header.joined(separator: ",")), not those of a history",
                remedy: "Move the file away, or choose another run folder.")
        }
        return try (0..<table.rowCount).map { index in
            let cells = columns.indices.map { $0 < known ? table[index, $0] : "" }
            func wrong(_ column: Int) -> FoveaError {
                FoveaError(.data, "\(table.place(row: index, column: column)): \"\(cells[column])\" is no number")
            }
            guard let epoch = Int(cells[1]) else { throw wrong(1) }
            guard let step = Int(cells[2]) else { throw wrong(2) }
            var row = HistoryRow(stage: cells[0], epoch: epoch, step: step)
            for (offset, number) in HistoryRow.numbers.enumerated() where !cells[3 + offset].isEmpty {
                guard let value = Double(cells[3 + offset]) else { throw wrong(3 + offset) }
                row[keyPath: number.field] = value
            }
            return row
        }
    }
}
