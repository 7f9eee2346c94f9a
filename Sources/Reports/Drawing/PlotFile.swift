import Basics
import CVips
import Foundation

extension Drawing {
    /// Writes the picture as SVG with live text.
    ///
    /// - Throws: `FoveaError` of kind `storage`.
    public func writeSVG(to path: String) throws { try AtomicFile.write(svg(.live), to: path) }

    /// Writes the picture as PNG, `scale` pixels a point; needs no fonts on the machine.
    ///
    /// - Throws: `FoveaError` of kind `environment` when the picture library cannot draw, `storage` when the file cannot
    ///   be written.
    public func writePNG(to path: String, scale: Double = 2) throws {
        let bytes = Array(svg(.strokes).utf8)
        // libvips writes by path: beside the target first, so that a broken write never leaves half a picture there.
        let temporary = PartialFile.path(for: path)
        let failure = bytes.withUnsafeBytes { raw in
            raw.baseAddress.flatMap { cvips_svg_to_png($0, raw.count, scale, temporary) }
        }
        if let failure {
            defer { cvips_free(failure) }
            unlink(temporary)
            throw FoveaError(
                .environment, "cannot draw \(path): \(DisplayText.oneLine(String(cString: failure)))",
                remedy: "Check that the folder exists and has room; `fovea doctor` checks the picture library.")
        }
        guard rename(temporary, path) == 0 else {
            let error = AtomicFile.failure("rename to its final name", path)
            unlink(temporary)
            throw error
        }
    }

    /// Writes `PATH.svg` and `PATH.png`.
    public func write(to pathWithoutExtension: String) throws {
        try writeSVG(to: pathWithoutExtension + ".svg")
        try writePNG(to: pathWithoutExtension + ".png")
    }
}
