import Basics
import Foundation

/// What is wanted of `/v1/predict`, without the images.
public struct PredictOptions: Sendable, Equatable {
    /// For which classes maps are drawn.
    public enum Maps: Sendable, Equatable {
        /// For none.
        case none
        /// For those above their threshold, or the most probable one.
        case findings
        /// For all.
        case all
        /// For these, by their number.
        case classes([Int])
    }

    /// The number of the model in the catalog.
    public let model: Int
    /// The maps.
    public let maps: Maps

    /// Reads the query.
    ///
    /// - Throws: `ServiceError` for an option or a class that is not there.
    public init(_ head: RequestHead, _ catalog: ModelCatalog) throws(ServiceError) {
        let options = try head.options()
        if let unknown = options.first(where: { !["model", "maps", "map"].contains($0.name) }) {
            throw ServiceError(
                .malformed,
                "the address has the option \"\(Printable.line(Printable.shortened(name: unknown.name)))\"; there are model, maps and map"
            )
        }
        func single(_ name: String) throws(ServiceError) -> String? {
            let values = options.filter { $0.name == name }
            guard values.count < 2 else {
                throw ServiceError(.malformed, "the option \(name) is given \(values.count) times")
            }
            return values.first?.value
        }
        let number = try catalog.number(named: single("model"))
        let model = catalog.models[number]
        var classes: [Int] = []
        for option in options where option.name == "map" {
            guard let number = model.classes.firstIndex(of: option.value) else {
                throw ServiceError(
                    .malformed, "map must be a class of the model: " + Pluralization.listing(model.classes))
            }
            if !classes.contains(number) { classes.append(number) }
        }
        let named = try single("maps")
        guard let maps = ["none": Maps.none, "findings": .findings, "all": .all][named ?? "none"] else {
            throw ServiceError(.malformed, "maps must be none, findings or all")
        }
        guard classes.isEmpty || named == nil else {
            throw ServiceError(
                .malformed, "maps and map are both given: maps chooses a group of classes, map single ones")
        }
        guard model.mapShape != nil || (classes.isEmpty && maps == .none) else {
            throw ServiceError(.malformed, "a network of architecture \(model.architecture) has no maps")
        }
        self.model = number
        self.maps = classes.isEmpty ? maps : .classes(classes)
    }
}

/// The images of a request to `/v1/predict`.
public struct PredictBody: Sendable, Equatable {
    /// The files.
    public let files: [Data]
    /// Whether it is one image and nothing else: what is wrong with it is then the answer to the request.
    public let isSingle: Bool

    /// Reads a body: an image file, or up to 16 as multipart/form-data.
    ///
    /// - Throws: `ServiceError` for other kinds of content.
    public init(_ body: Data, contentType: String?, limits: ServiceLimits = ServiceLimits()) throws(ServiceError) {
        let type = (contentType ?? "").lowercased().prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces)
        switch type {
        case "multipart/form-data":
            files = try MultipartBody(body, contentType: contentType ?? "", limit: limits.parts).files
            isSingle = false
        // The type that curl sends with --data-binary unless it is told another; no form is read.
        case "", "application/octet-stream", "application/x-www-form-urlencoded":
            fallthrough
        case _ where type.hasPrefix("image/"):
            guard !body.isEmpty else { throw ServiceError(.malformed, "the body is empty: send an image file") }
            files = [body]
            isSingle = true
        default:
            throw ServiceError(
                .contentType,
                "the content type must be that of an image (image/jpeg), application/octet-stream or multipart/form-data"
            )
        }
    }
}
