import Backbones
import Foundation
import NN
import Testing
import Torch
import Training

@Suite struct HeadBiasTests {
    @Test func aConstantIsTheSameForAllClasses() throws {
        let network = try tinyNetwork(classes: 3)
        try HeadBias(-3).apply(to: network, counts: [(1, 2), (3, 4), (0, 9)])
        #expect(try #require(network.head.bias).value.array() == [-3, -3, -3] as [Float])
        #expect(network.head.bias?.value.requiresGrad == true)
    }

    @Test func prevalenceGivesTheLogOddsAndStaysFinite() throws {
        let network = try tinyNetwork(classes: 4)
        try HeadBias().apply(to: network, counts: [(10, 110), (50, 100), (0, 99), (7, 7)])
        let expected = [10.5 / 100.5, 1, 0.5 / 99.5, 7.5 / 0.5].map { Float(log($0)) }
        #expect(try distance(#require(network.head.bias).value.array(), expected) < 1e-6)
    }
}
