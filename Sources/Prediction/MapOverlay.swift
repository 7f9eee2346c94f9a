import FundusImaging
import Models

/// A class map laid over the photograph that it belongs to.
struct MapOverlay {
    private let rows: Int
    private let columns: Int
    private let values: [Float]
    private let coverage: PreparedImage.Coverage

    /// A map of [rows, columns] values over the part of the photograph that the network saw.
    init(_ values: [Float], rows: Int, columns: Int, coverage: PreparedImage.Coverage) {
        self.values = values
        self.rows = rows
        self.columns = columns
        self.coverage = coverage
    }

    /// The value at a place of the photograph, given in shares of its width and height: bilinear between the middles of
    /// the map's cells; nil where the network did not look.
    func value(x: Double, y: Double) -> Float? {
        let u = (x - coverage.left) / coverage.width
        let v = (y - coverage.top) / coverage.height
        guard 0...1 ~= u, 0...1 ~= v else { return nil }
        let column = min(max(u * Double(columns) - 0.5, 0), Double(columns - 1))
        let row = min(max(v * Double(rows) - 0.5, 0), Double(rows - 1))
        let (left, top) = (Int(column), Int(row))
        let (right, bottom) = (min(left + 1, columns - 1), min(top + 1, rows - 1))
        let (a, b) = (Float(column - Double(left)), Float(row - Double(top)))
        func cell(_ row: Int, _ column: Int) -> Float { values[row * columns + column] }
        let upper = cell(top, left) * (1 - a) + cell(top, right) * a
        let lower = cell(bottom, left) * (1 - a) + cell(bottom, right) * a
        return upper * (1 - b) + lower * b
    }

    /// The photograph with what speaks for the class in yellow to red: the more of it, the redder and the less
    /// transparent. The scale ends at the map's highest value; what is not above 0 stays as it is.
    func drawn(over photograph: PixelImage) -> PixelImage {
        let highest = values.max() ?? 0
        guard highest > 0 else { return photograph }
        var image = photograph
        for y in 0..<image.height {
            for x in 0..<image.width {
                let place = (x: (Double(x) + 0.5) / Double(image.width), y: (Double(y) + 0.5) / Double(image.height))
                guard let value = value(x: place.x, y: place.y), value > 0 else { continue }
                let share = value / highest
                let opacity = 0.65 * share
                let color: (Float, Float, Float) = (255, 220 * (1 - share), 0)
                let at = (y * image.width + x) * 3
                for (channel, level) in [color.0, color.1, color.2].enumerated() {
                    let before = Float(image.bytes[at + channel])
                    image.bytes[at + channel] = UInt8((before * (1 - opacity) + level * opacity).rounded())
                }
            }
        }
        return image
    }
}
