import Basics
import Execution
import Foundation
import FundusImaging
import Reports
import Torch

/// What `fovea doctor` finds: whether this machine has what Fovea needs, and how to get what is missing.
public struct MachineCheck: Sendable {
    /// One thing that was looked at.
    public struct Finding: Sendable {
        /// How it stands.
        public enum State: Sendable {
            /// As it should be.
            case good
            /// Not as good as could be; everything works.
            case note
            /// Fovea cannot work so.
            case fault
        }
        /// What was looked at.
        public var subject: String
        /// What was found.
        public var text: String
        /// How it stands.
        public var state = State.good
        /// What to do about it.
        public var remedy: String?
    }

    /// Everything, in order.
    public let findings: [Finding]

    /// Whether nothing is missing.
    public var isUsable: Bool { !findings.contains { $0.state == .fault } }

    /// Looks at the machine; takes well under a second unless the cache has very many files.
    ///
    /// - Parameter cacheFolder: the per-user cache.
    public init(threads: Int, cacheFolder: String = ExecutionContext.userCache) {
        findings =
            [Finding(subject: "fovea", text: Program.version)] + Self.documents()
            + [Self.engine(), Self.engineWorks(), Self.images(), Self.imagesWork(), Self.processor()]
            + Self.precision(threads, cacheFolder) + [
                Self.threads(threads), Self.memory(), Self.gpu(), Self.launch(),
            ] + CacheFolder(cacheFolder).findings
    }

    /// The findings for the terminal, one per line, each remedy below its finding.
    public func text(for terminal: Terminal) -> String {
        let width = findings.map(\.subject.count).max() ?? 0
        var text = ""
        for finding in findings {
            let mark =
                switch finding.state {
                case .good: terminal.styled(terminal.isUnicode ? "✓" : "ok", .green)
                case .note: terminal.styled(terminal.isUnicode ? "·" : "--", .yellow)
                case .fault: terminal.styled(terminal.isUnicode ? "✗" : "!!", .red)
                }
            text += mark + " " + DisplayText.pad(finding.subject, to: width) + "  " + finding.text + "\n"
            if let remedy = finding.remedy {
                text += String(repeating: " ", count: width + (terminal.isUnicode ? 4 : 5)) + remedy + "\n"
            }
        }
        let faults = findings.count { $0.state == .fault }
        guard faults == 0 else { return text + "\n\(faults) of these must be fixed first.\n" }
        return text + """

            Everything that Fovea needs is here. Next, with the folder of your photographs and their label table:
              fovea init FOLDER        (fovea phantoms FOLDER draws some photographs to try)

            """
    }

    /// Refuses to work with another libtorch than the one that the program was built with.
    ///
    /// - Throws: `FoveaError` of kind `environment`.
    public static func requireEngine() throws {
        let finding = engine()
        guard finding.state == .fault else { return }
        throw FoveaError(.environment, finding.text, remedy: finding.remedy)
    }

    private static func engine() -> Finding {
        var finding = Finding(subject: "engine", text: "libtorch \(Engine.version)")
        let library = LoadedLibrary(named: "libtorch_cpu.so")
        if let library { finding.text += ", loaded from \(library.path)" }
        let found = library?.version?.split(separator: "+").first.map(String.init)
        if Engine.version != Engine.requiredVersion {
            finding.state = .fault
            finding.text += "; this version of Fovea is written for \(Engine.requiredVersion)"
            finding.remedy = "Run: unset LIBTORCH; make clean build"
        } else if let found, found != Engine.requiredVersion {
            finding.state = .fault
            finding.text += ", which is version \(found): two versions must never mix"
            finding.remedy = "Take it off LD_LIBRARY_PATH, or put libtorch \(Engine.requiredVersion) there."
        }
        return finding
    }

    private static func engineWorks() -> Finding {
        trial(of: "libtorch", "a product of matrices came out right", orElse: "cannot compute") {
            let product = try Tensor.ones([8, 8]).matmul(.ones([8, 8])).sum().item()
            guard product == 512 else { throw FoveaError(.engine, "a product of matrices came out as \(product)") }
        }
    }

    /// What using a library came to; where it fails, how to get it again, which depends on where it was loaded from.
    private static func trial(
        of library: String, _ success: String, orElse failure: String, _ use: () throws -> Void
    ) -> Finding {
        do {
            try use()
            return Finding(subject: "", text: success)
        } catch {
            let path = LoadedLibrary(named: library)?.path ?? library
            let cached = PathName.joined(ExecutionContext.userCache, library)
            let remedy =
                path.hasPrefix(cached)
                ? "Unpack \(library) again: rm -r \(cached)-*; make setup"
                : "Unpack or install the package again that holds \(path)"
            return Finding(subject: "", text: "\(failure): \(error.problem)", state: .fault, remedy: remedy)
        }
    }

