import Foundation
import Synchronization

/// SIGINT and SIGTERM: the first asks the work to stop at the next step, the second ends the program at once.
enum StopSignal {
    private static let caught = Atomic<Int32>(0)

    /// Begins to listen.
    static func listen() {
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                if StopSignal.caught.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
            }
        }
    }

    /// Whether a signal has come.
    static var isCaught: Bool { caught.load(ordering: .relaxed) != 0 }

    /// 130 after SIGINT, 143 after SIGTERM.
    static var exitStatus: Int32 { 128 + caught.load(ordering: .relaxed) }
}
