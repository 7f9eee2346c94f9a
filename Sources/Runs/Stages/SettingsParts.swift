import Models
import Settings
import Training

// What the trainer gets for the settings of a technique and a network.

extension TechniqueSettings {
    /// The same for the trainer; nil for none. mixup's alpha is 0.2, one of those of its paper for ImageNet; CutMix's is 1.
    var mixer: Mixing? {
        switch mixing {
        case .none: nil
        case .mixup: .mixup(alpha: mixingAlpha ?? 0.2)
        case .cutmix: .cutmix(alpha: mixingAlpha ?? 1)
        }
    }
}

extension SecondStageSettings {
    /// The same for the trainer; nil for none.
    func make(_ bias: HeadBias, _ labels: ModelDescription.LabelKind) -> (any SecondStage)? {
        switch name {
        case .none: nil
        case .retraining: ClassifierRetraining(bias: bias)
        case .scaling: LearnableWeightScaling()
        case .tau: TauNormalization(tau: tau, keepsBias: labels == .multi)
        }
    }
}

extension ModelSettings {
    /// The same for the trainer.
    var bias: HeadBias { headBias.map(HeadBias.constant) ?? .prevalence }
}
