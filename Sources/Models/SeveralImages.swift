import Backbones
import Basics
import FundusImaging
import NN
import Torch

/// A further network of a committee: it sees an image of its own of the same photograph and knows some of the classes.
public struct CommitteeMember: Codable, Sendable, Equatable {
    /// What it is called, such as "region-macula".
    public var name: String
    /// The network.
    public var model: ModelDescription

    /// Names a network.
    public init(name: String, model: ModelDescription) { (self.name, self.model) = (name, model) }
}

/// A window of a model's image that passes the same network, with a head of its own for some of the classes.
public struct ModelRegion: Codable, Sendable, Equatable, Hashable {
    /// What it is called, such as "macula".
    public var name: String
    /// Where it lies.
    public var window: ImageWindow
    /// The classes to whose logits its head adds.
    public var classes: [String]

    /// Describes a window.
    public init(name: String, window: ImageWindow, classes: [String]) {
        (self.name, self.window, self.classes) = (name, window, classes)
    }
}

extension ModelDescription {
    /// The images that are seen of a photograph beside the first one, in the order of their pixels: windows for the same
    /// network, then those of a committee's further networks.
    public var otherImages: [ImageSettings] {
        (regions ?? []).map { image.cut(to: $0.window) } + (members ?? []).flatMap(\.model.images)
    }

    /// All images of a photograph, in the order of their pixels.
    public var images: [ImageSettings] { [image] + otherImages }

    /// Whether some image depends on which eye the photograph shows.
    public var needsSides: Bool { images.contains { $0.window != nil } }

    /// The bytes of all images of a photograph, one image after the other.
    public var pixelCount: Int { images.reduce(0) { $0 + $1.resolution * $1.resolution * 3 } }

    /// The sides of a photograph's pixels: those of its image, or one where it has several, which then follow each other.
    package var pixelShape: [Int] {
        otherImages.isEmpty ? [image.resolution, image.resolution, 3] : [pixelCount]
    }

    /// Where the classes of a member stand among the committee's.
    func columns(of member: CommitteeMember) -> [Int] {
        member.model.classes.compactMap { classes.firstIndex(of: $0) }
    }

    /// The most images that the networks of a model may see of a photograph.
    package static let imageLimit = 256

    /// Verifies regions and members, which only a model that sees several images of a photograph has.
    func validateImages(_ path: String) throws {
        guard images.count <= Self.imageLimit else {
            throw FoveaError(
                .data, at: FilePlace(path),
                "regions and members see \(images.count) images of a photograph; allowed are at most \(Self.imageLimit)",
                remedy: "Restore the file that was saved with the model.")
        }
        var names = Set<String>()
        func verify(_ kind: String, _ name: String, _ own: [String], _ more: [(Bool, String)]) throws {
            let faults =
                [(!names.insert(kind + name).inserted, "\(kind)s has the name \"\(name)\" twice")]
                + own.filter { !classes.contains($0) }.map {
                    (true, "the \(kind) \(name) has the class \"\($0)\", which the model does not have")
                } + more
            guard let fault = faults.first(where: \.0) else { return }
            throw FoveaError(
                .data, at: FilePlace(path), fault.1, remedy: "Restore the file that was saved with the model.")
        }
        for region in regions ?? [] {
            try verify("region", region.name, region.classes, [])
            try region.window.validate()
        }
        for member in members ?? [] {
            let isSingle = labels == .single || member.model.labels == .single
            try verify(
                "member", member.name, member.model.classes,
                [
                    (member.model.members != nil, "the member \(member.name) has members of its own"),
                    (isSingle, "members are given, and labels is single; logits can be averaged for multi alone"),
                ])
            try member.model.validate(path)
        }
    }
}

extension ModelBundle {
    /// A committee: for each class the mean of the logits of all networks that know it.
    ///
    /// - Parameters:
    ///   - first: it knows all classes.
    ///   - others: each knows some of them.
    ///   - shifts: what is subtracted from the logits of each of the others, class by class.
    public static func committee(
        _ first: ModelBundle, _ others: [(name: String, bundle: ModelBundle)], shifts: [[Double]]
    ) throws -> ModelBundle {
        var description = first.description
        description.members = others.map { CommitteeMember(name: $0.name, model: $0.bundle.description) }
        let members = try zip(others, shifts).map { other, shifts in
            let network = try other.bundle.copy().classifier
            try Autograd.withoutGrad {
                try network.head.bias.map { try $0.value.copy(from: $0.value - Tensor(shifts.map(Float.init))) }
            }
            return network
        }
        return ModelBundle(description, first.classifier, members: members)
    }

