import Backbones
import Torch

/// Turns ready pixels into network input on a device.
public struct PixelInput {
    private let device: Device
    private let scale: Tensor
    private let shift: Tensor

    /// Prepares the constants of a normalisation.
    public init(_ normalization: Normalization, device: Device) throws {
        self.device = device
        let scale = normalization.deviation.map { Float(1 / (255 * $0)) }
        let shift = zip(normalization.mean, normalization.deviation).map { Float(-$0 / $1) }
        self.scale = try Tensor(scale, shape: [1, 3, 1, 1]).to(device: device)
        self.shift = try Tensor(shift, shape: [1, 3, 1, 1]).to(device: device)
    }

    /// Bytes of `count` square RGB images (image, row, column, channel) as float32 [N, 3, H, W] in channels-last
    /// layout; the bytes cross to a GPU before they become floats, without making the processor wait.
    public func callAsFunction(_ bytes: [UInt8], count: Int, resolution: Int) throws -> Tensor {
        var pixels = try Tensor(bytes, shape: [count, resolution, resolution, 3])
        if device != .cpu { pixels = try pixels.pinned().to(device: device, nonBlocking: true) }
        return try self(pixels)
    }

    /// The same of a tensor of bytes, [N, H, W, 3].
    public func callAsFunction(_ pixels: Tensor) throws -> Tensor {
        try pixels.permuted([0, 3, 1, 2]).to(dtype: .float32) * scale + shift
    }
}
