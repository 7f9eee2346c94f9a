import Basics
import CTorch
import Foundation

/// The engine as a whole: version, threads, determinism and random numbers.
public enum Engine {
    /// The version of libtorch that was found when the program was built.
    public static let version = String(cString: ct_version())

    /// The version of libtorch that Fovea is written for.
    public static let requiredVersion = "2.11.0"

    /// The vector instructions that libtorch uses on this processor, such as "AVX512".
    public static let cpuCapability = String(cString: ct_cpu_capability())

    /// The number of threads that one operator may use.
    public static var threads: Int {
        get { Int(ct_threads()) }
        set { ct_set_threads(Int32(max(1, newValue))) }
    }

    /// How its threads wait for work, as the environment says, such as "GOMP_SPINCOUNT=10000", which is set where it says
    /// nothing; nil for the OpenMP library's default.
    public static var waiting: String? { ct_waiting().map { String(cString: $0) } }

    /// Whether the processor multiplies bfloat16 natively (`avx512_bf16` or AMX).
    public static let hasNativeBFloat16: Bool = {
        let flags = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
        return flags.contains("avx512_bf16") || flags.contains("amx_bf16")
    }()

    /// The precision that is probably the fastest on `device`, for what is not worth measuring, such as predicting.
    public static func bestPrecision(on device: Device) -> Precision {
        device != .cpu || hasNativeBFloat16 ? .bfloat16 : .float32
    }

    /// Keeps the memory of freed tensors for the next ones, for the rest of the process.
    ///
    /// The C library hands large blocks back to the kernel, which then clears every page again at the next step: a
    /// quarter of the time of a MobileNet's step. A training needs the same blocks in every step anyway. All threads share
    /// them, as the memory of a thread's own cannot be kept so; they must be started later.
    public static func keepFreedMemory() { ct_keep_freed_memory() }

    /// Seeds the random generator of `device`.
    ///
    /// The processor's generator belongs to the calling thread, like the modes of `Autograd`: what another thread seeds or
    /// draws changes nothing here. A GPU has one for the whole process.
    public static func seed(_ seed: UInt64, on device: Device = .cpu) throws {
        var error: UnsafeMutablePointer<CChar>?
        guard ct_seed(device.type, device.index, seed, &error) else { throw engineError("seeding \(device)", &error) }
    }

    /// The whole state of the random generator of `device`, as bytes.
    public static func randomState(of device: Device = .cpu) throws -> [UInt8] {
        var error: UnsafeMutablePointer<CChar>?
        guard let state = Tensor(owning: ct_random_state(device.type, device.index, &error)) else {
            throw engineError("reading the random state of \(device)", &error)
        }
        return try state.array(as: UInt8.self)
    }

    /// Restores what `randomState(of:)` gave.
    public static func setRandomState(_ bytes: [UInt8], of device: Device = .cpu) throws {
        let state = try Tensor(bytes)
        var error: UnsafeMutablePointer<CChar>?
        guard ct_set_random_state(device.type, device.index, state.handle, &error) else {
            throw engineError("restoring the random state of \(device)", &error)
        }
    }
}
