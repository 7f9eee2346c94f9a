import Basics
import Foundation

#if GUIDED
    /// Coverage-guided: libFuzzer chooses the inputs (`make fuzz`). The target is named by FOVEA_FUZZ_TARGET.
    private struct Guided {
        let target: FuzzTarget
        let bench: FuzzBench

        init() {
            let name = ProcessInfo.processInfo.environment["FOVEA_FUZZ_TARGET"] ?? ""
            guard let target = FuzzTarget(rawValue: name) else {
                Self.giveUp("FOVEA_FUZZ_TARGET must be one of \(FuzzTarget.allCases.map(\.rawValue))")
            }
            self.target = target
            do { bench = try FuzzBench() } catch { Self.giveUp("\(error)") }
        }

        /// At once: libFuzzer takes an orderly exit for a finding.
        private static func giveUp(_ reason: String) -> Never {
            FileHandle.standardError.write(Data((reason + "\n").utf8))
            _exit(64)
        }
    }

    nonisolated(unsafe) private let guided = Guided()

    /// What libFuzzer calls with every input.
    @_cdecl("LLVMFuzzerTestOneInput")
    public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
        do {
            _ = try guided.target.accepts(Array(UnsafeBufferPointer(start: data, count: count)), in: guided.bench)
        } catch {
            // A crash is how a finding is reported to libFuzzer; it then keeps the input.
            fatalError("\(guided.target): \(error)")
        }
        return 0
    }
#else
    /// `fuzz TARGET RUNS FIRST-SEED FILE...`: reads RUNS random mutations of good files, the same ones every time, and says
    /// how many were accepted and what memory was needed. A finding ends it with a status other than 0 and names the seed.
    @main struct Fuzz {
        static func main() throws {
            let arguments = CommandLine.arguments
            guard arguments.count >= 5, let target = FuzzTarget(rawValue: arguments[1]), let runs = Int(arguments[2]),
                let first = UInt64(arguments[3])
            else {
                print("fuzz TARGET RUNS FIRST-SEED FILE...; targets: \(FuzzTarget.allCases.map(\.rawValue))")
                exit(64)
            }
            let bench = try FuzzBench()
            let good = try arguments[4...].map { try [UInt8](Data(contentsOf: URL(fileURLWithPath: $0))) }
            for (path, bytes) in zip(arguments[4...], good) { _ = try read(bytes, path) }
            let memoryBefore = peakMemory()
            var accepted = 0
            for run in 0..<UInt64(max(0, runs)) {
                let seed = first &+ run
                let bytes = Mutator.mutated(good[Int(seed % UInt64(good.count))], others: good, seed: seed)
                if try read(bytes, "seed \(seed)") { accepted += 1 }
            }
            print("runs \(runs) accepted \(accepted) megabytes \((peakMemory() - memoryBefore) >> 20)")

            /// Says first what is read where a trap would leave no other trace.
            func read(_ bytes: [UInt8], _ name: String) throws -> Bool {
                signalName(name)
                do {
                    return try target.accepts(bytes, in: bench)
                } catch {
                    FileHandle.standardError.write(Data("\(target), \(name): \(error)\n".utf8))
                    exit(70)
                }
            }
        }

        /// Writes the name of what is being read into the file that FOVEA_FUZZ_LOG names, if it does.
        private static func signalName(_ name: String) {
            guard let log else { return }
            try? log.truncate(atOffset: 0)
            log.write(Data(name.utf8))
        }

        private static let log = ProcessInfo.processInfo.environment["FOVEA_FUZZ_LOG"].flatMap { path in
            FileManager.default.createFile(atPath: path, contents: nil) ? FileHandle(forWritingAtPath: path) : nil
        }

        /// The largest memory of this process so far, in bytes.
        private static func peakMemory() -> Int {
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") } ?? ""
            return (Int(line.filter(\.isNumber)) ?? 0) << 10
        }
    }
#endif
