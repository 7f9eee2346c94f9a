import Backbones
import Basics
import Foundation
import FundusImaging
import NN
import Torch
import Weights

/// All that a prediction needs in addition to the weights; written as `config.json` beside `model.safetensors`.
public struct ModelDescription: Codable, Sendable, Equatable {
    /// How labels and outputs are to be read.
    public enum LabelKind: String, NamedChoice, Sendable {
        /// Zero, one or several diseases per image; probabilities by the logistic function.
        case multi
        /// Exactly one per image; probabilities by softmax.
        case single
    }

    /// The version of this format. Format 1 had its keys in camel case; windows and members came with format 3. What is read
    /// becomes of the current version.
    public fileprivate(set) var format = Self.currentFormat
    fileprivate static let currentFormat = 3
    /// The network.
    public var architecture: Architecture
    /// The classes, in the order of the outputs.
    public var classes: [String]
    /// What people call the classes, in the same order; nil where nothing is known but `classes`.
    public var classLabels: [String]?
    /// The class that says that nothing was found; nil where none was named.
    public var normalClass: String?
    /// How labels are to be read.
    public var labels: LabelKind
    /// How a photograph becomes a square image.
    public var image: ImageSettings
    /// How its pixels become network input.
    public var normalization: Normalization
    /// Dropout before the head while training.
    public var dropout: Double
    /// How often a transformer's last block is left out while training; absent for never.
    public var dropPath: Double?
    /// Decision threshold on the probability of each class, chosen on the training images; null for a class without one.
    public var thresholds: [Double?]?
    /// Training images with each class, by which evaluations divide the long tail.
    public var trainingImages: [Int]?
    /// Windows of the image that pass the same network, each with a head of its own for some classes; absent for none.
    public var regions: [ModelRegion]?
    /// The further networks of a committee; absent for a model of one network.
    public internal(set) var members: [CommitteeMember]?

    /// Describes a model.
    public init(
        architecture: Architecture, classes: [String], labels: LabelKind = .multi, image: ImageSettings,
        normalization: Normalization? = nil, dropout: Double = 0, dropPath: Double = 0,
        thresholds: [Double?]? = nil, trainingImages: [Int]? = nil, regions: [ModelRegion] = []
    ) {
        self.architecture = architecture
        self.classes = classes
        self.labels = labels
        self.image = image
        self.normalization = normalization ?? architecture.normalization
        self.dropout = dropout
        self.dropPath = dropPath > 0 ? dropPath : nil
        self.thresholds = thresholds
        self.trainingImages = trainingImages
        self.regions = regions.isEmpty ? nil : regions
    }

    /// What people call the classes; where that is not known, as the label table does.
    public var titles: [String] { classLabels ?? classes }

    /// The class that is never a finding: the one that was named, or one that is called as `NormalClass` says.
    public var normal: Int? {
        if let normalClass { return classes.firstIndex(of: normalClass) }
        return NormalClass.index(in: classes, titles: titles)
    }

    /// A network of this description with random weights.
    public func makeClassifier() throws -> Classifier {
        try Classifier(
            architecture.makeBackbone(resolution: image.resolution, dropPath: dropPath ?? 0), classes: classes.count,
            dropout: dropout,
            regions: (regions ?? []).map { region in
                (region.name, region.classes.compactMap { classes.firstIndex(of: $0) })
            })
    }

    /// A network of this description for weights from elsewhere: its own are zeros.
    public func makeEmptyClassifier() throws -> Classifier { try Tensor.withoutDrawing(makeClassifier) }

    /// Verifies by the file's table of contents that its head has these classes, before a network is built for them.
    func requireHead(in file: WeightFile) throws {
        // Whatever the network calls its head, it is a matrix of a layer that is not part of another one.
        let heads = file.tensors.filter { $0.shape.count == 2 && $0.name.count { $0 == "." } == 1 }
        guard !heads.contains(where: { $0.shape[0] == classes.count }) else { return }
        let found = heads.isEmpty ? "none" : Pluralization.listing(heads.map { "\($0.name) \($0.shape)" })
        throw FoveaError(
            .data, about: file.path,
            "has no layer with an output for each of the \(classes.count) classes that "
                + "\(ModelBundle.configurationName) beside it names; found: \(found)",
            remedy: "Keep the two files of one model together.")
    }

