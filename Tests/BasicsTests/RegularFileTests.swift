import Basics
import Foundation
import Testing

@Suite struct RegularFileTests {
    private let folder = NSTemporaryDirectory() + "/regular-file-" + UUID().uuidString

    private func withFolder(_ body: () throws -> Void) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body()
    }

    private func problem(_ path: String) -> String? {
        do {
            _ = try RegularFile.contents(of: path, atMost: 100, kind: .configuration)
            return nil
        } catch {
            return (error as? FoveaError).map { "\($0.kind): \($0.message)" } ?? "\(error)"
        }
    }

    @Test func foldersPipesAndDevicesAreRefusedWithoutWaiting() throws {
        try withFolder {
            #expect(problem(folder) == "configuration: cannot read \(folder): it is a folder")
            #expect(problem("/dev/zero") == "configuration: cannot read /dev/zero: it is a device")
            let pipe = folder + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            #expect(problem(pipe) == "configuration: cannot read \(pipe): it is a pipe")
            #expect(throws: FoveaError.self) { try CSVTable(path: pipe) }
            #expect(throws: FoveaError.self) { try Digest.sha256(fileAt: pipe) }
        }
    }

    /// Root may read everything, so what cannot be looked at is here a link in a circle and a name that is too long.
    @Test func whatCannotBeLookedAtIsNeitherThereNorAbsent() throws {
        try withFolder {
            let circle = folder + "/circle"
            #expect(symlink("circle", circle) == 0)
            for path in [circle, circle + "/below", folder + "/" + String(repeating: "x", count: 300)] {
                for use: (String) throws -> Void in [
                    { _ = try RegularFile.contents(of: $0, atMost: 100) }, { _ = try RegularFile.exists($0) },
                    { _ = try CSVTable(path: $0) }, { _ = try Digest.sha256(fileAt: $0) },
                    { _ = try YAMLDocument.read($0, "the thresholds", form: "") },
                ] {
                    let error = #expect(throws: FoveaError.self) { try use(path) }
                    #expect(error?.kind == .data && error?.place?.path == path && error?.remedy != nil)
                }
                let error = #expect(throws: FoveaError.self) { try RegularFile.exists(path, kind: .configuration) }
                #expect(error?.kind == .configuration)
            }
            #expect(problem(circle) == "configuration: cannot read \(circle): Too many levels of symbolic links")
            try Data().write(to: URL(fileURLWithPath: folder + "/file"))
            #expect(symlink("nothing", folder + "/broken") == 0)
            for path in ["none", "none/below", "file/below", "broken"].map({ folder + "/" + $0 }) {
                #expect(try RegularFile.contents(of: path, atMost: 100) == nil)
                #expect(try !RegularFile.exists(path))
            }
            #expect(try RegularFile.exists(folder) && RegularFile.exists(folder + "/file"))
        }
    }

    /// What the machine lacks, and a disk that fails, are no faults of a file.
    @Test func faultsOfTheMachineAreNotThoseOfAFile() {
        // The memory of this process at address 0 cannot be read.
        let unreadable = "/proc/self/mem"
        for read: () throws -> Void in [
            { _ = try RegularFile.contents(of: unreadable, atMost: 100) }, { _ = try CSVTable(path: unreadable) },
            { _ = try Digest.sha256(fileAt: unreadable) },
        ] {
            let error = #expect(throws: FoveaError.self) { try read() }
            #expect(error?.kind == .storage && error?.message == "cannot read /proc/self/mem: the disk failed")
        }
        for (code, kind) in [
            (EMFILE, .environment), (ENFILE, .environment), (ENOMEM, .environment), (EIO, .storage), (ENOSPC, .storage),
            (EACCES, .storage),
        ] as [(Int32, FoveaError.Kind)] {
            errno = code
            let error = AtomicFile.failure("open", "lock")
            #expect(error.kind == kind && error.remedy != nil)
        }
    }

    @Test func aFileIsReadUpToItsLimit() throws {
        try withFolder {
            #expect(try RegularFile.contents(of: folder + "/none", atMost: 100) == nil)
            for (count, fits) in [(0, true), (100, true), (101, false), (5 << 20, false)] {
                let path = folder + "/\(count)"
                let data = Data(repeating: 7, count: count)
                try data.write(to: URL(fileURLWithPath: path))
                if fits {
                    #expect(try RegularFile.contents(of: path, atMost: 100) == data)
                } else {
                    #expect(problem(path) == "configuration: \(path) is longer than the 100 bytes allowed")
                }
            }
        }
    }

    @Test func aliasesAreFoundByLine() {
        #expect(YAMLAlias(firstIn: "a: &x 1\nb: 2\nc: *x\n") == YAMLAlias(firstIn: "b: &x 1\n\nd: *x"))
        #expect(YAMLAlias(firstIn: "a: &x 1\nb: *x\n")?.line == 2)
        #expect(YAMLAlias(firstIn: "a: &x 1\nb: *x\n")?.name == "x")
        #expect(YAMLAlias(firstIn: "a: 2 * x\nb: R&D\nc: '*'\n") == nil)
        #expect(YAMLAlias(firstIn: "") == nil)
    }
}
