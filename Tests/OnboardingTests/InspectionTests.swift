import Basics
import Cohorts
import Execution
import Foundation
import FundusImaging
import Onboarding
import Reports
import RunTestSupport
import Settings
import TestSupport
import Testing
import Torch

struct DatasetInspectionTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        ProgressReporter.isSilent = true
        for k in 0..<6 { try folder.image(k == 5 ? 4 : k, to: "images/\(k).png") }
        let whole = try #require(FileManager.default.contents(atPath: folder.path + "/images/1.png"))
        try folder.write(whole.prefix(whole.count / 2), to: "images/1.png")
        try FileManager.default.removeItem(atPath: folder.path + "/images/2.png")
        try folder.write(
            "image,patient,split,A,B\n0,p,train,1,0\n1,p,val,0,1\n2,q,val,0,\n3,r,train,1,1\n4,s,train,0,0\n5,t,train,0,0\n",
            to: "labels.csv")
    }

    @Test func everyProblemIsFound() throws {
        let request = try DatasetInspection(table: folder.path + "/labels.csv", images: nil, attributes: nil)
        let found = try request.run(ExecutionContext(device: .cpu, threads: 2))
        #expect(found.images == 6)
        #expect(found.missing == [folder.path + "/images/2"])
        #expect(found.unreadable.map(\.image) == ["1"])
        #expect(found.duplicates == [["4", "5"]])
        #expect(found.patientConflicts.map(\.patient) == ["p"])
        let text = try request.text(found, for: Terminal())
        #expect(text.contains("1 unreadable image"))
        // The image's name stands in front, so the reason does not repeat its path.
        #expect(found.unreadable.first?.reason.contains(folder.path) == false)
        let json = try DatasetInspection.json(found)
        #expect(json.contains("\"labels_per_image\""))
        #expect(json.contains("\"patient_conflicts\""))
    }

    @Test(arguments: [true, false]) func exchangedEyesAreNamedUnderTheWindows(_ areExchanged: Bool) throws {
        let data = try SmallJob(in: folder.path).settings.data
        var table = try String(contentsOfFile: data.table, encoding: .utf8)
        if areExchanged {
            table = table.replacing(",left,", with: ",x,").replacing(",right,", with: ",left,")
                .replacing(",x,", with: ",right,")
        }
        let request = try DatasetInspection(
            table: folder.write(table, to: "eyes.csv"), images: data.images, attributes: nil)
        let text = try request.regionSheet(ExecutionContext(device: .cpu, threads: 2)).text
        #expect(text.contains("that of the table for"), "\(text)")
        #expect(text.contains("Warning: the eye that the table names") == areExchanged, "\(text)")
    }

    @Test func imagesInWhichNothingCanBeSeenAreMarked() throws {
        var detail = PixelImage(width: 40, height: 40, red: 90)
        detail.bytes[3 * 20 * 40] = 140
        let images = [
            "black": PixelImage(width: 40, height: 40, red: 9, green: 9, blue: 9),
            "white": PixelImage(width: 40, height: 40, red: 250, green: 250, blue: 250),
            "grey": PixelImage(width: 40, height: 40, red: 120, green: 120, blue: 120), "seen": detail,
        ]
        for (name, image) in images { try folder.write(image.png(), to: "plain/\(name).png") }
        let table = try folder.write(
            "image,A\n" + images.keys.sorted().map { $0 + ",1\n" }.joined(), to: "plain.csv")
        let request = try DatasetInspection(table: table, images: folder.path + "/plain", attributes: nil)
        let found = try request.run(ExecutionContext(device: .cpu, threads: 2))
        #expect(found.unreadable.isEmpty)
        #expect(found.featureless.map(\.image) == ["black", "grey", "white"])
        #expect(found.featureless.map(\.reason) == ["black", "of one colour", "white"])
        #expect(try request.text(found, for: Terminal()).contains("3 images in which nothing can be seen"))
        #expect(try DatasetInspection.json(found).contains("\"featureless\""))
    }

    @Test func rowsInNeitherPartAreToldOf() throws {
        try folder.write("image,split,A\n0,train,1\n3,val,1\n4,test,1\n5,,1\n", to: "parts.csv")
        var settings = RunSettings()
        settings.data.table = folder.path + "/parts.csv"
        settings.data.images = folder.path + "/images"
        settings.data.split.method = .column
        var request = DatasetInspection(settings)
        request.decodes = false
        let found = try request.run(ExecutionContext(device: .cpu, threads: 1))
        #expect(found.warnings.contains { $0.contains("2 photographs are in neither part of the split") })
    }

    /// What trains and validates stops a training; what a training leaves out does not, and is not said to be in order.
    @Test func findingsAreRankedByWhatTheyMeanForATraining() throws {
        try folder.write("image,split,A\n0,train,1\n3,train,0\n4,train,1\n5,val,1\n2,val,1\n", to: "parts.csv")
        var settings = RunSettings()
        settings.data.table = folder.path + "/parts.csv"
        settings.data.images = folder.path + "/images"
        settings.data.missing = .skip
        settings.data.split.method = .column
        let request = DatasetInspection(settings)
        let found = try request.run(ExecutionContext(device: .cpu, threads: 1))
        #expect(
            found.findings.map(\.rank) == [.stopsTraining, .weakensResults, .weakensResults, .note],
            "\(found.findings.map(\.text))")
        #expect(found.findings[0].text == "1 group of images with the same content that train and validate")
        #expect(found.findings[0].items == ["4 = 5"])
        #expect(found.findings[1].text == "4 images in which nothing can be seen")
        #expect(found.findings[2].text.hasPrefix("no patient column: "))
        #expect(found.findings[3].text == "1 row left out because its image does not exist (data.missing: skip)")
        let text = try request.text(found, for: Terminal())
        #expect(!text.contains("no missing images") && text.contains("✓ no unreadable images"))
        #expect(text.hasSuffix("\n1 finding stops fovea train, 2 make its results untrustworthy.\n"), "\(text)")
    }

    @Test func aQuickLookDecodesNothing() throws {
        var request = try DatasetInspection(table: folder.path + "/labels.csv", images: folder.path, attributes: nil)
        request.decodes = false
        let found = try request.run(ExecutionContext(device: .cpu, threads: 1))
        #expect(found.unreadable.isEmpty)
        #expect(try request.text(found, for: Terminal()).contains("unreadable images: not checked"))
    }

    @Test func aConfigurationBringsItsOwnData() throws {
        var settings = RunSettings()
        settings.data.table = folder.path + "/labels.csv"
        settings.data.images = folder.path + "/images"
        settings.data.missing = .skip
        settings.evaluation.many = 3
        settings.evaluation.medium = 2
        settings.distillation = DistillationSettings()
        settings.distillation?.grouping = "single"
        settings.data.split.method = .column
        let found = try DatasetInspection(settings).run(ExecutionContext(device: .cpu, threads: 1))
        #expect(found.images == 5)
        #expect(found.groupings.map(\.name) == ["shot", "single"])
        // Patient p trains and validates, so there is no split: all images count.
        #expect(found.warnings.first?.contains("no split can be made") == true)
        #expect(found.split == nil && found.classes.map(\.shot) == [.medium, .medium])
    }

    @Test func aConfigurationCountsWhatTrains() throws {
        try folder.write("image,split,A,B\n0,train,1,0\n1,val,1,1\n3,train,1,1\n4,train,0,0\n", to: "parts.csv")
        var settings = RunSettings()
        settings.data.table = folder.path + "/parts.csv"
        settings.data.images = folder.path + "/images"
        settings.data.split.method = .column
        settings.evaluation.many = 3
        settings.evaluation.medium = 2
        var request = DatasetInspection(settings)
        request.decodes = false
        let found = try request.run(ExecutionContext(device: .cpu, threads: 1))
        #expect(found.split?.training == 3 && found.split?.validation == 1)
        #expect(found.classes.map(\.positives) == [3, 2] && found.classes.map(\.training) == [2, 1])
        #expect(found.classes.map(\.shot) == [.medium, .few])
        #expect(found.groupings.first?.subsets.map(\.positives) == [2, 1])
        let text = try request.text(found, for: Terminal())
        #expect(text.contains("3 images train, 1 validate") && text.contains("training images per class"))
    }

    @Test func aFaultyClassIsNamedHoweverSmallTheTable() throws {
        try folder.write("image,A,B,device\n0,1,0,x\n3,2,1,y\n4,0,1,z\n", to: "small.csv")
        let error = foveaError {
            _ = try DatasetInspection(table: folder.path + "/small.csv", images: nil, attributes: nil)
                .run(ExecutionContext(device: .cpu, threads: 1))
        }
        #expect(error?.message.contains("small.csv:3, column \"A\": found \"2\"") == true)
    }

    @Test func photographsThatAreNowhereAreReported() throws {
        try folder.write("image,A\nx.png,1\n", to: "other.csv")
        let error = foveaError {
            _ = try DatasetInspection(table: folder.path + "/other.csv", images: nil, attributes: nil)
        }
        #expect(error?.remedy?.contains("--images") == true)
    }
}
