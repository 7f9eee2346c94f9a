import Basics

/// What callers are told of a model: `/v1/models`, and the metadata of the Open Inference Protocol.
public struct ServedModel: Sendable, Equatable, Encodable {
    /// What its calibration was fitted on.
    public struct Calibration: Sendable, Equatable, Codable {
        /// How many images.
        public let images: Int
        /// Which ones: validation, training or all.
        public let split: String
        /// How many of them with each class.
        public let positives: [Int]
        /// Describes a calibration.
        public init(images: Int, split: String, positives: [Int]) {
            (self.images, self.split, self.positives) = (images, split, positives)
        }
    }

    /// By which requests name it.
    public let name: String
    /// The first twelve digits of the SHA-256 of its weights.
    public let version: String
    /// Its network.
    public let architecture: String
    /// The side of its images in pixels.
    public let resolution: Int
    /// Whether requests may send pixels: not to a model that sees several images of a photograph.
    public let takesPixels: Bool
    /// "multi" or "single".
    public let labels: String
    /// Its classes, in the order of the outputs.
    public let classes: [String]
    /// What people call them; nil where nothing is known but `classes`.
    @ExplicitNull public var classLabels: [String]?
    /// The class of images without a finding; nil where there is none.
    @ExplicitNull public var normalClass: String?
    /// From how many images with a class on, in training and calibration, its calibrated probability says how often it is
    /// there.
    public let enoughImages: Int
    /// Training images with each class; nil where it is not known.
    @ExplicitNull public var trainingImages: [Int]?
    /// The arithmetic.
    public let precision: String
    /// Length of the pooled features.
    public let featureCount: Int
    /// Whether it shows what speaks for a class.
    public let hasMaps: Bool
    /// Rows and columns of its maps; nil for a network without.
    @ExplicitNull public var mapShape: [Int]?
    /// Whether the mean of a map and a constant are the logit.
    public let mapsAreExact: Bool
    /// Whether maps have too few places to show where something is.
    public let mapsAreCoarse: Bool
    /// The operating point that `above` is told for; nil for the thresholds of the model.
    @ExplicitNull public var operatingPoint: String?
    /// Nil where probabilities are not calibrated.
    @ExplicitNull public var calibration: Calibration?
    /// Whether it knows what its training images are like.
    public let knowsFamiliarity: Bool

    /// Describes a model.
    public init(
        name: String, version: String, architecture: String, resolution: Int, takesPixels: Bool = true,
        labels: String, classes: [String], classLabels: [String]? = nil, normalClass: String? = nil,
        enoughImages: Int, trainingImages: [Int]?, precision: String, featureCount: Int, mapShape: [Int]?,
        mapsAreExact: Bool, mapsAreCoarse: Bool = false, operatingPoint: String?, calibration: Calibration?,
        knowsFamiliarity: Bool
    ) {
        (self.name, self.version, self.architecture, self.precision) = (name, version, architecture, precision)
        (self.resolution, self.takesPixels, self.featureCount) = (resolution, takesPixels, featureCount)
        (self.labels, self.classes, self.classLabels, self.normalClass) = (labels, classes, classLabels, normalClass)
        (self.enoughImages, self.trainingImages) = (enoughImages, trainingImages)
        (self.mapShape, hasMaps) = (mapShape, mapShape != nil)
        (self.mapsAreExact, self.mapsAreCoarse) = (mapsAreExact, mapsAreCoarse)
        (self.operatingPoint, self.calibration) = (operatingPoint, calibration)
        self.knowsFamiliarity = knowsFamiliarity
    }

    /// Letters, digits and `._-`: a name stands in addresses.
    public static func isName(_ name: String) -> Bool {
        1...100 ~= name.utf8.count && !name.allSatisfy { $0 == "." }
            && name.unicodeScalars.allSatisfy { scalar in
                scalar.isASCII
                    && (scalar.properties.isAlphabetic || "0"..."9" ~= scalar || "._-".unicodeScalars.contains(scalar))
            }
    }
}

extension ServedModel {
    /// A tensor of the Open Inference Protocol, -1 for a length that requests choose.
    public struct Tensor: Sendable, Equatable, Encodable {
        /// Its name.
        public let name: String
        /// BYTES, UINT8 or FP32.
        public let datatype: String
        /// Its dimensions.
        public let shape: [Int]
    }

