import Basics
import Foundation

/// The tensors that a model makes of the images of a request.
public struct InferAnswer: Sendable {
    /// Values by the name of the output, image by image.
    public let values: [String: [Float]]
    /// How many images.
    public let count: Int

    /// Gathers the outputs.
    public init(_ values: [String: [Float]], count: Int) { (self.values, self.count) = (values, count) }

    /// The response to a request, with the outputs that it wants: as JSON, or as bytes after it, the lowest first.
    public func response(to request: InferRequest, model: ServedModel) -> ServiceResponse {
        struct Parameters: Encodable { var binaryDataSize: Int }
        struct Output: Encodable {
            var name: String
            var datatype = "FP32"
            var shape: [Int]
            var parameters: Parameters?
            var data: [Float]?
        }
        struct Document: Encodable {
            var modelName: String
            var modelVersion: String
            var id: String?
            var outputs: [Output]
        }
        var bytes = Data()
        let outputs = request.outputs.map { output in
            let values = values[output.name] ?? []
            let rest = model.outputs.first { $0.name == output.name }?.shape.dropFirst() ?? []
            var result = Output(name: output.name, shape: [count] + rest)
            if output.isBinary {
                result.parameters = Parameters(binaryDataSize: values.count * 4)
                // All machines that this runs on have the lowest byte first.
                values.withUnsafeBytes { bytes.append(contentsOf: $0) }
            } else {
                result.data = values
            }
            return result
        }
        let document = Document(modelName: model.name, modelVersion: model.version, id: request.id, outputs: outputs)
        var response = ServiceResponse(json: document)
        guard request.outputs.contains(where: \.isBinary), response.status == 200 else { return response }
        response.headers = [
            ("content-type", "application/octet-stream"), ("inference-header-content-length", "\(response.body.count)"),
        ]
        response.body += bytes
        return response
    }
}
