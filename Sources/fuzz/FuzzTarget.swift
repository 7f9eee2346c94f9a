import Basics
import Cohorts
import ConfigurationFile
import Foundation
import FundusImaging
import Weights

/// The readers of files that come from outside, each fed bytes as if they were such a file.
enum FuzzTarget: String, CaseIterable {
    /// Photographs.
    case image
    /// Safetensors and PyTorch's files.
    case weights
    /// Configuration files (YAML).
    case configuration
    /// Class attributes (YAML).
    case attributes
    /// Label tables (CSV).
    case table

    /// Reads the bytes. Nothing or a `FoveaError` may come of it; a trap, any other error, too much time or memory, or a
    /// broken promise is a finding.
    ///
    /// - Returns: whether the bytes were accepted.
    func accepts(_ bytes: [UInt8], in bench: FuzzBench) throws -> Bool {
        do {
            switch self {
            case .image: try readImage(bytes)
            case .weights: try readWeights(bytes, bench)
            case .configuration: try readConfiguration(bytes, bench)
            case .attributes: try bench.with(bytes) { _ = try ClassAttributes(path: $0) }
            case .table: try readTable(bytes, bench)
            }
            return true
        } catch let error as FoveaError {
            guard !error.message.isEmpty, error.message.utf8.count < 10_000 else {
                throw BrokenPromise(description: "a message of \(error.message.utf8.count) bytes")
            }
            guard error.kind != .environment else {
                throw BrokenPromise(
                    description: "a file's bytes are taken for a fault of the machine: \(error.message)")
            }
            return false
        }
    }

    private func readImage(_ bytes: [UInt8]) throws {
        let settings = ImageSettings(resolution: 32, pixelLimit: 1_000_000)
        let image = try FundusReader.prepare(ImageFile(name: "image", bytes: Data(bytes)), settings: settings).image
        guard image.width == 32, image.height == 32, image.bytes.count == 32 * 32 * 3 else {
            throw BrokenPromise(description: "a \(image)")
        }
    }

    private func readWeights(_ bytes: [UInt8], _ bench: FuzzBench) throws {
        try bench.with(bytes) { path in
            let file = try WeightFile.open(path)
            var total = 0
            for tensor in file.tensors {
                let count = try file.withBytes(of: tensor.name) { bytes in
                    // Touches every byte: one outside the file would end the program.
                    total &+= bytes.reduce(0) { $0 &+ Int($1) }
                    return bytes.count
                }
                guard count == tensor.byteCount, count <= max(1, bytes.count) else {
                    throw BrokenPromise(description: "\(count) bytes of a tensor in a file of \(bytes.count)")
                }
            }
        }
    }

    private func readConfiguration(_ bytes: [UInt8], _ bench: FuzzBench) throws {
        let section = try bench.with(bytes) { try ConfigurationReader.read(FuzzSection.self, file: $0) }
        // What was read is written and read again without loss.
        let yaml = ConfigurationWriter.yaml(section, commented: true)
        guard try ConfigurationReader.read(FuzzSection.self, yaml: yaml, source: "again") == section else {
            throw BrokenPromise(description: "other settings after writing and reading")
        }
    }

    private func readTable(_ bytes: [UInt8], _ bench: FuzzBench) throws {
        let cohort = try bench.with(bytes) { try CohortReader().read(table: $0, images: bench.images) }
        for photograph in cohort.photographs {
            let path = URL(fileURLWithPath: photograph.path).standardizedFileURL.resolvingSymlinksInPath().path
            guard path.hasPrefix(bench.realImages + "/") else {
                throw BrokenPromise(description: "the path \(photograph.path) leads out of the image folder")
            }
        }
    }
}

/// Something that a reader must not do.
struct BrokenPromise: Error, CustomStringConvertible {
    let description: String
}
