import Backbones
import NN
import Testing
import Torch

@Suite struct ClassifierTests {
    @Test(arguments: compared) func featuresHaveTheSaidLength(_ architecture: Architecture) throws {
        let network = try Classifier(architecture.makeBackbone(), classes: 3)
        network.setTraining(false)
        let side = architecture.patch != nil ? 32 : 33
        let features = try Autograd.withoutGrad { try network.features(of: images(2, side)) }
        #expect(features.shape == [2, network.backbone.featureCount])
        #expect(try Autograd.withoutGrad { try network.logits(of: features) }.shape == [2, 3])
    }

    @Test func aFreshHeadIsSmallAndWithoutBias() throws {
        let network = try Classifier(Architecture.resnet18.makeBackbone(), classes: 50)
        let weights = try network.head.weight.value.array(as: Double.self)
        let deviation = (weights.reduce(0) { $0 + $1 * $1 } / Double(weights.count)).squareRoot()
        #expect(abs(deviation - 0.01) < 0.0005)
        #expect(try #require(network.head.bias).value.array() == [Float](repeating: 0, count: 50))
    }

    @Test func dropoutStandsBeforeTheHeadInTrainingOnly() throws {
        let network = try Classifier(Architecture.mobilenetv1Short.makeBackbone(), classes: 4, dropout: 0.5)
        let features = try Tensor.ones([8, 1024])
        let evaluated = { try network.logits(of: features).array() as [Float] }
        network.setTraining(false)
        #expect(try evaluated() == evaluated())
        network.setTraining(true)
        #expect(try evaluated() != evaluated())
    }

    @Test func logitsAreFloat32AlsoUnderAutocast() throws {
        let network = try Classifier(Architecture.mobilenetv1Short.makeBackbone(), classes: 4)
        network.setTraining(false)
        let x = try images(1, 32)
        let (features, logits) = try Autocast.run(.bfloat16, on: .cpu) {
            let features = try network.features(of: x)
            return (features, try network.logits(of: features))
        }
        #expect(features.dtype == .bfloat16 && logits.dtype == .float32)
        let exact = try network.logits(of: features.to(dtype: .float32))
        #expect(try scaledDifference(logits.array(as: Double.self), exact.array(as: Double.self)) < 1e-6)
    }
}
