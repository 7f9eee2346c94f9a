import Basics
import Foundation
import RunFiles
import Training

extension RunFolder {
    /// Removes what a process that has ended had begun to write here, and in `store`. Called once the run is accepted.
    ///
    /// The lock says that no other process works here. Files whose names Fovea does not give stay.
    public func removeLeftOver(_ store: StageStore) {
        let own = Self.early + [RunSplit.name, Self.calibrationName] + Self.late + Self.pageNames
        PartialFile.removeLeftOver(in: path, isOwn: own.contains)
        PartialFile.removeLeftOver(in: file("plain"), isOwn: Self.late.contains)
        PartialFile.removeLeftOver(in: file("plots")) { $0.hasSuffix(".svg") }
        for folder in ["checkpoints", "nonfinite"] {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: file(folder))) ?? []
            where StageFolder.isStage(name) {
                Checkpoints.removeLeftOver(in: PathName.joined(file(folder), name))
            }
        }
        store.removeLeftOver()
    }
}
