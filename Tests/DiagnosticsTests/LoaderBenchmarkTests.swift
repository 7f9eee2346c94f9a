import Basics
import Diagnostics
import Foundation
import FundusImaging
import RunTestSupport
import TestSupport
import Testing
import Torch

/// In a process of its own: the memory of a process is that of all its tests.
struct LoaderBenchmarkTests {
    @Test func memoryStaysFlatFromEpochToEpoch() async {
        await #expect(processExitsWith: .success) {
            // As the program does; otherwise the C library's heap frays for some epochs.
            Engine.keepFreedMemory()
            let folder = try TemporaryFolder()
            for k in 0..<64 { try folder.image(k, to: "\(k).png", width: 128, height: 128) }
            let result = try LoaderBenchmark.run(
                model: "mobilenetv1", paths: (0..<64).map { folder.path + "/\($0).png" }, epochs: 14,
                precision: .float32, device: .cpu, cacheFolder: folder.path + "/cache")
            #expect(result.images == 64 && result.epochs.count == 14)
            #expect(result.epochs.allSatisfy { $0.loaded > 0 && $0.ready > 0 && $0.memory > 10 })
            // What is kept once per epoch adds up in every epoch: a batch of floats is 12 MiB, what the network keeps
            // for its gradients some 800. A heap that frays grows now and then, and less and less.
            let memory = result.epochs.map(\.memory)
            let growing = zip(memory[5...], memory[6...]).count { $1 - $0 > 6 }
            #expect(growing <= 4, "\(memory) MiB")
        }
    }

    @Test func fewerImagesThanABatchAreRefused() {
        let error = foveaError {
            _ = try LoaderBenchmark.run(
                model: "resnet18", paths: ["a.png"], epochs: 1, precision: .float32, device: .cpu, cacheFolder: "none")
        }
        #expect(error?.message.contains("less than a batch of 16") == true)
    }
}
