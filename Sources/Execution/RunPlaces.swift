import Basics
import Settings

extension RunSettings {
    /// The folder of its finished stages.
    package var stageFolder: String { stages ?? PathName.joined(output, "stages") }

    /// The folder of its decoded images.
    package var imageCacheFolder: String { cache ?? PathName.joined(ExecutionContext.userCache, "images") }
}
