import Foundation

/// Takes slow changes of brightness and colour out of a fundus photograph, so that lesions stand out alike everywhere.
///
/// B. Graham, "Kaggle diabetic retinopathy detection competition report", 2015: x' = 4 (x - G x) + 128 with a Gaussian
/// mean G whose deviation is a thirtieth of the disc's radius. Here the mean is taken over the disc only, so its rim
/// gets no halo, and what lies outside the disc becomes black.
public enum LocalContrast {
    /// Applies it to a square image whose disc fills the side; the Gaussian's deviation is a sixtieth of the side.
    public static func apply(to image: PixelImage) -> PixelImage {
        let width = image.width
        let height = image.height
        let spans = FieldOfView(in: image).spans
        let kernel = gaussian(deviation: Double(max(width, height)) / 60)
        var inside = [Float](repeating: 0, count: width * height)
        for (y, span) in spans.enumerated() {
            for x in span { inside[y * width + x] = 1 }
        }
        let weight = blurred(inside, width: width, height: height, kernel: kernel)
        var result = image
        for channel in 0..<3 {
            var plane = [Float](repeating: 0, count: width * height)
            for at in plane.indices { plane[at] = inside[at] * Float(image.bytes[3 * at + channel]) }
            let sum = blurred(plane, width: width, height: height, kernel: kernel)
            for at in plane.indices {
                let value = 4 * (plane[at] - sum[at] / max(weight[at], 1e-6)) + 128
                result.bytes[3 * at + channel] = inside[at] == 0 ? 0 : UInt8(max(0, min(255, value.rounded())))
            }
        }
        return result
    }

    /// A Gaussian up to three deviations, its sum 1.
    private static func gaussian(deviation: Double) -> [Float] {
        let reach = max(1, Int((3 * deviation).rounded(.up)))
        let values = (-reach...reach).map { exp(-0.5 * pow(Double($0) / deviation, 2)) }
        let sum = values.reduce(0, +)
        return values.map { Float($0 / sum) }
    }

    /// A plane convolved along its rows, then along its columns; outside it is 0.
    private static func blurred(_ plane: [Float], width: Int, height: Int, kernel: [Float]) -> [Float] {
        let reach = kernel.count / 2
        var rows = [Float](repeating: 0, count: plane.count)
        var result = rows
        plane.withUnsafeBufferPointer { plane in
            rows.withUnsafeMutableBufferPointer { rows in
                for y in 0..<height {
                    for (k, factor) in kernel.enumerated() {
                        let shift = k - reach
                        for x in max(0, -shift)..<max(0, -shift, min(width, width - shift)) {
                            rows[y * width + x] += factor * plane[y * width + x + shift]
                        }
                    }
                }
            }
        }
        rows.withUnsafeBufferPointer { rows in
            result.withUnsafeMutableBufferPointer { result in
                for y in 0..<height {
                    for (k, factor) in kernel.enumerated() where (0..<height).contains(y + k - reach) {
                        let from = (y + k - reach) * width
                        for x in 0..<width { result[y * width + x] += factor * rows[from + x] }
                    }
                }
            }
        }
        return result
    }
}
