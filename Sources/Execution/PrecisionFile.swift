import Basics
import Foundation

/// Which arithmetic was faster on this machine for which networks: `precision.json` in the per-user cache.
///
/// It only saves time: one that is damaged counts as empty and is replaced, one that cannot be written is ignored.
public struct PrecisionFile: Sendable {
    /// One measurement.
    public struct Entry: Codable, Sendable {
        /// What was measured.
        public var question: PrecisionQuestion
        /// The result.
        public var times: PrecisionTimes
    }

    private struct Document: Codable {
        var format = 1
        var measurements: [Entry]
    }

    /// Its name in the cache folder.
    static let name = "precision.json"

    /// Where it is.
    public let path: String

    /// More than a machine will ever see; the oldest go.
    private static let limit = 1000

    /// The file in a cache folder.
    public init(folder: String) { path = PathName.joined(folder, Self.name) }

    /// All measurements, the newest last.
    public var entries: [Entry] {
        guard let data = try? RegularFile.contents(of: path, atMost: 1 << 22),
            let document = try? JSONFormat.decoded(Document.self, from: data), document.format == 1
        else { return [] }
        return document.measurements.filter(\.times.isPossible)
    }

    /// What was measured for a question; nil when it was not.
    func times(for question: PrecisionQuestion) -> PrecisionTimes? {
        entries.last { $0.question == question }?.times
    }

    /// Adds a measurement. Of two processes that do so at once, one may be lost and measured again.
    func add(_ times: PrecisionTimes, for question: PrecisionQuestion) {
        let kept = entries.filter { $0.question != question } + [Entry(question: question, times: times)]
        guard let data = try? JSONFormat.encoded(Document(measurements: kept.suffix(Self.limit))) else { return }
        try? Folder.make(PathName.folder(of: path))
        PartialFile.removeLeftOver(in: PathName.folder(of: path)) { $0 == Self.name }
        try? AtomicFile.write(data, to: path)
    }
}
