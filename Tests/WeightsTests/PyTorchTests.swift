import Basics
import Foundation
import Testing
import Weights

@Suite struct PyTorchTests {
    @Test(arguments: [
        "state.pth", "protocol4.pth", "zip64.pth", "views.pth", "checkpoint.pth", "attack_outside.pth",
    ])
    func readsWhatPyTorchWrote(_ name: String) throws {
        let file = try WeightFile.open(Golden.path(name))
        #expect(file.format == .pyTorch)
        #expect(file.metadata.isEmpty)
        try Golden.check(file, is: Golden.expected(name))
    }

    @Test func tensorsKeepTheOrderOfTheStateDict() throws {
        let names = try WeightFile.open(Golden.path("state.pth")).tensors.map(\.name)
        #expect(
            names == [
                "conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var",
                "bn.num_batches_tracked",
            ])
    }

    @Test func aStateDictCanBeChosen() throws {
        let path = Golden.path("checkpoint.pth")
        #expect(try WeightFile.open(path, stateDict: "student").tensors.map(\.name) == ["x"])
        let error = #expect(throws: FoveaError.self) { try WeightFile.open(path, stateDict: "ema") }
        #expect(error?.kind == .configuration)
        #expect(error?.message.contains("no state dict under \"ema\"") == true)
        #expect(error?.remedy == "It has: \"optimizer\", \"teacher\", \"student\"")
        let optimiser = #expect(throws: FoveaError.self) { try WeightFile.open(path, stateDict: "optimizer") }
        #expect(optimiser?.message.contains("has no tensors") == true)
    }

    @Test(arguments: [
        ("legacy.pth", "a bare pickle, as PyTorch before 1.6 wrote", "torch.save(torch.load("),
        ("module.pth", "an object of \"torch.nn.modules.container.Sequential\", not a state dict", "state_dict()"),
        ("compressed.pth", "is compressed (method 8)", "torch.save"),
        ("expanded.pth", "has 1000 elements over a storage of 1", ".contiguous()"),
        ("attack_inside.pth", "\"y\" in its state dict is an object of \"posix.system\", not a tensor", "only tensors"),
    ])
    func refusesWithAReason(_ name: String, _ message: String, _ remedy: String) throws {
        let error = #expect(throws: FoveaError.self) { try WeightFile.open(Golden.path(name)) }
        #expect(error?.kind == .data)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
        #expect(error?.remedy?.contains(remedy) == true, "\(error?.remedy ?? "")")
    }

    @Test func nothingInAFileIsExecuted() throws {
        _ = try? WeightFile.open(Golden.path("attack_inside.pth"))
        _ = try WeightFile.open(Golden.path("attack_outside.pth"))
        #expect(!FileManager.default.fileExists(atPath: "/tmp/fovea-was-attacked"))
    }
}
