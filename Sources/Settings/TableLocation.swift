import Basics
import Foundation
import FundusImaging

extension DataSettings {
    /// The data of one label table.
    ///
    /// - Parameters:
    ///   - images: the folder of its photographs, or one above it; nil to look for them around the table.
    ///   - attributes: a YAML file of class attributes.
    /// - Throws: `FoveaError` of kind `data` when the table cannot be read or its photographs are not found.
    package init(table: String, images: String?, attributes: String? = nil) throws {
        self.init()
        let above = PathName.folder(of: table)
        let folder = images ?? (above.isEmpty ? "." : above)
        let survey = try SurveyedTable(path: table, name: PathName.last(of: table))
        let place = survey.place(in: try FolderListing(folder))
        guard place.found > 0 || images != nil else {
            throw FoveaError(
                .data, "no photograph that \(table) names was found in \(folder)",
                remedy: "Say where they are: --images FOLDER.")
        }
        let found = place.folder.isEmpty ? folder : PathName.joined(folder, place.folder)
        tables = [TableSettings(path: table, images: found, pattern: place.pattern)]
        self.attributes = attributes
        if attributes == nil, !survey.others.isEmpty { classes = survey.labels }
    }
}
