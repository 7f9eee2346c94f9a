import Basics
import Cohorts
import Distillation
import FundusImaging
import Models
import Reports
import Settings
import Training

/// One thing that a run makes and the stage store keeps: a network, or what teachers say on all views of the training
/// images. A value that can be printed, counted and compared; `StageRunner` makes what it describes.
package struct StageSpec: Sendable {
    /// Its name in the plan, in messages and in `history.csv`, such as "teacher-disc".
    package typealias ID = String

    package enum Kind: Sendable {
        case network(NetworkRecipe)
        case bank(BankRecipe)
    }

    package let id: ID
    /// Its name in the store and in checkpoints. Stages with different keys may share it.
    package let storeName: String
    /// Its row in the table of costs, such as "teacher disc".
    package let label: String
    package let kind: Kind
    /// The stages that it needs, which stand before it in the plan.
    package let inputs: [ID]
    package let key: StageKey
    /// That of the key.
    package let digest: String
    package let work: Work

    init(id: ID, storeName: String, label: String, kind: Kind, inputs: [ID], key: StageKey, work: Work) {
        (self.id, self.storeName, self.label, self.kind) = (id, storeName, label, kind)
        (self.inputs, self.key, digest, self.work) = (inputs, key, key.digest, work)
    }

    /// How the images are made that it sees.
    var image: ImageSettings {
        switch kind {
        case .network(let recipe): recipe.image
        case .bank(let recipe): recipe.image
        }
    }

    /// The name of what is kept of its training, in the store and among checkpoints.
    package var folderName: String { storeName + "-" + digest.prefix(16) }

    /// What a stage will cost, before anything is decoded.
    package struct Work: Sendable, Equatable {
        /// Images that pass forward and backward.
        package var images = 0
        /// Images that pass forward only: views of teachers, and what a head alone is trained on.
        package var views = 0
        /// Passes of its training; 0 where nothing is trained.
        package var epochs = 0
        /// Steps of its training.
        package var steps = 0
        /// The pixels of an image, relative to those of the run's own.
        package var scale = 1.0

        package init(images: Int = 0, views: Int = 0, epochs: Int = 0, steps: Int = 0, scale: Double = 1) {
            (self.images, self.views, self.epochs) = (images, views, epochs)
            (self.steps, self.scale) = (steps, scale)
        }

        /// In images trained on, of the run's own size.
        package var total: Double { scale * CostTable.work(images: Double(images), views: Double(views)) }
    }
}

/// How a network is made.
package struct NetworkRecipe: Sendable {
    /// The network as it begins.
    enum Start: Sendable {
        /// With random or given weights and a new head, whose biases follow the labels of `rows`.
        case fresh(seedName: String, rows: [Int])
        /// Where another stage ended, with the rows of its head that the columns need.
        case continued(StageSpec.ID)
        /// Another stage's network, whose head alone changes.
        case secondStage(of: StageSpec.ID)
    }

    /// What it minimises.
    enum Objective: Sendable {
        /// The technique's loss on the labels.
        case labels
        /// That loss, and the distance to teachers.
        case distillation(DistillationRecipe)
    }

    /// Loss, sampler, second stage.
    var technique: TechniqueSettings
    /// How its images are made.
    var image: ImageSettings
    /// Windows that it sees too, each with a head of its own.
    var regions: [ModelRegion] = []
    var plan: TrainingPlan
    /// The rows whose labels decide loss and sampler.
    var rows: [Int]
    /// The classes that it learns.
    var columns: [Int]
    /// The rows of each epoch, where they change; nil: always `rows`.
    var task: SubsetTask?
    /// Which of the teachers it is, such as "2 of 5"; nil for other networks.
    var teacherPlace: String?
    var start: Start
    var objective = Objective.labels

    /// Whether what it sees depends on the eye.
    var seesSides: Bool { image.window != nil || !regions.isEmpty }
    /// The images that it sees of a photograph.
    var imageCount: Int { 1 + regions.count }
    /// Whether it is the second stage of a technique.
    var isSecondStage: Bool { if case .secondStage = start { true } else { false } }
    /// The teachers whose features are distilled, each with a projection that is trained with the network.
    var projectionCount: Int {
        guard case .distillation(let recipe) = objective, recipe.distillsFeatures, !isSecondStage else { return 0 }
        return recipe.teachers.count
    }
}

/// What a student learns from its teachers.
package struct DistillationRecipe: Sendable {
    var settings: DistillationSettings
    var subsets: SubsetPlan
    /// The teachers, in the order of the subsets.
    var teachers: [StageSpec.ID]
    /// How the images of each are made.
    var teacherImages: [ImageSettings]
    /// The plain model that is measured beside them on the inner split.
    var reference: StageSpec.ID
    /// Where their outputs are kept; nil: they are queried batch by batch, about images as the student sees them.
    var banks: [StageSpec.ID]?

    var distillsFeatures: Bool { settings.featureLambda > 0 }
}

/// How a view bank is made: one teacher's outputs, or those of several that share a trunk, on all views of some rows.
package struct BankRecipe: Sendable {
    /// For messages.
    var name: String
    /// In the order of the bank's columns.
    var teachers: [StageSpec.ID]
    /// How their images are made.
    var image: ImageSettings
    /// The number of columns.
    var columnCount: Int
    var rows: [Int]
    var views: Int
    /// Whether pooled features are kept with the logits.
    var keepsFeatures: Bool
    /// The plan whose augmentation, seed and precision decide the views.
    var plan: TrainingPlan
}
