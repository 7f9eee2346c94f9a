import Basics
import CTorch

extension Tensor {
    /// Whether operations on this tensor are recorded for differentiation.
    public var requiresGrad: Bool { ct_requires_grad(handle) }

    /// Turns recording on or off for this leaf tensor and gives it back.
    @discardableResult
    public func requiringGrad(_ value: Bool = true) throws -> Tensor {
        var error: UnsafeMutablePointer<CChar>?
        guard ct_set_requires_grad(handle, value, &error) else {
            throw engineError("requires_grad of \(summary)", &error)
        }
        return self
    }

    /// The accumulated gradient, if there is one.
    public var grad: Tensor? { Tensor(owning: ct_grad(handle)) }

    /// Replaces the accumulated gradient; nil frees it.
    public func setGrad(_ gradient: Tensor?) throws {
        var error: UnsafeMutablePointer<CChar>?
        guard ct_set_grad(handle, gradient?.handle, &error) else { throw engineError("setting a gradient", &error) }
    }

    /// Differentiates this scalar, adding to the `grad` of every leaf that requires one.
    public func backward() throws {
        var error: UnsafeMutablePointer<CChar>?
        guard ct_backward(handle, &error) else { throw engineError("backward of \(summary)", &error) }
    }
}

/// Automatic differentiation and the modes that steer it; all of them belong to the calling thread.
public enum Autograd {
    /// The gradients of a scalar with respect to `inputs`; nil for an input that does not matter.
    public static func gradients(of output: Tensor, for inputs: [Tensor]) throws -> [Tensor?] {
        var found = [OpaquePointer?](repeating: nil, count: inputs.count)
        let handles = inputs.map { Optional($0.handle) }
        var error: UnsafeMutablePointer<CChar>?
        let succeeded = withExtendedLifetime(inputs) {
            ct_gradients(output.handle, handles, inputs.count, &found, &error)
        }
        guard succeeded else { throw engineError("gradients of \(output.summary)", &error) }
        return found.map { Tensor(owning: $0) }
    }

    /// Runs `body` without recording.
    public static func withoutGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
        let before = ct_grad_enabled()
        ct_set_grad_enabled(false)
        defer { ct_set_grad_enabled(before) }
        return try body()
    }

    /// Runs `body` in libtorch's inference mode: no recording, no version counters. Tensors made inside cannot take
    /// part in differentiation later.
    public static func inference<Result>(_ body: () throws -> Result) rethrows -> Result {
        let guarded = ct_enter_inference()
        defer { ct_leave_inference(guarded) }
        return try body()
    }
}

/// The precision in which a network is computed.
public enum Precision: String, NamedChoice, Sendable {
    /// IEEE single precision everywhere.
    case float32
    /// libtorch's autocast: convolutions and products in bfloat16, sums and losses in float32.
    case bfloat16
}

/// libtorch's automatic mixed precision, for the calling thread.
public enum Autocast {
    /// Runs `body` with the given precision on `device`.
    public static func run<Result>(_ precision: Precision, on device: Device, _ body: () throws -> Result) rethrows
        -> Result
    {
        let before = ct_get_autocast(device.type)
        ct_set_autocast(
            device.type,
            ct_autocast(enabled: precision == .bfloat16, dtype: DType.bfloat16.rawValue, cache: true))
        ct_enter_autocast_nesting()
        defer {
            if ct_leave_autocast_nesting() == 0 { ct_clear_autocast_cache() }
            ct_set_autocast(device.type, before)
        }
        return try body()
    }
}
