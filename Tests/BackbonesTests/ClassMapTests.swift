import Backbones
import NN
import Testing
import Torch

/// What each place adds to a logit.
@Suite struct ClassMapTests {
    /// Batch norms with statistics of their own, and a head that is not near zero.
    private func classifier(_ architecture: Architecture, resolution: Int) throws -> Classifier {
        try Engine.seed(3)
        let classifier = try Classifier(architecture.makeBackbone(resolution: resolution), classes: 4)
        try Autograd.withoutGrad {
            for (name, parameter) in classifier.namedParameters {
                if name.hasSuffix("running_mean") {
                    try parameter.value.copy(from: .uniform(parameter.value.shape, -0.2, 0.2))
                }
                if name.hasSuffix("running_var") {
                    try parameter.value.copy(from: .uniform(parameter.value.shape, 0.5, 2))
                }
            }
            try classifier.head.weight.value.copy(from: .normal(classifier.head.weight.value.shape, deviation: 0.3))
            try classifier.head.bias?.value.copy(from: .normal([4], deviation: 1))
        }
        classifier.setTraining(false)
        return classifier
    }

    private static let exact: [Architecture] = [
        .resnet18, .resnet50, .mobilenetv1, .mobilenetv1Short, .efficientNetLite0, .vitTinyMean,
    ]

    @Test(arguments: exact)
    func theMeanOfAnExactMapAndTheBiasAreTheLogit(_ architecture: Architecture) throws {
        let classifier = try classifier(architecture, resolution: 64)
        let image = try Tensor.normal([1, 3, 64, 64], deviation: 1)
        let logits: [Float] = try Autograd.withoutGrad { try classifier(image).array() }
        let (maps, isExact) = try #require(try classifier.maps(of: image, classes: [2, 0]))
        #expect(isExact && maps.shape[0] == 2)
        let means: [Float] = try maps.flattened(from: 1).mean([1]).array()
        let bias: [Float] = try #require(classifier.head.bias).value.detached().array()
        let scale = max(1, logits.map(abs).max() ?? 1)
        #expect(abs(means[0] + bias[2] - logits[2]) < 1e-4 * scale)
        #expect(abs(means[1] + bias[0] - logits[0]) < 1e-4 * scale)
        let places: [Float] = try maps.array()
        #expect(Set(places).count > 2)
    }

    /// By gradients: to first order, what a patch's token adds when it appears.
    @Test func aClassTokenHasAnApproximateMap() throws {
        let classifier = try classifier(.vitTiny, resolution: 64)
        let image = try Tensor.normal([1, 3, 64, 64], deviation: 1)
        let (maps, isExact) = try #require(try classifier.maps(of: image, classes: [1, 3]))
        #expect(!isExact && maps.shape == [2, 4, 4])
        let values: [Float] = try maps.array()
        // One that nobody waits for any more is not computed to its end.
        var asked = 0
        #expect(throws: CancellationError.self) {
            try classifier.maps(of: image, classes: [0, 1, 2, 3]) {
                asked += 1
                return asked == 3
            }
        }
        #expect(asked == 3)
        #expect(values.allSatisfy(\.isFinite) && Set(values).count > 16, "\(values)")
    }
}
