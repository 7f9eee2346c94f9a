import Basics
import Execution
import Logging
import RunFiles

/// Photographs that may be worth labelling: not those in the table of the model's run, and each content once.
struct UnlabelledImages {
    let images: [NamedImage]

    /// Compares the files' contents; those that cannot be read stay.
    ///
    /// - Throws: `FoveaError` of kind `data` where nothing is left; `CancellationError` when stopped.
    init(_ all: [NamedImage], model folder: String, _ context: ExecutionContext) throws {
        let record = try RunRecord.find(for: folder)
        if record == nil {
            context.logger.warning(
                "\(folder) is not the folder of a run with a \(RunSplit.name), so images that are labelled already may be "
                    + "suggested")
        }
        let labelled = Set(record?.split.entries.compactMap(\.sha256) ?? [])
        let contents = try mapInParallel(all.count, threads: context.threads, shouldStop: context.shouldStop) {
            try? Digest.sha256(fileAt: all[$0].path)
        }
        var seen = Set<String>()
        var (known, repeated) = (0, 0)
        images = zip(all, contents).compactMap { image, content in
            guard let content else { return image }
            if labelled.contains(content) {
                known += 1
            } else if seen.insert(content).inserted {
                return image
            } else {
                repeated += 1
            }
            return nil
        }
        if known > 0 {
            context.logger.info(
                "\(Pluralization.count(known, "image is", "images are")) in the table of the model's run, and left out")
        }
        if repeated > 0 {
            context.logger.info(
                "\(Pluralization.count(repeated, "image has", "images have")) the content of another one, and left out")
        }
        guard !images.isEmpty else {
            throw FoveaError(
                .data, "all \(all.count) images are in the table of the model's run: none is left to label",
                remedy: "Name photographs that are not labelled yet.")
        }
    }
}
