import Foundation

/// The one place where the program writes to standard output and standard error.
///
/// A message that cannot be written is lost, and the work continues; a result that cannot be written is an error.
public enum StandardStream {
    /// Thrown when the reader of the standard output has gone, such as `head` in `fovea predict ... | head`: it has what it
    /// wanted, so there is nothing to say.
    public struct ReaderGone: Error {}

    /// Makes a write to a pipe without a reader, or above the limit on the size of files, fail instead of ending the program;
    /// called once, before anything else.
    public static func prepare() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
    }

    /// Writes lines to the standard error stream, made safe for a terminal (see `Printable.message`).
    public static func message(_ text: String) {
        progress(Printable.message(text) + "\n")
    }

    /// Writes to the standard error stream as it is.
    static func progress(_ text: String) {
        _ = write(text, to: STDERR_FILENO)
    }

    /// Writes a result for people to the standard output, made safe for a terminal (see `Printable.result`).
    ///
    /// - Throws: `FoveaError` of kind `storage` when it cannot be written; `ReaderGone`.
    public static func result(_ text: String) throws {
        try exactly(Printable.result(text, keepsStyles: isatty(STDOUT_FILENO) == 1))
    }

    /// Writes a result for programs, such as JSON, to the standard output as it is.
    ///
    /// - Throws: as `result`.
    public static func exactly(_ text: String) throws {
        let code = write(text, to: STDOUT_FILENO)
        guard code != 0 else { return }
        if code == EPIPE { throw ReaderGone() }
        errno = code
        throw AtomicFile.failure("write the results to", "the standard output")
    }

    /// 0, or the number of the system's error.
    private static func write(_ text: String, to descriptor: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let written = Foundation.write(descriptor, rest.baseAddress, rest.count)
                if written >= 0 {
                    rest = UnsafeRawBufferPointer(rebasing: rest[written...])
                } else if errno == EAGAIN {
                    // Another program made the stream one that does not wait.
                    var waited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    if poll(&waited, 1, -1) < 0, errno != EINTR { return errno }
                } else if errno != EINTR {
                    return errno
                }
            }
            return 0
        }
    }
}
