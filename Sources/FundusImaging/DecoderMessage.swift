import Basics
import CVips
import Foundation

/// What the image library says about a file, and what that means for the user who has to fix it.
package struct DecoderMessage {
    /// Why a file is not decoded.
    package enum Cause {
        /// It is not an image, or of a format that is not read.
        case format
        /// A whole file, of a kind that the library does not decode.
        case kind
        /// The file is cut or has changed bytes.
        case damage
        /// The library cannot do with such an image what it is asked to do.
        case operation
        /// The machine lacks threads or descriptors; nothing follows about the file.
        case machine
        /// More memory was requested than was given: too little is left, or the file requests too much.
        case memory
    }

    /// The different lines, in order, at most 300 characters.
    package let text: String

    /// Takes a text of `CVips` and frees it; nil where there is none.
    init?(taking text: UnsafeMutablePointer<CChar>?) {
        guard let text else { return nil }
        defer { cvips_free(text) }
        self.init(String(cString: text))
    }

    /// Takes a text of one or more lines.
    package init(_ text: String) {
        // Of a damaged file libvips may complain at every row, in the same words.
        var said: [Substring] = []
        for line in text.split(separator: "\n") where !said.contains(line) { said.append(line) }
        self.text = String(said.joined(separator: "; ").prefix(300))
    }

    /// What lies behind an error, by its words.
    package var cause: Cause {
        if has(["creating thread", "create thread", "Too many open files", "cannot be started"]) { return .machine }
        if has(["out of memory", "Insufficient memory", "annot allocate", "failed to allocate"]) { return .memory }
        if has(["not in a known format", "format is not allowed"]) { return .format }
        if has([
            "nsupported", "not supported", "not configured", "samples out of range", "labq", "not implemented",
            "arithmetic", "unknown color", "unknown colour", "Sorry, can not handle",
        ]) {
            return .kind
        }
        // The name of the operation comes first, as does that of a file's reader.
        let operations = ["reduce", "shrink", "resize", "thumbnail", "extract_", "colourspace", "flatten", "hist_find"]
        return operations.contains(where: text.hasPrefix) ? .operation : .damage
    }

    /// What is wrong with the file, to be put after its path; the library's own words come last, shortened.
    package var problem: String {
        let words = " (\(text.prefix(160)))"
        switch cause {
        case .format: return "is not a \(PhotographFile.decoded) file"
        case .kind: return "is of a kind of image that is not read" + words
        case .damage: return "cannot be decoded: it is cut or damaged" + words
        case .operation:
            return "cannot be scaled to the size that is needed, which its own size or form prevents" + words
        case .machine, .memory: return "cannot be decoded: memory or threads are lacking" + words
        }
    }

    /// Whether a complaint about a file that was decoded to its end says that pixels are wrong or missing.
    ///
    /// libjpeg complains of harmless things too: bytes between markers, an unknown revision, a damaged profile. What libtiff
    /// calls an error is one, though libvips continues after a tile that cannot be read.
    package var saysPixelsAreWrong: Bool {
        if has(["remature end", "bad Huffman code", "bad arithmetic code", "found marker", "nconsistent progression"])
            || text.contains("tiff2vips: ")
        {
            return true
        }
        // Bytes left over before a restart marker: the interval before it ended too early.
        return (0...7).contains { text.contains("extraneous bytes before marker 0xd\($0)") }
    }

    private func has(_ words: [String]) -> Bool { words.contains(where: text.contains) }
}
