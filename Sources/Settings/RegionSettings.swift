import Basics
import Cohorts
import ConfigurationFile
import FundusImaging
import Models

/// Where in an eye the regions of an attribute lie: a teacher of a region sees its window, cut from the original photograph.
public struct RegionSettings: Sendable, Equatable {
    /// What teachers of classes without a window see.
    public enum Others: String, Sendable, CaseIterable {
        /// Stop: each teacher is to have a window.
        case fail
        /// The whole image.
        case whole
        /// Nothing: there is no such teacher.
        case skip
    }

    /// The attribute whose values the windows are of.
    public var attribute = "region"
    /// A window for each value that has one.
    public var windows = RegionWindow.standard
    /// What other teachers see.
    public var others = Others.fail
    /// Whether plain model and student see the windows too, each with a head of its own on the same trunk.
    public var shared = false

    /// The defaults.
    public init() {}

    /// The window that a teacher sees, by the name of its subset, which ends in the value of the attribute; nil for none.
    package func window(of subset: String) -> ImageWindow? {
        windows.first { window in
            let name = "\(attribute)-\(window.region)"
            return subset == name || subset == "random-" + name
        }?.area
    }

    /// The windows exchanged in a ring, so that no region has its own; that of a single one is mirrored.
    package var wrong: RegionSettings {
        var wrong = self
        for (index, window) in windows.enumerated() {
            wrong.windows[index].area =
                windows.count == 1
                ? window.area.on(.right) : windows[(index + 1) % windows.count].area
        }
        return wrong
    }

    /// The windows as those of one network, each with the classes of its region; none where they are for teachers alone.
    ///
    /// - Parameter classes: those that are learnt.
    /// - Throws: `FoveaError` of kind `configuration` for a region that the attribute does not have, or without a class.
    package func sharedRegions(_ classes: [String], _ attributes: ClassAttributes?) throws -> [ModelRegion] {
        guard shared else { return [] }
        try requireValues(of: attributes)
        return try windows.enumerated().map { index, window in
            let own = classes.filter { attributes?[$0]?.values[attribute]?.contains(window.region) ?? false }
            guard !own.isEmpty else {
                throw FoveaError(
                    .configuration,
                    "regions.windows[\(index)].region is \"\(window.region)\", and no class that is learnt is of it",
                    remedy: "Leave the window out.")
            }
            return ModelRegion(name: window.region, window: window.area, classes: own)
        }
    }

    private func requireValues(of attributes: ClassAttributes?) throws {
        let values = attributes?.values(of: attribute) ?? []
        for (index, window) in windows.enumerated() where !values.contains(window.region) {
            throw FoveaError(
                .configuration,
                "regions.windows[\(index)].region is \"\(window.region)\", which is not a value of the attribute "
                    + attribute,
                remedy: values.isEmpty
                    ? "No class has this attribute: name the attribute file in data.attributes."
                    : FoveaError.suggestion(for: window.region, among: values))
        }
    }

    /// The subsets of a grouping whose teachers see something.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for a region that the attribute does not have, and for a teacher
    ///   without a window where that is not allowed.
    package func served(_ grouping: Grouping, by attributes: ClassAttributes?) throws -> Grouping {
        try requireValues(of: attributes)
        let unserved = grouping.subsets.filter { window(of: $0.name) == nil }
        guard !unserved.isEmpty, others != .whole else { return grouping }
        let names = Pluralization.listing(unserved.map(\.name))
        guard others == .skip else {
            throw FoveaError(
                .configuration, "regions.windows has no window for the teachers of \(names)",
                remedy: "Give each region a window, or set regions.others to whole (they see the whole image) or skip "
                    + "(no such teachers).")
        }
        guard unserved.count < grouping.subsets.count else {
            throw FoveaError(
                .configuration,
                "regions.others is skip, but no teacher of the grouping \(grouping.name) has a window",
                remedy: "Group by \(attribute), or set distillation or regions to null.")
        }
        return try Grouping(
            name: grouping.name, subsets: grouping.subsets.filter { window(of: $0.name) != nil },
            notes: grouping.notes + ["no teachers of \(names): they have no window (regions.others: skip)"])
    }
}

/// The window of one region.
public struct RegionWindow: Sendable, Equatable {
    /// The value of the attribute.
    public var region = ""
    /// Where it lies.
    public var area = ImageWindow()

    /// The defaults.
    public init() {}

    init(_ region: String, x: Double, y: Double) {
        self.region = region
        area = ImageWindow(x: x, y: y, halfSide: 0.25)
    }

    /// Where disc and macula of ODIR-5K lie (docs/method.md). The disc's mean is x .246: its window is moved by .004, so that
    /// it lies in the image.
    static let standard = [
        RegionWindow("disc", x: 0.25, y: 0.475), RegionWindow("macula", x: 0.631, y: 0.519),
    ]
}

extension RegionSettings: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("attribute", \.attribute, .text, "The attribute whose values have windows"),
        Field("windows", \.windows, .list(.section, count: 1...100), "A window for each value that has one"),
        Field("others", \.others, .choice, "Teachers without a window: an error, the whole image, or no such teacher"),
        Field(
            "shared", \.shared, .flag,
            "Plain model and student see the windows too, each with a head for its classes on the same trunk"),
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws {
        var seen = Set<String>()
        for window in windows where !seen.insert(window.region).inserted {
            throw FoveaError(
                .configuration, "windows has the region \"\(window.region)\" twice", remedy: "Keep one window of it.")
        }
    }
}

extension RegionWindow: ConfigurationSection {
    /// The keys, in the order in which they are written.
    public static let fields: [Field<Self>] = [
        Field("region", \.region, .text, required: true, "The value of the attribute"),
        Field("x", \.area.x, .number(0...1), required: true, "Centre, from the left of a left eye's image of side 1"),
        Field("y", \.area.y, .number(0...1), required: true, "Centre, from the top"),
        Field(
            "half_side", \.area.halfSide, .number(ImageWindow.halfSides), required: true,
            "Half of the window's side, of the image's"),
    ]

    /// Checks what one key alone cannot know.
    public func validate() throws { try area.validate() }
}

extension Cohort {
    /// The eye of some photographs, as the table has it; nil where its cell is empty.
    ///
    /// - Throws: `FoveaError` of kind `data` that names an image with anything else.
    package func eyeSides(rows: [Int]? = nil) throws -> [EyeSide?] {
        try (rows ?? Array(photographs.indices)).map { row in
            guard let eye = photographs[row].eye else { return nil }
            guard let side = EyeSide(rawValue: eye.lowercased()) else {
                throw FoveaError(
                    .data, at: FilePlace(source),
                    "the image \"\(photographs[row].image)\" has the eye \"\(eye)\"; where regions have windows, left, "
                        + "right and an empty cell are allowed",
                    remedy: "Correct the cell; where it is empty, the side is estimated from the photograph.")
            }
            return side
        }
    }
}
