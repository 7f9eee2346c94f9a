import Basics
import Foundation

func sine(_ x: Float) -> Float { Foundation.sin(x) }
func cosine(_ x: Float) -> Float { Foundation.cos(x) }

/// Smooth random values over the plane, from -1 to 1: a lattice of random numbers, interpolated and periodic.
struct Noise {
    private static let period = 64
    private static let sharedLattice: [Float] = {
        var random = SeededRandom(seed: SeededRandom.key("lattice"))
        return (0..<period * period).map { _ in random.float(-1, 1) }
    }()

    private let lattice: [Float]
    private let offset: Point

    /// The common lattice seen from a random place, which makes fields of different eyes unlike each other.
    init(_ random: inout SeededRandom) {
        lattice = Self.sharedLattice
        offset = Point(random.float(0, 64), random.float(0, 64)) + Float(16 * Self.period)
    }

    /// The value at `point`; features have a size of about 1.
    @inline(__always)
    func callAsFunction(_ point: Point) -> Float {
        // The offset keeps the sum positive, where cutting off the fraction rounds down.
        let q = point + offset
        let (x0, y0) = (Int(q.x), Int(q.y))
        let t = q - Point(Float(x0), Float(y0))
        let s = t * t * (3 - 2 * t)
        let x = x0 & (Self.period - 1)
        let y = y0 & (Self.period - 1)
        let x1 = (x + 1) & (Self.period - 1)
        let row = y * Self.period
        let row1 = ((y + 1) & (Self.period - 1)) * Self.period
        return lattice.withUnsafeBufferPointer { lattice in
            let top = lattice[row + x] + (lattice[row + x1] - lattice[row + x]) * s.x
            let bottom = lattice[row1 + x] + (lattice[row1 + x1] - lattice[row1 + x]) * s.x
            return top + (bottom - top) * s.y
        }
    }

    /// Three octaves, each twice as fine and half as strong.
    @inline(__always)
    func fractal(_ point: Point) -> Float {
        (self(point) + 0.5 * self(point * 2.03 + 17) + 0.25 * self(point * 4.01 + 43)) / 1.4
    }

    /// Near 1 along winding lines, 0 between them: a net of vessels.
    @inline(__always)
    func net(_ point: Point) -> Float {
        let warped = point + Point(self(point * 0.5 + 71), self(point * 0.5 + 97)) * 0.9
        let ridge = 1 - abs(self(warped)) * 2.4
        let finer = 1 - abs(self(warped * 1.7 + 31)) * 2.6
        return max(0, max(ridge, 0.8 * finer))
    }
}

func arcTangent(_ y: Float, _ x: Float) -> Float { Foundation.atan2(y, x) }