    /// Verifies what a file may have got wrong.
    func validate(_ path: String) throws {
        let count = classes.count
        guard 1...Self.currentFormat ~= format else {
            throw FoveaError(
                .data, about: path, "has format \(format); this version of Fovea reads 1 to \(Self.currentFormat)",
                remedy: "Update Fovea.")
        }
        guard count <= ClassLimits.count else {
            throw FoveaError(
                .data, about: path, "names \(count) classes; at most \(ClassLimits.count) are allowed",
                remedy: "Name the file that was saved with the model.")
        }
        for names in [classes, classLabels ?? []] { try ClassLimits.check(names, of: path) }
        try validateClasses(path)
        try validateNumbers(path)
        do {
            try image.validate()
            try architecture.requireWholePatches(in: image.resolution)
        } catch let error as FoveaError {
            throw FoveaError(.data, at: FilePlace(path), "\(error.message)", remedy: error.remedy)
        }
        try validateImages(path)
    }

    /// As it is written: in the oldest format that has all of it, so that earlier versions of Fovea read what they can.
    fileprivate var written: ModelDescription {
        var written = self
        if members == nil, regions == nil, image.window == nil { written.format = 2 }
        return written
    }
}

extension ModelDescription {
    /// Verifies that the classes differ, and that there is a threshold and a count for each.
    private func validateClasses(_ path: String) throws {
        guard !classes.isEmpty else {
            throw FoveaError(.data, at: FilePlace(path), "classes is empty", remedy: Self.remedy)
        }
        var first: [String: Int] = [:]
        for (number, name) in classes.enumerated() {
            guard let other = first.updateValue(number, forKey: name) else { continue }
            throw FoveaError(
                .data, at: FilePlace(path),
                "classes[\(other)] and classes[\(number)] are both \"\(name)\"; each class has a name of "
                    + "its own", remedy: Self.remedy)
        }
        if let normalClass, !classes.contains(normalClass) {
            throw FoveaError(
                .data, at: FilePlace(path), "\(key("normalClass")) is \"\(normalClass)\", which is none of classes",
                remedy: Self.remedy)
        }
        for (key, count) in [
            ("thresholds", thresholds?.count), (key("trainingImages"), trainingImages?.count),
            (key("classLabels"), classLabels?.count),
        ] {
            guard let count, count != classes.count else { continue }
            throw FoveaError(
                .data, at: FilePlace(path, key: key),
                "\(key) has \(Pluralization.count(count, "entry", "entries")), but there are "
                    + "\(Pluralization.count(classes.count, "class", "classes")); one for each is expected",
                remedy: Self.remedy)
        }
        if let number = thresholds?.firstIndex(where: { $0.map { !(0...1 ~= $0) } ?? false }) {
            throw FoveaError(
                .data, at: FilePlace(path),
                "thresholds[\(number)] is \(thresholds?[number] ?? 0); allowed are 0 to 1 and null",
                remedy: Self.remedy)
        }
        if let number = trainingImages?.firstIndex(where: { $0 < 0 }) {
            throw FoveaError(
                .data, at: FilePlace(path), "\(key("trainingImages"))[\(number)] is negative; allowed are 0 and more",
                remedy: Self.remedy)
        }
    }

    /// Verifies the numbers that pixels and features pass through.
    private func validateNumbers(_ path: String) throws {
        for (key, values) in [("mean", normalization.mean), ("deviation", normalization.deviation)] {
            let isRight = values.count == 3 && values.allSatisfy { $0.isFinite && (key == "mean" || $0 > 0) }
            guard !isRight else { continue }
            throw FoveaError(
                .data, at: FilePlace(path),
                "normalization.\(key) is \(values); allowed are three "
                    + (key == "mean" ? "numbers" : "numbers above 0"), remedy: Self.remedy)
        }
        for (key, value) in [("dropout", dropout), (key("dropPath"), dropPath ?? 0)] where !(0..<1).contains(value) {
            throw FoveaError(
                .data, at: FilePlace(path, key: key), "\(key) is \(value); allowed are 0 and more, below 1",
                remedy: Self.remedy)
        }
    }

    /// The key of a property as the file has it.
    private func key(_ property: String) -> String { format == 1 ? property : JSONFormat.key(property) }

    private static let remedy = "Restore the file that was saved with the model."
}

/// A model on disk: a folder with `config.json` and `model.safetensors`.
public struct ModelBundle {
    /// What the outputs mean and what the inputs must be.
    public var description: ModelDescription
    /// The network; of a committee the one that knows all classes.
    public let classifier: Classifier
    /// The further networks of a committee, in the order of the description.
    let members: [Classifier]