    /// What the networks make of prepared photographs, as differentiable operators: for a translation of the whole model.
    ///
    /// - Parameter pixels: bytes, [N, side, side, 3], or [N, `pixelCount`] where a photograph has several images.
    /// - Returns: features and feature map of the first network, and the logits of all. No map where a photograph has
    ///   several images, as it says only a part of the logits.
    package func traced(_ pixels: Tensor) throws -> (features: Tensor, map: Tensor?, logits: Tensor) {
        var start = 0
        func images(_ model: ModelDescription, _ network: Classifier) throws -> Tensor {
            let side = model.image.resolution
            let count = network.imageCount * side * side * 3
            defer { start += count }
            let own =
                description.otherImages.isEmpty
                ? pixels
                : try pixels.narrowed(1, from: start, length: count)
                    .reshaped([pixels.shape[0] * network.imageCount, side, side, 3])
            return try PixelInput(model.normalization, device: .cpu)(own)
        }
        let input = try images(description, classifier)
        let (features, map) =
            description.otherImages.isEmpty
            ? try classifier.backbone.featuresAndMap(input) : (try classifier.features(of: input), nil)
        var logits = try classifier.logits(of: features)
        guard let members = description.members else { return (features, map, logits) }
        var known = [Float](repeating: 1, count: description.classes.count)
        for (member, network) in zip(members, self.members) {
            let columns = description.columns(of: member)
            let own = try network(images(member.model, network))
            logits = try logits + own.spread(to: columns, of: known.count)
            for column in columns { known[column] += 1 }
        }
        return (features, map, try logits * Tensor(known.map { 1 / $0 }))
    }

    /// Without dropout and statistics of batches.
    package func setEvaluating() { for network in [classifier] + members { network.setTraining(false) } }

    /// The parameters of all networks, by their names in the weights file.
    package var parameters: [(name: String, tensor: Tensor)] {
        network.namedParameters.map { ($0.name, $0.parameter.value) }
    }

    /// All networks as one module, whose parameters are what the weights file holds.
    var network: any Module {
        guard let names = description.members?.map(\.name) else { return classifier }
        return CommitteeModule(classifier, Array(zip(names, members)))
    }
}

/// The networks of a committee under names of their own; the first one's parameters keep theirs.
private final class CommitteeModule: Module {
    let ownParameters: [(name: String, parameter: Parameter)]
    let children: [(name: String, module: any Module)]

    init(_ first: Classifier, _ others: [(name: String, network: Classifier)]) {
        ownParameters = first.ownParameters
        children = first.children + others.map { ("members." + $0.name, $0.network) }
    }

    func callAsFunction(_ x: Tensor) throws -> Tensor {
        throw FoveaError(.engine, "the networks of a committee see images of their own")
    }
}

/// A network of a committee that is ready to answer.
struct ReadyMember {
    let predictor: Predictor
    /// Where its classes stand among the committee's.
    let columns: [Int]
    let resolution: Int
    /// Bytes of its images.
    let pixelCount: Int
}

extension PredictedOutputs {
    /// Adds what the members of a committee say and divides by how many networks know each class.
    ///
    /// - Parameters:
    ///   - rest: the pixels of the members' images, photograph by photograph.
    ///   - classes: the number of the committee's classes.
    mutating func average(with members: [ReadyMember], _ rest: [[UInt8]], count: Int) throws {
        let classes = logits.count / max(1, count)
        var known = [Float](repeating: 1, count: classes)
        for (member, pixels) in zip(members, rest) {
            let own = try member.predictor.logits(pixels, count: count, resolution: member.resolution)
            for (place, column) in member.columns.enumerated() {
                known[column] += 1
                for image in 0..<count { logits[image * classes + column] += own[image * member.columns.count + place] }
            }
        }
        for place in logits.indices { logits[place] /= known[place % classes] }
    }
}
