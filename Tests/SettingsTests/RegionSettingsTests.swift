import Basics
import Cohorts
import ConfigurationFile
import FundusImaging
import Settings
import TestSupport
import Testing

@Suite struct RegionSettingsTests {
    private static func read(_ yaml: String) throws -> RunSettings {
        try ConfigurationReader.read(RunSettings.self, yaml: yaml, source: "test.yaml", environment: [:])
    }

    private static func refusal(_ yaml: String) -> String {
        do {
            _ = try read(yaml)
            return ""
        } catch {
            return error.onOneLine
        }
    }

    /// Classes a and b of the disc, c of the macula, d of the vessels.
    private static func grouping(_ text: String = "region") throws -> (Grouping, ClassAttributes) {
        let attributes = try ClassAttributes(
            yaml: """
                classes:
                  - {id: a, region: [disc]}
                  - {id: b, region: [disc]}
                  - {id: c, region: [macula]}
                  - {id: d, region: [vessels]}
                """, source: "attributes.yaml")
        let grouping = try Grouping.make(
            text, classes: ["a", "b", "c", "d"], counts: [9, 9, 9, 9], attributes: attributes)
        return (grouping, attributes)
    }

    @Test func theStandardWindowsAreThoseOfDiscAndMacula() throws {
        let regions = try #require(try Self.read("regions: {}").regions)
        #expect(regions.window(of: "region-disc") == ImageWindow(x: 0.25, y: 0.475, halfSide: 0.25))
        #expect(regions.window(of: "random-region-macula") == ImageWindow(x: 0.631, y: 0.519, halfSide: 0.25))
        #expect(regions.window(of: "shot-disc") == nil && regions.window(of: "region-vessels") == nil)
        #expect(try Self.read("regions: null").regions == nil && Self.read("").regions == nil)
        for window in regions.windows { #expect(throws: Never.self) { try window.area.validate() } }
    }

    @Test func aTeacherSeesItsWindowAtItsResolution() throws {
        let settings = try Self.read(
            "image: {resolution: 64, crop: none}\n"
                + "distillation: {teachers: {image: {resolution: 96, crop: none, local_contrast: true}}}\nregions: {}")
        let image = settings.teacherImage(of: "region-disc")
        #expect(image.resolution == 96 && image.localContrast && image.window?.x == 0.25)
        #expect(settings.teacherImage(of: "region-vessels").window == nil)
        #expect(
            try Self.read("image: {resolution: 64}").teacherImage(of: "region-disc")
                == settings.image.with(.fieldOfView))
    }

    @Test(arguments: [
        ("regions: {windows: [{region: disc, x: 0.2, y: 0.5, half_side: 0.25}]}", "regions.windows[0]", "x is 0.2"),
        ("regions: {windows: [{region: disc, x: 0.5, y: 0.5, half_side: 0.6}]}", "half_side", "0.6"),
        ("regions: {windows: [{region: disc}]}", "regions.windows[0].x", "is missing"),
        ("regions: {windows: []}", "regions.windows", "a list of 1 to 100"),
        (
            "regions: {windows: [{region: d, x: 0.5, y: 0.5, half_side: 0.5}, {region: d, x: 0.5, y: 0.5, half_side: 0.4}]}",
            "regions", "the region \"d\" twice"
        ),
        ("regions: {others: none}", "regions.others", "fail, whole, skip"),
        ("regions: {}\ndistillation: {}\ntechnique: {mixing: mixup}", "regions", "technique.mixing is mixup"),
        (
            "distillation: {teachers: {image: {resolution: 64}}}\ntechnique: {mixing: mixup}",
            "distillation.teachers.image", "technique.mixing is mixup"
        ),
        ("distillation: {student: none}\ndata: {labels: single}", "distillation.student is none", "softmax"),
        (
            "image: {resolution: 2048}\nregions: {windows: [{region: d, x: 0.5, y: 0.5, half_side: 0.2}]}\ndistillation: {}",
            "half_side 0.2", "an image of 5120 pixels"
        ),
    ])
    func whatCannotBeIsRefused(yaml: String, place: String, words: String) {
        let message = Self.refusal(yaml)
        #expect(message.contains(place) && message.contains(words), "\(message)")
    }

    @Test func teachersWithoutAWindowAreAnErrorOrSeeTheWholeImageOrAreNotThere() throws {
        let (grouping, attributes) = try Self.grouping()
        var regions = RegionSettings()
        let error = try #require(throws: FoveaError.self) { try regions.served(grouping, by: attributes) }
        #expect(error.kind == .configuration && error.message.contains("no window for the teachers of region-vessels"))
        #expect(error.remedy?.contains("regions.others") == true)
        regions.others = .whole
        #expect(try regions.served(grouping, by: attributes) == grouping)
        regions.others = .skip
        let served = try regions.served(grouping, by: attributes)
        #expect(served.subsets.map(\.name) == ["region-disc", "region-macula"])
        #expect(served.notes.last?.contains("region-vessels") == true)
        let shots = try Grouping.make("shot", classes: ["a", "b", "c", "d"], counts: [9, 9, 9, 9])
        let none = try #require(throws: FoveaError.self) { try regions.served(shots, by: attributes) }
        #expect(none.message.contains("no teacher of the grouping shot has a window"))
    }

    @Test func aRegionThatTheAttributeDoesNotHaveIsNamed() throws {
        let (grouping, attributes) = try Self.grouping()
        var regions = RegionSettings()
        regions.windows[1].region = "makula"
        let error = try #require(throws: FoveaError.self) { try regions.served(grouping, by: attributes) }
        #expect(error.message.contains("regions.windows[1].region is \"makula\""))
        #expect(error.remedy?.contains("macula") == true)
        let without = try #require(throws: FoveaError.self) { try regions.served(grouping, by: nil) }
        #expect(without.remedy?.contains("data.attributes") == true)
    }

    @Test func wrongWindowsAreThoseOfOtherRegions() throws {
        let regions = RegionSettings()
        let wrong = regions.wrong
        #expect(wrong.window(of: "region-disc") == regions.window(of: "region-macula"))
        #expect(wrong.window(of: "region-macula") == regions.window(of: "region-disc"))
        var one = regions
        one.windows = [regions.windows[1]]
        #expect(one.wrong.window(of: "region-macula") == ImageWindow(x: 1 - 0.631, y: 0.519, halfSide: 0.25))
    }

    @Test func eyesAreLeftRightOrUnknown() throws {
        func cohort(_ eyes: [String?]) throws -> Cohort {
            try Cohort(
                classes: ["a"],
                photographs: eyes.enumerated().map { Photograph(image: "\($0).jpg", path: "\($0).jpg", eye: $1) },
                labels: eyes.map { _ in 1 }, source: "labels.csv")
        }
        #expect(try cohort(["left", nil, "Right"]).eyeSides() == [.left, nil, .right])
        #expect(try cohort(["left", nil, "Right"]).eyeSides(rows: [2]) == [.right])
        let error = try #require(throws: FoveaError.self) { try cohort(["left", "both"]).eyeSides() }
        #expect(error.kind == .data && error.place?.path == "labels.csv")
        #expect(error.message.contains("the image \"1.jpg\" has the eye \"both\"") && error.remedy != nil)
    }
}

extension ImageSettings {
    fileprivate func with(_ crop: Crop) -> ImageSettings {
        var image = self
        image.crop = crop
        return image
    }
}
