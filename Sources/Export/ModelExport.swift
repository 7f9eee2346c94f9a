import Backbones
import Basics
import Execution
import Foundation
import FundusImaging
import Models
import NN
import Prediction
import RunFiles
import Torch

/// A trained model as an ONNX file, which other programs compute without Fovea.
///
/// Its input is `images`, bytes [N, side, side, 3] of photographs that were prepared as the metadata say, or [N, bytes] where a
/// model sees several images of a photograph; its outputs are
/// `logits` and `probabilities`, [N, classes], `features`, [N, length], and `maps`, [N, classes, rows, columns], where the
/// network has exact ones. Normalisation and calibration are inside.
public struct ModelExport {
    /// How many images the reference has: neither 2 nor 3, with which networks are traced.
    private static let referenceImages = 4

    private let bundle: ModelBundle
    private let calibration: ModelCalibration?
    private let graph: ONNXGraph

    /// Reads a model and translates it.
    ///
    /// - Parameter argument: a run folder, a bundle, or a file in one of them.
    /// - Throws: `FoveaError` when the model or its calibration cannot be read, or the network cannot be translated.
    public init(_ argument: String, _ context: ExecutionContext) throws {
        Engine.threads = context.threads
        let folder = InferenceModel.folder(argument)
        let bundle = try ModelBundle.loadUnchanged(from: folder)
        let weights = try ModelBundle.weightsHash(in: folder)
        let calibration = try ModelCalibration.read(for: folder, bundle.description, weights: weights)
        calibration?.warn(usedIn: .float32, context.logger)
        try self.init(bundle, calibration: calibration, weights: weights)
    }

    /// Translates a model.
    ///
    /// - Parameter weights: the hash of its weights file; nil where there is none.
    package init(_ bundle: ModelBundle, calibration: ModelCalibration? = nil, weights: String? = nil) throws {
        self.bundle = bundle
        self.calibration = calibration
        let (model, classifier) = (bundle.description, bundle.classifier)
        bundle.setEvaluating()
        var graph = try Autograd.withoutGrad {
            try ONNXTranslation(
                inputNamed: "images", parameters: bundle.parameters,
                input: {
                    try Tensor([UInt8](repeating: 0, count: $0 * model.pixelCount), shape: [$0] + model.pixelShape)
                }
            ) { pixels in
                let (features, map, logits) = try bundle.traced(pixels)
                let probabilities =
                    try calibration?.probabilities(logits, of: model) ?? model.probabilities(logits)
                let maps = try map.map { try classifier.maps(ofFeatures: $0) }
                return [("logits", logits), ("probabilities", probabilities), ("features", features)]
                    + (maps.map { [("maps", $0)] } ?? [])
            }.graph
        }
        graph.metadata = try Self.metadata(model, calibration, weights)
        self.graph = graph
    }

    /// What a program must know that computes the model: lists and objects as JSON.
    private static func metadata(
        _ model: ModelDescription, _ calibration: ModelCalibration?, _ weights: String?
    ) throws -> [String: String] {
        func json(_ value: some Encodable) throws -> String {
            String(decoding: try JSONFormat.encoded(value), as: UTF8.self)
        }
        var metadata = [
            "fovea_version": Program.version,
            "architecture": model.architecture.rawValue,
            "classes": try json(model.classes),
            "class_labels": try json(model.titles),
            "labels": model.labels.rawValue,
            "thresholds": try json(model.thresholds ?? model.classes.map { _ in nil }),
            "image": try json(model.image),
            "calibrated": calibration == nil ? "false" : "true",
            "notice": "For research. Not a medical device.",
        ]
        metadata["other_images"] = model.otherImages.isEmpty ? nil : try json(model.otherImages)
        metadata["normal_class"] = model.normal.map { model.classes[$0] }
        metadata["weights_sha256"] = weights
        metadata["calibration_precision"] = calibration?.precision.rawValue
        metadata["operating_points"] = try calibration.map { try json($0.points) }
        return metadata
    }

    /// Writes the file.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a model of 2 GiB or more; of kind `storage`.
    public func write(to file: OutputFile) throws { try file.write { try graph.write($0) } }

    /// Whether `write` wrote a file, in this version of Fovea or an earlier one.
    public static func isOne(_ path: String) throws -> Bool {
        guard let file = FileHandle(forReadingAtPath: path) else { return false }
        defer { try? file.close() }
        return try file.read(upToCount: 9) == Data([8, UInt8(ONNXGraph.irVersion), 18, 5]) + Data("fovea".utf8)
    }
}

extension ModelExport {
    /// The script in the folder of a reference.
    public static let scriptName = "compare.py"

    /// Writes an input, what Fovea's own network makes of it, and a Python script that compares an ONNX file with it.
    ///
    /// - Parameter folder: one that is new or was empty: files of these names are replaced.
    /// - Throws: `FoveaError` of kind `storage`.
    public func writeReference(to folder: String) throws {
        try Folder.make(folder)
        let model = bundle.description
        let (count, side) = (Self.referenceImages, model.image.resolution)
        var random = SeededRandom(seed: 1)
        let one = model.pixelCount
        let pixels = (0..<count * one).map { _ in UInt8(random.index(below: 256)) }
        let predictor = try bundle.predictor(device: .cpu)
        let outputs = try predictor.outputs(pixels, count: count, resolution: side, withFeatures: true)
        let probabilities =
            try calibration?.probabilities(outputs.logits, of: model) ?? model.probabilities(outputs.logits)
        func write(_ data: Data, _ name: String) throws {
            try AtomicFile.write(data, to: PathName.joined(folder, name))
        }
        try write(NumPyFile.data(pixels, shape: [count] + model.pixelShape), "images.npy")
        for (name, values) in [
            ("logits", outputs.logits), ("probabilities", probabilities), ("features", outputs.features),
        ] {
            try write(NumPyFile.data(values, shape: [count, values.count / count]), name + ".npy")
        }
        let maps = try (0..<count).compactMap { image in
            try predictor.maps(
                Array(pixels[image * one..<(image + 1) * one]), resolution: side, classes: Array(model.classes.indices))
        }.filter(\.isExact)
        if let first = maps.first {
            let shape = [count, model.classes.count, first.rows, first.columns]
            try write(NumPyFile.data(maps.flatMap(\.values), shape: shape), "maps.npy")
        }
        try write(Data(Self.script.utf8), Self.scriptName)
    }

    private static let script = """
        \"""Compares an ONNX file with the values that Fovea computed: python compare.py model.onnx

        Needs numpy and onnxruntime.
        \"""
        import pathlib
        import sys

        import numpy
        import onnxruntime

        folder = pathlib.Path(__file__).parent
        session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
        names = [output.name for output in session.get_outputs()]
        images = numpy.load(folder / "images.npy")
        wrong = []
        for count in (1, len(images)):
            for name, values in zip(names, session.run(names, {"images": images[:count]})):
                case, expected = f"{name} of a batch of {count}", numpy.load(folder / f"{name}.npy")[:count]
                if values.shape != expected.shape:
                    sys.exit(f"{case}: the shape is {values.shape}, Fovea's {expected.shape}")
                print(f"{case}: largest difference {numpy.abs(values - expected).max():.1e}")
                if not numpy.allclose(values, expected, rtol=1e-4, atol=1e-4):  # also where one is NaN
                    wrong.append(case)
        if wrong:
            sys.exit("the file gives other values than Fovea: " + ", ".join(wrong))
        print("the file gives the same values as Fovea, to 1e-4 (1 + |value|)")

        """
}
