import Basics
import Foundation

/// How long each process worked at a run: `sessions.json` of a run folder.
///
/// It is written again with every epoch, so of a process that was killed only what came after its last epoch is missing.
package final class RunSessions {
    /// One process.
    private struct Session: Codable {
        /// When it began, in the form of ISO 8601.
        var started: String
        package var seconds: Double
    }

    private static let name = "sessions.json"
    private let path: String
    private let started: Date
    private var sessions: [Session] = []
    /// What is to be said of the file; nil where it could be read.
    package private(set) var warning: String?

    /// Adds a session to those of a resumed run, or begins with it; a damaged file is started again.
    package init(_ folder: RunFolder, started: Date, isResuming: Bool) throws {
        path = folder.file(Self.name)
        self.started = started
        if isResuming, let data = try RegularFile.contents(of: path, atMost: 1 << 24) {
            let earlier = try? JSONFormat.decoded([Session].self, from: data)
            if let earlier, earlier.allSatisfy({ 0...1e12 ~= $0.seconds }) {
                sessions = earlier
            } else {
                warning = "\(path) is damaged and started again: the time of the sessions before is not counted"
            }
        }
        sessions.append(Session(started: started.ISO8601Format(), seconds: 0))
        try write()
    }

    /// Seconds of each session, this one's until now.
    package var seconds: [Double] {
        sessions.dropLast().map(\.seconds) + [Date().timeIntervalSince(started)]
    }

    /// Writes down how long this one has lasted.
    package func write() throws {
        sessions[sessions.count - 1].seconds = Date().timeIntervalSince(started)
        try AtomicFile.write(JSONFormat.encoded(sessions), to: path)
    }
}
