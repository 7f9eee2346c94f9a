import Settings

extension RunSettings {
    /// The folder of its finished stages.
    package var stageFolder: String { stages ?? output + "/stages" }

    /// The folder of its decoded images.
    package var imageCacheFolder: String { cache ?? ExecutionContext.userCache + "/images" }
}
