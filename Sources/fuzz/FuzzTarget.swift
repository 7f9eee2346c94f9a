import Basics
import Cohorts
import ConfigurationFile
import Foundation
import FundusImaging
import Serving
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
    /// Requests to the server: headers, an empty line, the body.
    case request

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
            case .request: try readRequest(bytes)
            }
            return true
        } catch let error as ServiceError {
            guard !error.message.isEmpty, error.message.utf8.count < 10_000, 400..<500 ~= error.status else {
                throw BrokenPromise(
                    description: "\(error.status) with \(error.message.utf8.count) bytes: \(error.message)")
            }
            return false
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

extension FuzzTarget {
    private static let model = ServedModel(
        name: "m", version: "1f", architecture: "resnet18", resolution: 2, labels: "multi", classes: ["a", "b"],
        enoughImages: 20, trainingImages: nil, precision: "float32", featureCount: 3, mapShape: [1, 2],
        mapsAreExact: true, operatingPoint: nil, calibration: nil, knowsFamiliarity: false)

    /// All that is read of a request without the transport.
    private func readRequest(_ bytes: [UInt8]) throws {
        let end = Data(bytes).range(of: Data("\n\n".utf8))
        let lines = String(decoding: bytes[..<(end?.lowerBound ?? bytes.count)], as: UTF8.self).split(separator: "\n")
        let body = end.map { Data(bytes[$0.upperBound...]) } ?? Data()
        let start = lines.first?.split(separator: " ") ?? []
        let headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            return (name: parts.first?.lowercased() ?? "", value: parts.count > 1 ? parts[1] : "")
        }
        let head = RequestHead(
            method: start.first.map(String.init) ?? "", target: start.count > 1 ? String(start[1]) : "",
            host: headers.first { $0.name == "host" }?.value, headers: headers.filter { $0.name != "host" })
        let catalog = ModelCatalog([Self.model])
        let route = try Route(head)
        try AccessRules(hosts: AccessRules.localHosts, token: nil).check(head, isPublic: route.isPublic)
        _ = try head.bodyLength(limit: 1 << 20)
        switch route {
        case .infer(let reference):
            let request = try InferRequest(
                body, headerLength: head.header("inference-header-content-length"), model: catalog.model(reference))
            if case .pixels(let pixels, let count) = request.images, pixels.count != count * 12 || count < 1 {
                throw BrokenPromise(description: "\(pixels.count) pixels for \(count) images")
            }
            guard !request.outputs.isEmpty else { throw BrokenPromise(description: "no output") }
        case .predict:
            _ = try PredictOptions(head, catalog)
            let files = try PredictBody(body, contentType: head.header("content-type")).files
            guard 1...16 ~= files.count, files.reduce(0, { $0 + $1.count }) <= body.count else {
                throw BrokenPromise(description: "\(files.count) files of \(body.count) bytes")
            }
        default: break
        }
    }
}

/// Something that a reader must not do.
struct BrokenPromise: Error, CustomStringConvertible {
    let description: String
}
