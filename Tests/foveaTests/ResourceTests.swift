import Foundation
import Testing

/// What the process is given by the one that starts it.
struct ResourceTests {
    private let folder: WorkFolder

    init() throws {
        folder = try WorkFolder()
        try folder.write("image,A\n1.png,1\n2.png,0\n", to: "l.csv")
        for name in ["1.png", "2.png"] { try folder.write(WorkFolder.picture, to: name) }
    }

    @Test func aDeletedWorkingFolderIsNamed() throws {
        for command in ["doctor", "inspect /nowhere/l.csv", "train c.yaml", "init ."] {
            let run = try ProgramRun(
                shell: "mkdir gone && cd gone && rmdir ../gone && exec \"$FOVEA\" \(command)", in: folder)
            #expect(run.status == 69, "\(run.errors)")
            #expect(run.errors.hasPrefix("error: the working directory cannot be found"), "\(run.errors)")
        }
    }

    @Test(arguments: [4, 10, 30])
    func tooFewOpenFilesAreNamed(limit: Int) throws {
        let run = try ProgramRun(shell: "ulimit -n \(limit); exec \"$FOVEA\" inspect l.csv", in: folder)
        #expect(run.status == 69)
        #expect(run.errors.contains("this process may open only \(limit) files at a time"), "\(run.errors)")
        // A limit that may be raised is.
        let raised = try ProgramRun(shell: "ulimit -S -n \(limit); exec \"$FOVEA\" inspect l.csv", in: folder)
        #expect(raised.status == 0, "\(raised.errors)")
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

    /// The system's limit does not hold for the superuser, so another user is needed; where there is none, so be it.
    @Test(.enabled(if: getuid() != 0 || FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")))
    func withoutThreadsItEndsAndSaysSo() throws {
        let user = getuid() == 0 ? "setpriv --reuid 54321 --regid 54321 --clear-groups --bounding-set -all" : ""
        let run = try ProgramRun(
            shell: "chmod 755 . && ulimit -u 1 && exec \(user) \"$FOVEA\" inspect l.csv", in: folder)
        #expect(run.status == 69, "\(run.status) \(run.errors)")
        #expect(run.errors.contains("error: the system gives this process "), "\(run.errors)")
    }
}
