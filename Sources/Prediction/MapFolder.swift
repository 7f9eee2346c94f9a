import Basics
import Foundation
import FundusImaging
import Models

/// Where a model looked: for each finding of each photograph a map over it, and a table of them.
///
/// A finding is a class above its threshold; where none is, the most probable class. The folder holds, for each image, a
/// folder with `CLASS.png` (the map over the photograph) and `CLASS.npy` (the map itself), and `maps.csv`.
public final class MapFolder {
    /// The table of maps.
    static let tableName = "maps.csv"
    /// The longer side of an overlay at most, in pixels.
    private static let side = 1024
    private static let header = [
        "image", "class", "probability", "overlay", "map", "exact", "coarse", "left", "top", "width", "height",
    ]

    /// The folder.
    public let path: String
    private var table = CSVText(header: MapFolder.header)
    /// How many maps were written.
    public private(set) var count = 0
    /// The cells of maps that are too coarse; nil where none was.
    private var coarseSize: String?

    /// Says that the maps show no place; nil where they do.
    public var note: String? {
        coarseSize.map {
            "the maps have \($0) cells, too few to show where something is: train at 224 pixels or more to look at maps"
        }
    }

    /// What is taken already, by the path in the folder.
    private var used: Set<String> = [MapFolder.tableName]

    /// Makes the folder.
    ///
    /// - Throws: `FoveaError` of kind `configuration` where it holds files.
    public init(_ path: String) throws {
        try Folder.requireEmpty(path, named: "--maps")
        try Folder.make(path)
        self.path = path
    }

    /// Writes the maps of one photograph.
    ///
    /// - Parameters:
    ///   - row: its probabilities.
    ///   - prepared: what the network saw of it.
    ///   - classes: the findings, by their column.
    func add(
        _ row: ModelPrediction.Row, from file: String, _ prepared: PreparedImage, classes: [Int],
        _ maps: ClassMaps, _ model: ModelDescription
    ) throws {
        let photograph = try ImageFile(path: file, pixelLimit: model.image.pixelLimit)
            .decode(side: Self.side, pixelLimit: model.image.pixelLimit)
        let (folder, coverage) = (unused(Self.fileName(row.image)), prepared.coverage)
        if maps.isCoarse { coarseSize = "\(maps.columns) x \(maps.rows)" }
        try Folder.make(PathName.joined(path, folder))
        for (index, column) in classes.enumerated() {
            let name = unused(PathName.joined(folder, Self.fileName(model.classes[column])))
            let overlay = MapOverlay(maps, index, of: prepared)
            try AtomicFile.write(overlay.drawn(over: photograph).png(), to: PathName.joined(path, name + ".png"))
            try AtomicFile.write(
                NumPyFile.data(maps.map(index), shape: [maps.rows, maps.columns]),
                to: PathName.joined(path, name + ".npy"))
            table.append([
                row.image, model.classes[column], "\(row.probabilities[column])", name + ".png", name + ".npy",
                "\(maps.isExact)", "\(maps.isCoarse)", "\(coverage.left)", "\(coverage.top)", "\(coverage.width)",
                "\(coverage.height)",
            ])
            count += 1
        }
    }

    /// Writes the table.
    func finish() throws { try AtomicFile.write(table.text, to: PathName.joined(path, Self.tableName)) }

    /// A path in the folder, with a number where another image or class has it already.
    private func unused(_ base: String) -> String {
        var name = base
        var number = 2
        while !used.insert(name).inserted {
            name = "\(base)-\(number)"
            number += 1
        }
        return name
    }

    /// A name that is one file's on every system.
    private static func fileName(_ name: String) -> String {
        let allowed = name.unicodeScalars.map { scalar -> Character in
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            return isPlain || "._-".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
        }
        let text = String(allowed.prefix(100))
        // Files whose names begin with a dot are not shown.
        return text.hasPrefix(".") ? "_" + text : text
    }
}
