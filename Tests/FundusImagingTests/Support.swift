import Basics
import Foundation
import FundusImaging
import TestSupport
import Testing

extension TemporaryFolder {
    /// Writes a file and gives its path.
    @discardableResult
    func write(_ name: String, _ data: Data) throws -> String {
        let file = path + "/" + name
        try data.write(to: URL(fileURLWithPath: file))
        return file
    }
}

/// Files beside the tests, and the photographs that only some machines have.
enum Files {
    static let golden = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Golden"

    /// The folder of shared data, where there is one.
    static let shared: String? = {
        let repository = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let path = repository.deletingLastPathComponent().path + "/shared/data"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    static func photographs(_ set: String, _ count: Int) throws -> [String] {
        guard let shared else { return [] }
        let folder = shared + "/" + set + "/images"
        return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().prefix(count).map {
            folder + "/" + $0
        }
    }

    static func json<Value: Decodable>(_ name: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: golden + "/" + name)))
    }
}

/// A drawn fundus: a disc with a slope of brightness on a dark, noisy border.
func drawnFundus(
    width: Int, height: Int, centre: (x: Double, y: Double), radius: Double, light: Double = 1, border: Int = 8,
    seed: UInt64 = 1
) -> PixelImage {
    var image = PixelImage(width: width, height: height)
    var random = SeededRandom(seed: seed)
    for y in 0..<height {
        for x in 0..<width {
            let at = (y * width + x) * 3
            let dx = Double(x) + 0.5 - centre.x
            let dy = Double(y) + 0.5 - centre.y
            if dx * dx + dy * dy < radius * radius {
                let slope = 0.8 + 0.2 * dx / radius
                image.bytes[at] = UInt8(min(255, light * 190 * slope))
                image.bytes[at + 1] = UInt8(min(255, light * (90 + 20 * dy / radius)))
                image.bytes[at + 2] = UInt8(min(255, light * 40))
            } else {
                for channel in 0..<3 { image.bytes[at + channel] = UInt8(random.index(below: border + 1)) }
            }
        }
    }
    return image
}

/// The data error that `body` must throw.
func dataError(_ body: () throws -> Void) throws -> FoveaError {
    let error = try #require(throws: FoveaError.self) { try body() }
    #expect(error.kind == .data)
    return error
}
