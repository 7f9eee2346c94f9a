import CProcess

/// SIGINT, SIGTERM, SIGHUP and SIGALRM: the first stops the work at the next step; a second SIGINT or SIGTERM ends the
/// program at once. SIGUSR1 makes a training save a checkpoint and continue.
enum StopSignal {
    /// Leaves SIGQUIT to the system, which ends the program.
    static func prepare() { fovea_signals_prepare() }

    /// Installs the handlers.
    ///
    /// - Parameter grace: seconds after which the program ends in any case, with what is saved until then.
    static func listen(grace seconds: UInt32) { fovea_signals_listen(seconds) }

    /// Makes this process, a job, end with its parent; called before it listens.
    static func followParent() { fovea_signals_follow_parent() }

    /// Whether a signal to stop has come.
    static var isCaught: Bool { fovea_signals_caught() != 0 }

    /// Whether a checkpoint was requested since this was last called.
    static func takesCheckpoint() -> Bool { fovea_signals_take_checkpoint() }

    /// 128 plus the number of the signal: 130 after SIGINT, 143 after SIGTERM, 129 after SIGHUP, 142 after SIGALRM.
    static var exitStatus: Int32 { 128 + fovea_signals_caught() }
}