    /// Puts a network and its description together.
    public init(_ description: ModelDescription, _ classifier: Classifier) {
        self.init(description, classifier, members: [])
    }

    init(_ description: ModelDescription, _ classifier: Classifier, members: [Classifier]) {
        (self.description, self.classifier, self.members) = (description, classifier, members)
    }

    /// Networks of a description for weights from elsewhere.
    private init(empty description: ModelDescription) throws {
        self.init(
            description, try description.makeEmptyClassifier(),
            members: try (description.members ?? []).map { try $0.model.makeEmptyClassifier() })
    }

    /// The file names of a bundle.
    public static let weightsName = "model.safetensors"
    /// The file names of a bundle.
    public static let configurationName = "config.json"

    /// Reads a bundle from a folder.
    ///
    /// - Throws: `FoveaError` of kind `data` that says what is missing or does not fit.
    public static func load(from folder: String) throws -> ModelBundle {
        let description = try description(in: folder)
        let weights = try WeightFile.open(PathName.joined(folder, weightsName))
        try description.requireHead(in: weights)
        // Before there is memory for networks that the file does not have.
        try Tensor.withoutElements { try ModelBundle(empty: description) }.network.requireFit(of: weights)
        let bundle = try ModelBundle(empty: description)
        _ = try bundle.network.load(weights, .everything)
        return bundle
    }

    /// Reads what a bundle says of its model, without the weights.
    ///
    /// - Throws: `FoveaError` of kind `data` that says what is missing or wrong.
    package static func description(in folder: String) throws -> ModelDescription {
        let path = PathName.joined(folder, configurationName)
        guard let data = try RegularFile.contents(of: path, atMost: 1 << 24) else {
            if FileManager.default.fileExists(atPath: PathName.joined(folder, "config.yaml")) {
                throw FoveaError(
                    .data, "the run in \(folder) is not finished: it holds no model yet",
                    remedy: "Finish it with `fovea train --resume \(ShellWord.quoted(folder))`.")
            }
            try requireFolder(folder)
            let inside = models(in: folder)
            throw FoveaError(
                .data, about: folder, "holds no model: \(configurationName) is missing",
                remedy: inside.isEmpty
                    ? "Name a run folder, or a folder with \(configurationName) and \(weightsName)."
                    : "Name one of the models in it: \(Pluralization.listing(inside)).")
        }
        var description: ModelDescription
        do {
            description = try JSONFormat.decoded(ModelDescription.self, from: data)
        } catch {
            throw FoveaError(
                .data, about: path,
                "is not a model description: \(JSONFault.words(error, in: data, decoding: ModelDescription.self))"
            )
        }
        try description.validate(path)
        description.format = ModelDescription.currentFormat
        return description
    }

    /// The hash of the weights in a bundle's folder, by which other files name the model that they belong to.
    package static func weightsHash(in folder: String) throws -> String {
        try Digest.sha256(fileAt: PathName.joined(folder, weightsName))
    }

    /// Verifies that a folder that is to hold a model exists.
    ///
    /// - Throws: `FoveaError` of kind `data` that names it.
    package static func requireFolder(_ folder: String) throws {
        guard !Folder.exists(folder) else { return }
        guard ImageSignature.isImage(folder) != true else {
            throw FoveaError(
                .data, "\(folder) is an image, where the folder of a model is expected",
                remedy: "The model comes first, then the images: fovea predict MODEL IMAGE.")
        }
        var status = stat()
        let found = stat(folder, &status) == 0 ? "is not a folder" : "does not exist"
        let place =
            folder.hasPrefix("/") ? "" : " (relative paths count from \(FileManager.default.currentDirectoryPath))"
        let near = modelsNear(folder)
        throw FoveaError(
            .data, "the model's folder \(folder) \(found)\(place)",
            remedy: "Name a run folder, or a folder with \(configurationName) and \(weightsName)"
                + (near.isEmpty ? "." : "; there are: \(Pluralization.listing(near)).")
        )
    }

    /// Folders with a model beside where one was sought, else where `fovea init` has runs written.
    private static func modelsNear(_ path: String) -> [String] {
        [PathName.folder(of: path), "runs"].lazy.map(models).first { !$0.isEmpty } ?? []
    }

