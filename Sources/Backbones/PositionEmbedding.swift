import NN
import Torch

/// Gives a transformer's tokens their position: one vector for the class token, one for each patch of a
/// square grid, row by row, [1, 1 + side * side, width].
struct PositionEmbedding {
    static let name = "pos_embed"

    let value: Parameter
    private let side: Int

    init(side: Int, width: Int) throws {
        self.side = side
        value = try Parameter(.normal([1, 1 + side * side, width], deviation: 0.02))
    }

    /// The embeddings for a grid of patches; resampled where it is not the network's own.
    func callAsFunction(rows: Int, columns: Int) throws -> Tensor {
        try Self.resampled(value.value, from: side, rows: rows, columns: columns)
    }

    /// A file's embeddings on this grid; nil when they have another width or no square grid.
    func fitted(_ stored: Tensor) throws -> (tensor: Tensor, how: String)? {
        let (found, expected) = (stored.shape, value.value.shape)
        guard found.count == 3, found[0] == 1, found[2] == expected[2], found[1] > 1 else { return nil }
        let old = Int(Double(found[1] - 1).squareRoot().rounded())
        guard old * old == found[1] - 1 else { return nil }
        let tensor = try Self.resampled(stored.to(dtype: .float32), from: old, rows: side, columns: side)
        return (tensor, "\(old) x \(old) patches to \(side) x \(side)")
    }

    /// Bicubic in float32 with antialiasing, as timm's `resample_abs_pos_embed`; the class token's stays.
    private static func resampled(_ embedding: Tensor, from side: Int, rows: Int, columns: Int) throws -> Tensor {
        guard rows != side || columns != side else { return embedding }
        let width = embedding.shape[2]
        let grid = try embedding.narrowed(1, from: 1, length: side * side).to(dtype: .float32)
            .reshaped([1, side, side, width]).permuted([0, 3, 1, 2])
        let patches = try grid.resampled(height: rows, width: columns).permuted([0, 2, 3, 1])
            .reshaped([1, rows * columns, width]).to(dtype: embedding.dtype)
        return try .concatenated([embedding.narrowed(1, from: 0, length: 1), patches], in: 1)
    }
}
