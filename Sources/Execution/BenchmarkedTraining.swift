import Backbones
import Losses
import NN
import Torch

/// The training step that benchmarks time, with artificial labels: forward, BCE, backward, fused AdamW.
package struct BenchmarkedTraining {
    private let network: Classifier
    private let optimizer: Optimizer
    private let labels: Tensor
    /// Images in the network's input format, of uniform noise.
    package let readyImages: Tensor
    private let precision: Precision
    private let device: Device

    /// - Parameter isChannelsLast: whether images and network are laid out with channels last, as training does.
    package init(
        _ architecture: Architecture, size: Int, batch: Int, isChannelsLast: Bool = true, precision: Precision,
        device: Device
    ) throws {
        let classes = 33
        try Engine.seed(0)
        network = try Classifier(architecture.makeBackbone(resolution: size), classes: classes)
        if isChannelsLast || device != .cpu { try network.move(to: device) }
        optimizer = Optimizer(.adamW(), [ParameterGroup(network.trainable, weightDecay: 0.01)])
        labels = try Tensor.uniform([batch, classes], 0, 1, device: device).below(0.1).to(dtype: .float32)
        readyImages = try Tensor.uniform([batch, 3, size, size], -1, 1, device: device)
            .contiguous(isChannelsLast ? .channelsLast : .contiguous)
        self.precision = precision
        self.device = device
    }

    /// Forward and backward; the loss.
    ///
    /// - Parameter other: another arithmetic than the training's own.
    package func gradients(_ images: Tensor, in other: Precision? = nil) throws -> Tensor {
        let logits = try Autocast.run(other ?? precision, on: device) { try network(images) }
        let value = try BinaryCrossEntropy()(logits: logits, labels: labels, mask: nil)
        try value.backward()
        return value
    }

    /// A step of the optimiser with the gradients, which are then cleared.
    ///
    /// - Parameter measuresNorm: whether the norm of the gradients is taken first, as `Trainer` does.
    package func update(measuresNorm: Bool) throws {
        if measuresNorm { _ = try optimizer.clipGradients(to: nil) }
        try optimizer.step(rate: 1e-3)
        try optimizer.clearGradients()
    }
}
