import Basics
import Execution
import Foundation
import FundusImaging
import Models
import Reports

/// What the page shows of an image: a small copy, and over it what the model looked at.
final class MistakeViews {
    /// Of one image and class; nil for what cannot be shown.
    typealias View = (thumbnail: Data?, map: ModelReport.Map?)

    /// The longer side of a small copy.
    private static let side = 160
    private static let quality = 80

    private let model: InferenceModel?
    /// Why there are no maps; nil where there are.
    private(set) var mapsMissing: String?

    /// Without the weights that made the predictions there are no maps, but a page.
    init(model folder: String, _ context: ExecutionContext) {
        do {
            model = try InferenceModel(folder, readsCalibration: false, context)
        } catch {
            model = nil
            mapsMissing = error.problem
        }
    }

    /// - Parameter hash: what the image held when the run was made; another one is not shown.
    func view(_ path: String, hash: String?, class column: Int) -> View {
        guard let file = try? ImageFile(path: path), Digest.sha256(file.bytes) == hash,
            let small = try? file.decode(side: Self.side), let thumbnail = try? small.jpeg(quality: Self.quality)
        else { return (nil, nil) }
        return (thumbnail, map(of: file, over: small, class: column))
    }

    private func map(of file: ImageFile, over small: PixelImage, class column: Int) -> ModelReport.Map? {
        guard let model, mapsMissing == nil else { return nil }
        do {
            let prepared = try FundusReader.prepare(
                file, settings: model.description.image, others: model.description.otherImages, withQuality: true)
            let maps = try model.maps(prepared.bytes, classes: [column])
            let place = prepared.coverage
            return ModelReport.Map(
                rows: maps.rows, columns: maps.columns, values: maps.map(0), exact: maps.isExact, coarse: maps.isCoarse,
                left: place.left, top: place.top, width: place.width, height: place.height,
                overlay: try MapOverlay(maps, 0, of: prepared).drawn(over: small).jpeg(quality: Self.quality))
        } catch {
            mapsMissing = error.problem
            return nil
        }
    }
}