    private static func images() -> Finding {
        var finding = Finding(subject: "images", text: "libvips \(vipsVersion ?? "of unknown version")")
        if let library = LoadedLibrary(named: "libvips") { finding.text += ", loaded from \(library.path)" }
        return finding
    }

    /// Taken from the library itself: it may be another one than the one that the program was linked with.
    private static var vipsVersion: String? {
        typealias VersionString = @convention(c) () -> UnsafePointer<CChar>?
        guard let symbol = dlsym(nil, "vips_version_string") else { return nil }
        return unsafeBitCast(symbol, to: VersionString.self)().map { String(cString: $0) }
    }

    private static func imagesWork() -> Finding {
        trial(of: "libvips", "an image was written and read as JPEG and PNG", orElse: "cannot read what it wrote") {
            let image = PixelImage(width: 32, height: 24, red: 200, green: 90, blue: 40)
            for data in [try image.jpeg(), try image.png()] {
                let read = try ImageFile(name: "test image", bytes: data).decode()
                guard read.width == 32, read.height == 24 else { throw FoveaError(.environment, "it has another size") }
            }
        }
    }

    private static func processor() -> Finding {
        let isSlow = Engine.cpuCapability == "DEFAULT" || Engine.cpuCapability == "NO AVX"
        return Finding(
            subject: "processor", text: "\(Processor.name), used with \(Engine.cpuCapability)",
            state: isSlow ? .note : .good,
            remedy: isSlow ? "Without AVX2 training is slow; is ATEN_CPU_CAPABILITY set?" : nil)
    }

    /// What `training.precision: auto` comes to, with what was measured on this processor.
    private static func precision(_ threads: Int, _ cacheFolder: String) -> [Finding] {
        if Device.best != .cpu {
            return [Finding(subject: "precision", text: "auto is bfloat16 on a GPU; losses are always float32")]
        }
        guard Engine.hasNativeBFloat16 else {
            let text = "auto is float32: this processor has no instructions for bfloat16"
            return [Finding(subject: "precision", text: text, state: .note)]
        }
        let known = PrecisionFile(folder: cacheFolder).entries.filter { entry in
            entry.question.processor == Processor.name && entry.question.engine == Engine.version
        }
        let text =
            "auto is the faster one of float32 and bfloat16, measured once per network; kept for this processor: "
            + (known.isEmpty ? "none" : "\(known.count)")
        return [Finding(subject: "precision", text: text)]
            + known.suffix(10).map { entry in
                let (question, times) = (entry.question, entry.times)
                return Finding(
                    subject: "",
                    text: "\(question.architecture), \(question.resolution) px, batch \(question.batchSize), "
                        + "\(Pluralization.count(question.threads, "thread")): \(times.best.rawValue) (a step takes \(times.words))"
                )
            }
    }

    private static func threads(_ threads: Int) -> Finding {
        Finding(
            subject: "threads",
            text: "\(threads) used, of \(Processors.count) processors (--threads changes it); they wait for work by "
                + "\(Engine.waiting ?? "the OpenMP library's default")")
    }

    private static func memory() -> Finding {
        func gigabytes(_ key: String) -> String {
            NumberFormat.fixed(SystemMemory.bytes(key).map { Double($0) / Double(1 << 30) }, decimals: 1)
        }
        return Finding(
            subject: "memory", text: "\(gigabytes("MemAvailable")) of \(gigabytes("MemTotal")) GiB available")
    }

    /// Whether this process was started as one of several.
    private static func launch() -> Finding {
        do {
            guard let launch = try Launch() else {
                return Finding(
                    subject: "processes", text: "one: neither torchrun nor srun nor mpirun started this program")
            }
            return Finding(subject: "processes", text: launch.summary)
        } catch {
            return Finding(
                subject: "processes", text: error.problem, state: .fault, remedy: (error as? FoveaError)?.remedy)
        }
    }

    private static func gpu() -> Finding {
        let count = Device.cudaCount
        if count > 0 {
            return Finding(
                subject: "GPUs",
                text: "\(count) through CUDA: " + (0..<count).map { "cuda:\($0)" }.joined(separator: ", "))
        }
        return Finding(
            subject: "GPUs", text: "none (\(Device.cudaFault ?? "CUDA finds no device or no driver"))", state: .note,
            remedy: Device.noCudaRemedy)
    }
}
