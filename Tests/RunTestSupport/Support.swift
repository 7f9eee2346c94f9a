import Basics
import Foundation
import FundusImaging
import Logging
import TestSupport
import Testing

extension TemporaryFolder {
    /// Writes a small image whose colour is a function of `number`.
    @discardableResult
    package func image(_ number: Int, to name: String, width: Int = 40, height: Int = 40) throws -> String {
        let image = PixelImage(
            width: width, height: height, red: UInt8(60 + number * 7 % 190), green: UInt8(number * 13 % 200), blue: 30)
        return try write(image.png(), to: name)
    }
}

extension Logger {
    /// Tells a test each line, as the terminal would show it.
    package static func telling(_ tell: @escaping (String) -> Void) -> Logger {
        nonisolated(unsafe) let tell = tell
        return Logger(label: "test") { _ in LineLogHandler { tell($0) } }
    }
}
