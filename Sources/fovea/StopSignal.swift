import Foundation
import Synchronization

/// SIGINT and SIGTERM: the first asks the work to stop at the next step, the second ends the program at once. SIGUSR1 asks
/// a training to save a checkpoint and to go on.
enum StopSignal {
    private static let caught = Atomic<Int32>(0)
    private static let wantsCheckpoint = Atomic<Bool>(false)

    private static let grace = Atomic<UInt32>(60)

    /// Begins to listen.
    ///
    /// - Parameter grace: seconds after which the program ends in any case, with what is saved until then.
    static func listen(grace seconds: UInt32) {
        grace.store(seconds, ordering: .relaxed)
        // What a handler may call is little: atomics, `alarm`, `_exit`.
        for number in [SIGINT, SIGTERM] {
            signal(number) { number in
                if StopSignal.caught.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
                alarm(StopSignal.grace.load(ordering: .relaxed))
            }
        }
        signal(SIGALRM) { _ in _exit(StopSignal.exitStatus) }
        signal(SIGUSR1) { _ in StopSignal.wantsCheckpoint.store(true, ordering: .relaxed) }
        // A limit on the size of files then makes a write fail, which can be told, instead of ending the program.
        signal(SIGXFSZ, SIG_IGN)
        // The program that started this one may have held signals back, which is handed on.
        var heard = sigset_t()
        sigemptyset(&heard)
        for number in [SIGINT, SIGTERM, SIGUSR1, SIGALRM] { sigaddset(&heard, number) }
        pthread_sigmask(SIG_UNBLOCK, &heard, nil)
    }

    /// Whether a signal to stop has come.
    static var isCaught: Bool { caught.load(ordering: .relaxed) != 0 }

    /// Whether a checkpoint was asked for since this was last called.
    static func takesCheckpoint() -> Bool { wantsCheckpoint.exchange(false, ordering: .relaxed) }

    /// 130 after SIGINT, 143 after SIGTERM.
    static var exitStatus: Int32 { 128 + caught.load(ordering: .relaxed) }
}
