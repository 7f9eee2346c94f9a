import Basics
import Foundation

/// `history.csv`: one row per epoch. Columns are found by their names, so a file of an earlier version, which has fewer
/// or others in another order, is read and continued in the form of this one.
///
/// Every row rewrites the whole file atomically (it is small), so a reader never sees half a row and a crash loses
/// nothing. A run that resumes from a checkpoint repeats epochs: a new row replaces those of its stage from its epoch on.
public struct HistoryFile: Sendable {
    /// The columns, in order. An empty cell is undefined.
    public static let columns = ["stage", "epoch", "step"] + HistoryRow.numbers.map(\.column)

    /// The file's name in a run folder.
    package static let name = "history.csv"

    /// The file.
    public let path: String
    /// The rows so far.
    public private(set) var rows: [HistoryRow] = []

    /// Opens a history; a file that is there is read and continued.
    ///
    /// - Throws: `FoveaError` of kind `data` when it is not such a file, naming the line.
    public init(path: String) throws {
        self.path = path
        if try RegularFile.exists(path) { rows = try Self.read(path) }
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
        var text = CSVText(header: columns)
        for row in rows {
            text.append(
                [row.stage, String(row.epoch), String(row.step)]
                    + HistoryRow.numbers.map { CSVText.number(row[keyPath: $0.field]) })
        }
        return text.text
    }

    /// The column of a loss that no version wrote.
    private static let retired = "validation_loss"

    private static func read(_ path: String) throws -> [HistoryRow] {
        let table = try CSVTable(path: path)
        let unknown = table.header.first { !columns.contains($0) && $0 != retired }
        guard unknown == nil, let stage = table.column("stage"), let epoch = table.column("epoch"),
            let step = table.column("step")
        else {
            throw FoveaError(
                .data, about: path,
                "has the columns \(table.header.joined(separator: ",")), not those of a history"
                    + (unknown.map { ": \"\($0)\" is not one of them" } ?? ""),
                remedy: "Move the file away, or choose another run folder.")
        }
        let numbers = HistoryRow.numbers.compactMap { number in table.column(number.column).map { ($0, number.field) } }
        func number<Value: LosslessStringConvertible>(_ type: Value.Type, _ row: Int, _ column: Int) throws -> Value {
            let text = table[row, column]
            guard let value = Value(text) else {
                throw FoveaError(.data, at: table.place(row: row, column: column), "\"\(text)\" is not a number")
            }
            return value
        }
        return try (0..<table.rowCount).map { index in
            var row = HistoryRow(
                stage: table[index, stage], epoch: try number(Int.self, index, epoch),
                step: try number(Int.self, index, step))
            for (column, field) in numbers where !table[index, column].isEmpty {
                row[keyPath: field] = try number(Double.self, index, column)
            }
            // Versions without the column had the loss on the labels under the name of the whole loss.
            if table.column("label_loss") == nil, let labels = row.trainingLoss {
                row.labelLoss = labels
                row.trainingLoss = labels + (row.distillationLoss ?? 0)
            }
            return row
        }
    }
}