    /// A request has one of these: image files, or pixels that are prepared as for the exported model.
    public var inputs: [Tensor] {
        let files = Tensor(name: "images", datatype: "BYTES", shape: [-1])
        let pixels = Tensor(name: "pixels", datatype: "UINT8", shape: [-1, resolution, resolution, 3])
        return takesPixels ? [files, pixels] : [files]
    }

    /// What comes of them. The probabilities are calibrated where there is a calibration, as in the exported model.
    public var outputs: [Tensor] {
        var outputs = [
            Tensor(name: "logits", datatype: "FP32", shape: [-1, classes.count]),
            Tensor(name: "probabilities", datatype: "FP32", shape: [-1, classes.count]),
            Tensor(name: "features", datatype: "FP32", shape: [-1, featureCount]),
        ]
        if mapsAreExact, let mapShape {
            outputs.append(Tensor(name: "maps", datatype: "FP32", shape: [-1, classes.count] + mapShape))
        }
        return outputs
    }
}

/// The models of a server.
public struct ModelCatalog: Sendable {
    /// All of them, in the order of the command line.
    public let models: [ServedModel]

    /// Gathers them; their names differ.
    public init(_ models: [ServedModel]) { self.models = models }

    /// The number of the model that a path names.
    ///
    /// - Throws: `ServiceError` where there is none, or it has another version.
    public func number(_ reference: Route.ModelReference) throws(ServiceError) -> Int {
        let number = try number(named: reference.name)
        let model = models[number]
        if let version = reference.version, version != model.version {
            throw ServiceError(
                .notFound,
                "the model \(model.name) has version \(model.version) only; leave the version out for that one")
        }
        return number
    }

    /// The model that a path names.
    public func model(_ reference: Route.ModelReference) throws(ServiceError) -> ServedModel {
        models[try number(reference)]
    }

    /// The number of the model that a query names; of the only one where it names none.
    public func number(named name: String?) throws(ServiceError) -> Int {
        if name == nil, models.count == 1 { return 0 }
        guard let found = models.firstIndex(where: { $0.name == name }) else {
            let names = Pluralization.listing(models.map(\.name))
            throw name == nil
                ? ServiceError(.malformed, "several models are served: name one, ?model=NAME; there are \(names)")
                : ServiceError(.notFound, "there is no model of this name; there are \(names)")
        }
        return found
    }

    /// The answer to `/v1/models`.
    public var response: ServiceResponse {
        struct Document: Encodable {
            var fovea = Program.version
            var notice = ServiceNotice.text
            var models: [ServedModel]
        }
        return ServiceResponse(json: Document(models: models))
    }
}

/// What every answer about images says.
public enum ServiceNotice {
    /// The sentence.
    public static let text = "For research; not a medical device."
}

extension ServedModel {
    /// The answer to `/v2/models/NAME`.
    public var metadata: ServiceResponse {
        struct Document: Encodable {
            struct Parameters: Encodable {
                var classes: [String]
                var architecture: String
                var precision: String
                var calibrated: Bool
                var notice = ServiceNotice.text
            }
            var name: String
            var versions: [String]
            var platform = "fovea"
            var inputs: [Tensor]
            var outputs: [Tensor]
            var parameters: Parameters
        }
        return ServiceResponse(
            json: Document(
                name: name, versions: [version], inputs: inputs, outputs: outputs,
                parameters: .init(
                    classes: classes, architecture: architecture, precision: precision, calibrated: calibration != nil))
        )
    }

    /// The answer to `/v2/models/NAME/ready`.
    public func readiness(_ isReady: Bool) -> ServiceResponse {
        struct Document: Encodable {
            var name: String
            var ready: Bool
        }
        return ServiceResponse(json: Document(name: name, ready: isReady), status: isReady ? 200 : 503)
    }
}

/// The answers about the server itself of the Open Inference Protocol.
public enum ServerStatus {
    /// The answer to `/v2`.
    public static var metadata: ServiceResponse {
        struct Document: Encodable {
            var name = "fovea"
            var version = Program.version
            var extensions = ["binary_tensor_data"]
        }
        return ServiceResponse(json: Document())
    }

    /// The answer to `/v2/health/live`.
    public static var live: ServiceResponse { ServiceResponse(json: ["live": true]) }

    /// The answer to `/v2/health/ready`.
    public static func ready(_ isReady: Bool) -> ServiceResponse {
        ServiceResponse(json: ["ready": isReady], status: isReady ? 200 : 503)
    }
}
