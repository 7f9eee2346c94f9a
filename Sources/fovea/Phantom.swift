import ArgumentParser
import Basics
import Execution
import Foundation
import Phantoms

/// `fovea phantoms`: drawn photographs with known findings.
struct Phantom: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "phantoms", abstract: "Draws fundus phantoms with known findings, a label table and attributes.")

    @Argument(help: "The folder to fill.")
    var folder: String

    @Option(help: "Patients, two eyes each, that train.")
    var training = PhantomSettings().trainingPatients

    @Option(help: "Patients that validate.")
    var validation = PhantomSettings().validationPatients

    @Option(help: "Eyes with each finding that validate at least.")
    var positives = PhantomSettings().minimumValidationPositives

    @Option(help: "Side of an image in pixels.")
    var side = PhantomSettings().side

    @Option(help: "The seed of everything drawn.")
    var seed: UInt64 = PhantomSettings().seed

    @Flag(
        help:
            "Leave the findings out of the images but not out of the labels: a check that nothing else reveals the labels."
    )
    var withoutFindings = false

    @OptionGroup var common: CommonOptions

    func validate() throws {
        do {
            try settings.validate()
        } catch let error as FoveaError {
            throw ValidationError(error.message)
        }
    }

    private var settings: PhantomSettings {
        var settings = PhantomSettings()
        settings.trainingPatients = training
        settings.validationPatients = validation
        settings.minimumValidationPositives = positives
        settings.side = side
        settings.seed = seed
        settings.drawFindings = !withoutFindings
        return settings
    }

    func run() throws {
        let context = try common.context()
        let dataset = try PhantomDataset(settings, folder: folder)
        let drawn = try dataset.draw(
            threads: context.threads, shouldStop: context.shouldStop)
        try show("\(folder): \(Pluralization.count(drawn, "image")) drawn, labels in \(dataset.labels)")
    }
}
