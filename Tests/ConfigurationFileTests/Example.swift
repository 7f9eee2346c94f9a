import Basics
import ConfigurationFile
import TestSupport

/// A configuration with a field of every kind.
struct Example: ConfigurationSection, Equatable {
    var name = "run"
    var seed: UInt64 = 1
    var data = Table()
    var training = Training()
    var distillation: Distillation?
    var techniques: [Technique] = []

    static let fields: [Field<Self>] = [
        Field("name", \.name, .text, "What the run is called"),
        Field("seed", \.seed, .integer(0...), "Decides every draw"),
        Field("data", \.data, .section, "The photographs"),
        Field("training", \.training, .section, "How the networks learn"),
        Field("distillation", \.distillation, .optional(.section), "Teachers and their student; null for none"),
        Field("techniques", \.techniques, .list(.section, count: 0...3), "What is compared"),
    ]
}

struct Table: ConfigurationSection, Equatable {
    var labels = "labels.csv"
    var attributes: String?
    var classes: [String] = []

    static let fields: [Field<Self>] = [
        Field("labels", \.labels, .path, "The label table"),
        Field("attributes", \.attributes, .optional(.path), "The attributes of the classes"),
        Field("classes", \.classes, .list(.text), "The classes in use; [] for all"),
    ]
}

struct Training: ConfigurationSection, Equatable {
    var epochs = 10
    var warmUp = 0
    var rate = 1e-3
    var decay: Float = 0.01
    var flips = true
    var optimiser = Optimiser.adamW
    var milestones: [Int] = []
    var clip: Double? = 1
    var device = "gpu:0"

    static let fields: [Field<Self>] = [
        Field("epochs", \.epochs, .integer(1...10_000), "Passes over the training images"),
        Field("warm_up", \.warmUp, .integer(0...10_000), "Epochs of rising rate"),
        Field("rate", \.rate, .number(above: 0, through: 1), "Learning rate"),
        Field("decay", \.decay, .number(0...1), "Weight decay"),
        Field("flips", \.flips, .flag, "Flip photographs | half of them"),
        Field("optimiser", \.optimiser, .choice, "Optimiser"),
        Field("milestones", \.milestones, .list(.integer(1...)), "Epochs after which the rate falls"),
        Field("clip", \.clip, .optional(.number(above: 0)), "Largest gradient norm; null for any"),
        Field("device", \.device, .text, "Device"),
    ]

    func validate() throws {
        guard warmUp < epochs else {
            throw FoveaError(.configuration, "warm_up (\(warmUp)) must be less than epochs (\(epochs))")
        }
    }
}

enum Optimiser: String, CaseIterable, Sendable { case sgd, adamW = "adamw" }

struct Distillation: ConfigurationSection, Equatable {
    var weight = 1.0
    var temperature = 2.0
    var training = Training()

    static let fields: [Field<Self>] = [
        Field("weight", \.weight, .number(from: 0), "Weight of the distillation loss"),
        Field("temperature", \.temperature, .number(from: 1, below: 100), "Softens both sides"),
        Field("training", \.training, .section, "How the teachers learn"),
    ]
}

struct Technique: ConfigurationSection, Equatable {
    var id = ""
    var power = 0.5

    static let fields: [Field<Self>] = [
        Field("id", \.id, .text, required: true, "Its name"),
        Field("power", \.power, .number(), "Exponent"),
    ]
}

func read(_ yaml: String, _ settings: String..., environment: [String: String] = [:]) throws -> Example {
    try ConfigurationReader.read(
        Example.self, yaml: yaml, source: "a.yaml", settings: settings, environment: environment)
}

/// The error that a text causes; nil without one.
func refusal(_ yaml: String, _ settings: String..., environment: [String: String] = [:]) -> FoveaError? {
    foveaError {
        _ = try ConfigurationReader.read(
            Example.self, yaml: yaml, source: "a.yaml", settings: settings, environment: environment)
    }
}

/// Its message; "none" without one.
func message(_ yaml: String, _ settings: String..., environment: [String: String] = [:]) -> String {
    do {
        _ = try ConfigurationReader.read(
            Example.self, yaml: yaml, source: "a.yaml", settings: settings, environment: environment)
        return "none"
    } catch let error as FoveaError {
        return error.kind == .configuration ? error.message : "another kind of error: \(error)"
    } catch {
        return "another error: \(error)"
    }
}
