import Basics
import CTorch

/// Where tensors live and are computed: a value; nothing above `Torch` knows the difference.
public enum Device: Hashable, Sendable, CustomStringConvertible {
    case cpu
    case cuda(Int)
    /// Nowhere: tensors have a shape and no elements (libtorch's "meta").
    case meta

    /// Parses "cpu", "cuda" or "cuda:N".
    ///
    /// - Throws: `FoveaError` when the text is none of these or the machine has no such device.
    public init(_ text: String) throws {
        if text == "cpu" {
            self = .cpu
            return
        }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.first == "cuda", parts.count <= 2, let index = parts.count == 1 ? 0 : Int(parts[1]), index >= 0
        else {
            throw FoveaError(
                .configuration, "\"\(text)\" names no device", remedy: "Allowed: auto, cpu, cuda, cuda:N (N from 0).")
        }
        let count = Device.cudaCount
        guard index < count else {
            let reason = Device.cudaFault.map { " (\($0))" } ?? ""
            throw FoveaError(
                .environment, "device cuda:\(index) was requested, but this machine offers \(count)\(reason)",
                remedy: count > 0
                    ? "Use cuda:0\(count > 1 ? " to cuda:\(count - 1)" : "") or cpu."
                    : "Use --device cpu. \(Device.noCudaRemedy)")
        }
        self = .cuda(index)
    }

    /// The best device there is: the first GPU, else the CPU.
    public static var best: Device { cudaCount > 0 ? .cuda(0) : .cpu }

    /// How many GPUs libtorch can use; 0 where its CUDA half is not present.
    public static var cudaCount: Int { cudaFault == nil ? Int(ct_cuda_devices()) : 0 }

    /// Why the CUDA half of libtorch is not there, or nil. Loads it at the first call, since libtorch remembers the
    /// first answer it gives about CUDA.
    public static let cudaFault: String? = {
        var error: UnsafeMutablePointer<CChar>?
        return ct_load_cuda(&error) ? nil : takeText(&error)
    }()

    /// What makes a GPU usable where none is, whichever way Fovea was installed.
    package static var noCudaRemedy: String {
        cudaFault == nil
            ? "With an NVIDIA GPU: install its driver; `nvidia-smi` must list it."
            : "With an NVIDIA GPU: Fovea from the wheel takes CUDA from the torch beside it, which `pip install torch=="
                + "\(Engine.requiredVersion)` brings; any other Fovea from the `lib` folder of such a torch on LD_LIBRARY_PATH."
    }

    /// "cpu" or "cuda:N".
    public var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        case .meta: "meta"
        }
    }

    /// Waits until all work given to the device is done; nothing to wait for on a CPU.
    public func synchronize() throws {
        guard case .cuda(let index) = self else { return }
        var error: UnsafeMutablePointer<CChar>?
        guard ct_cuda_synchronize(Int32(index), &error) else { throw engineError("synchronize", &error) }
    }

    init(type: Int32, index: Int32) {
        self = type == 1 ? .cuda(Int(max(0, index))) : type == 14 ? .meta : .cpu
    }

    var type: Int32 {
        switch self {
        case .cpu: 0
        case .cuda: 1
        case .meta: 14
        }
    }

    var index: Int32 {
        if case .cuda(let index) = self { return Int32(index) }
        return type == 0 ? -1 : 0
    }
}