    /// Folders with a model in a folder; "" is the one in which the program runs.
    package static func models(in place: String) -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place.isEmpty ? "." : place)) ?? []
        return names.sorted().map { place.isEmpty ? $0 : PathName.joined(place, $0) }.filter { folder in
            [configurationName, weightsName].allSatisfy {
                FileManager.default.fileExists(atPath: PathName.joined(folder, $0))
            }
        }
    }

    /// The network ready to answer: a copy of it in evaluation mode, with batch norms folded into the convolutions,
    /// and, in float32 on the processor, activations and sums computed with them.
    ///
    /// Every probability that leaves the program is computed like this, in float32 unless asked otherwise, so that an
    /// image gets the same answer (to 1e-5) alone or in a batch of any size, and from every command.
    ///
    /// - Parameter isPlain: whether nothing is folded or fused.
    public func predictor(device: Device, precision: Precision = .float32, isPlain: Bool = false) throws -> Predictor {
        let copy = try copy()
        func predictor(_ network: Classifier, _ normalization: Normalization) throws -> Predictor {
            try Predictor(
                network, normalization, device: device, precision: precision, folding: !isPlain, fusing: !isPlain)
        }
        let whole = try predictor(copy.classifier, description.normalization)
        whole.members = try zip(description.members ?? [], copy.members).map { member, network in
            ReadyMember(
                predictor: try predictor(network, member.model.normalization), columns: description.columns(of: member),
                resolution: member.model.image.resolution, pixelCount: member.model.pixelCount)
        }
        return whole
    }

    /// A network of its own with the same weights, on the CPU.
    public func copy() throws -> ModelBundle {
        let twin = try ModelBundle(empty: description)
        try twin.classifier.copyValues(from: classifier)
        for (network, source) in zip(twin.members, members) { try network.copyValues(from: source) }
        return twin
    }

    /// One network with the outputs of all bundles side by side, where they share a backbone, weights and all: it is
    /// passed once, and their heads are in order. Nil where their backbones differ.
    ///
    /// It is made to predict with, not to be saved: classes of several bundles occur several times.
    public static func joined(_ bundles: [ModelBundle]) throws -> ModelBundle? {
        guard let first = bundles.first else { return nil }
        let (trunk, head) = (first.trunk, first.classifier.head)
        let others = bundles.dropFirst()
        guard
            others.allSatisfy({ $0.description.architecture == first.description.architecture })
        else { return nil }
        let otherTrunks = others.map { Dictionary($0.trunk) { first, _ in first } }
        // Weight by weight, so that each of the first one's is read once.
        for (name, weight) in trunk {
            let weights = try weight.floats()
            for other in otherTrunks where try other.count != trunk.count || other[name]?.floats() != weights {
                return nil
            }
        }
        var description = first.description
        description.classes = bundles.flatMap(\.description.classes)
        (description.thresholds, description.trainingImages) = (nil, nil)
        (description.classLabels, description.normalClass) = (nil, nil)
        let whole = ModelBundle(description, try description.makeEmptyClassifier())
        try whole.classifier.copyValues(from: first.classifier) { !$0.hasPrefix(first.headPrefix) }
        try Autograd.withoutGrad {
            let heads = bundles.map(\.classifier.head)
            try whole.classifier.head.weight.value.copy(
                from: .concatenated(heads.map { try $0.weight.value.to(device: .cpu) }, in: 0))
            if head.bias != nil {
                try whole.classifier.head.bias?.value.copy(
                    from: .concatenated(heads.compactMap { try $0.bias?.value.to(device: .cpu) }, in: 0))
            }
        }
        return whole
    }

    /// What the names of the head's parameters begin with.
    private var headPrefix: String { classifier.backbone.headName + "." }

    /// Weights and buffers of everything but the head, in the network's order.
    private var trunk: [(name: String, value: Tensor)] {
        classifier.namedParameters.filter { !$0.name.hasPrefix(headPrefix) }.map { ($0.name, $0.parameter.value) }
    }

    /// Writes the bundle into an existing folder, each file atomically, the weights first.
    public func save(to folder: String) throws {
        let sources = try network.namedParameters.map { try $0.parameter.value.source(named: $0.name) }
        try SafetensorsWriter.write(sources, metadata: ["format": "pt"], to: PathName.joined(folder, Self.weightsName))
        try AtomicFile.write(
            JSONFormat.encoded(description.written), to: PathName.joined(folder, Self.configurationName))
    }
}

extension Tensor {
    /// The elements in order, as float32.
    fileprivate func floats() throws -> [Float] { try to(device: .cpu, dtype: .float32).array() }
}
