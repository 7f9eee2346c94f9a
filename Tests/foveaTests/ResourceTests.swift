import Foundation
import TestSupport
import Testing

/// What the process is given by the one that starts it.
struct ResourceTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        try folder.write("image,A\n1.png,1\n2.png,0\n", to: "l.csv")
        for name in ["1.png", "2.png"] { try folder.write(WorkFolder.image, to: name) }
    }

    @Test func aDeletedWorkingFolderIsNamed() throws {
        let refusals = try ["doctor", "inspect /nowhere/l.csv", "train c.yaml", "init ."].map { command in
            let run = try ProgramRun(
                shell: "mkdir gone && cd gone && rmdir ../gone && exec \"$FOVEA\" \(command)", in: folder)
            #expect(run.status == 69)
            return (cause: command, text: run.errors)
        }
        #expect(try MessageSnapshot.differences("working-directory", texts: refusals) == [])
    }

    @Test func tooFewOpenFilesAreNamed() throws {
        let refusals = try [4, 10, 30].map { limit in
            let run = try ProgramRun(shell: "ulimit -n \(limit); exec \"$FOVEA\" inspect l.csv", in: folder)
            #expect(run.status == 69)
            // A limit that may be raised is.
            let raised = try ProgramRun(shell: "ulimit -S -n \(limit); exec \"$FOVEA\" inspect l.csv", in: folder)
            #expect(raised.status == 0, "\(raised.errors)")
            return (cause: "ulimit -n \(limit)", text: run.errors)
        }
        #expect(try MessageSnapshot.differences("open-files", texts: refusals) == [])
    }

    /// Below that, Swift's runtime would end the program by a signal.
    @Test func tooLittleMemoryIsNamed() throws {
        // What the libraries of a program that does nothing take.
        let run = try ProgramRun(
            shell: """
                for limit in 400000 500000 600000 700000 800000 900000 1000000; do
                  (ulimit -v $limit; "$FOVEA" --version) >/dev/null 2>&1 || continue
                  ulimit -v $limit; exec "$FOVEA" inspect l.csv
                done
                """, in: folder)
        #expect(run.status == 69, "\(run.status) \(run.errors)")
        #expect(run.errors.contains("error: not enough memory"), "\(run.errors)")
    }

    @Test func moreThreadsThanAreOfUseAreNotMade() throws {
        let run = try ProgramRun(["doctor", "--threads", "4096"], in: folder)
        #expect(run.status == 0)
        #expect(run.errors.hasPrefix("warning: --threads is 4096, and "), "\(run.errors)")
        #expect(!run.output.contains("4096 used"))
    }

    @Test func processorsThatMayNotBeUsedAreNotCounted() throws {
        let run = try ProgramRun(shell: "exec taskset -c 0 \"$FOVEA\" doctor", in: folder)
        #expect(run.output.contains("1 used, of 1 processors"), "\(run.output)\(run.errors)")
    }

    /// The limit does not hold for the superuser, who therefore becomes somebody else here who may still read all files.
    @Test(.enabled(if: getuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")))
    func withoutThreadsItEndsAndSaysSo() throws {
        let rights = "+dac_override,+dac_read_search"
        let user =
            "setpriv --reuid 54321 --regid 54321 --clear-groups --inh-caps \(rights) --ambient-caps \(rights)"
        let none = try ProgramRun(shell: "ulimit -u 1; exec \(user) \"$FOVEA\" inspect l.csv", in: folder)
        #expect(none.status == 69, "\(none.status) \(none.errors)")
        #expect(none.errors.hasPrefix("error: the system gives this process no thread\n"), "\(none.errors)")
        let few = try ProgramRun(
            shell: "ulimit -u 12; exec \(user) \"$FOVEA\" inspect l.csv --threads 8", in: folder)
        #expect(few.status == 0, "\(few.status) \(few.errors)")
        #expect(few.errors.hasPrefix("warning: the system gives only 11 threads, so 3 compute"), "\(few.errors)")
    }
}
