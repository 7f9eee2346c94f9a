import Backbones
import Basics
import Cohorts
import ConfigurationFile
import Foundation
import FundusImaging
import Models
import Onboarding
import Reports
import RunFiles
import RunTestSupport
import Settings
import TestSupport
import Testing
import Torch
import Weights

struct FirstConfigurationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ first: FirstConfiguration) throws -> RunSettings {
        try ConfigurationReader.read(RunSettings.self, yaml: first.yaml, source: "fovea.yaml", environment: [:])
    }

    /// 40 photographs of 20 patients, 8 folds; class A in every second image, B in every fifth.
    private func plainFolder() throws {
        var table = "image,patient,fold,A,B,device\n"
        for k in 0..<40 {
            try folder.image(k, to: "data/photos/\(k).png", width: 60, height: 40)
            table += "\(k),p\(k / 2),\(k / 2 % 8),\(k % 2),\(k % 5 == 0 ? 1 : 0),camera \(k % 3)\n"
        }
        try folder.write(table, to: "data/labels.csv")
    }

    @Test func plainFolderIsUnderstood() throws {
        try plainFolder()
        try folder.write("classes: [{id: A, region: [disc]}, {id: B, region: [macula]}]", to: "data/what.yaml")
        try folder.write("seed: 3", to: "data/other.yaml")
        let first = try FirstConfiguration(folder: folder.path + "/data/")
        let settings = first.settings
        #expect(settings.data.table == folder.path + "/data/labels.csv")
        #expect(settings.data.images == folder.path + "/data/photos")
        #expect(settings.data.attributes == folder.path + "/data/what.yaml")
        #expect(settings.data.classes.isEmpty)
        #expect(settings.data.split.method == .fold)
        #expect(settings.data.split.validationFolds == [0])
        #expect(settings.image.resolution == 32)
        #expect(settings.image.crop == .fieldOfView)
        #expect(settings.distillation?.grouping == "region")
        #expect(settings.model.weights == nil)
        #expect(settings.output == "runs/data")
        let text = first.text(for: .init(), writtenTo: "my data.yaml")
        #expect(text.contains("\n  fovea train 'my data.yaml'\n"), "\(text)")
        #expect(text.contains("\n  fovea predict runs/data PHOTOGRAPH\n"), "\(text)")
        #expect(try read(first) == settings)
        let (cohort, attributes) = try settings.data.readCohort()
        #expect(cohort.count == 40)
        #expect(attributes?.axes == ["region"])
    }

    @Test(
        arguments: [
            (["fc_norm.weight"], 192, Architecture.vitTinyMean), ([], 384, .vitSmall),
            (["mask_token"], 768, .vitBaseMean),
            (["blocks.0.ls1.gamma"], 384, nil), ([], 1280, nil),
        ] as [([String], Int, Architecture?)])
    func weightsOfATransformerAreRecognised(more: [String], width: Int, architecture: Architecture?) throws {
        try plainFolder()
        var sources = try more.map { try Tensor.zeros([2]).source(named: "model." + $0) }
        sources.append(try Tensor.zeros([width, 3, 16, 16]).source(named: "model.patch_embed.proj.weight"))
        try SafetensorsWriter.write(sources, to: folder.path + "/data/weights.safetensors")
        let first = try FirstConfiguration(folder: folder.path)
        #expect(first.settings.model.architecture == architecture ?? RunSettings().model.architecture)
        #expect((first.settings.model.weights == nil) == (architecture == nil))
    }

    @Test func columnsOfTextAreNoClasses() throws {
        try plainFolder()
        let first = try FirstConfiguration(folder: folder.path)
        #expect(first.settings.data.classes == ["A", "B"])
        #expect(first.findings.contains { $0.text.contains("device") })
        #expect(try first.settings.data.readCohort().cohort.classes == ["A", "B"])
    }

    @Test func controlCharactersOfAFolderDoNotReachTheFile() throws {
        for k in 0..<3 { try folder.image(k, to: "a\u{1B}[31m/\(k).png") }
        try folder.write("image,A,B\n0.png,1,0\n1.png,0,1\n2.png,0,1\n", to: "a\u{1B}[31m/t.csv")
        let first = try FirstConfiguration(folder: folder.path + "/a\u{1B}[31m")
        #expect(!first.yaml.contains("\u{1B}"))
        let read = try ConfigurationReader.read(RunSettings.self, yaml: first.yaml, source: "c.yaml")
        #expect(read.output == "runs/a_[31m" && read.data == first.settings.data)
    }

    @Test func aFaultyClassIsNamedHoweverSmallTheTable() throws {
        for k in 0..<3 { try folder.image(k, to: "\(k).png") }
        try folder.write("image,id,A,B\n0.png,17,1,0\n1.png,18,0,maybe\n2.png,19,0,1\n", to: "t.csv")
        let error = foveaError { _ = try FirstConfiguration(folder: folder.path) }
        #expect(error?.message.contains("t.csv:3, column \"B\": found \"maybe\"") == true)
    }

    @Test func foldsThatDividePatientsAreNotUsed() throws {
        try plainFolder()
        let path = folder.path + "/data/labels.csv"
        let text = try String(contentsOfFile: path, encoding: .utf8)
        try folder.write(text.replacingOccurrences(of: "\n0,p0,0,", with: "\n0,p0,5,"), to: "data/labels.csv")
        let first = try FirstConfiguration(folder: folder.path)
        #expect(first.settings.data.split.method == .make)
        #expect(first.findings.contains { $0.text.contains("p0 (fold 0, fold 5)") })
    }

    @Test func originalTablesOfSplitsAreUnderstood() throws {
        for (split, word, count) in [("Training", "train", 12), ("Validation", "val", 6)] {
            var table = "\u{FEFF}ID,Disease_Risk,DR,MH\n"
            for k in 1...count {
                table += "\(k),1,\(k % 2),\(k % 3 == 0 ? 1 : 0)\n"
                // One image is missing.
                if k != 5 || word == "val" { try folder.image(k + count, to: "images/\(word)_\(k).png") }
            }
            try folder.write(table, to: "RFMiD_\(split)_Labels.csv")
        }
        let first = try FirstConfiguration(folder: folder.path)
        let settings = try read(first)
        #expect(settings == first.settings)
        #expect(settings.data.table.isEmpty)
        #expect(settings.data.tables.map(\.split) == ["train", "val"])
        #expect(settings.data.tables.map(\.pattern) == ["train_{ID}", "val_{ID}"])
        #expect(settings.data.missing == .skip)
        // It is said that this was written, and for which row.
        let words = first.findings.map(\.text).joined(separator: "\n")
        #expect(words.contains("1 row is left out because the image does not exist: train/5"), "\(words)")
        #expect(words.contains("data.missing is written as skip"), "\(words)")
        #expect(settings.data.split.method == .column)
        #expect(settings.data.split.validation == ["val"])
        let cohort = try settings.data.readCohort().cohort
        #expect(cohort.count == 17)
        #expect(cohort.classes == ["DR", "MH"])
    }

    @Test func oneLabelEachMeansSingle() throws {
        var table = "image,A,B\n"
        for k in 0..<20 {
            try folder.image(k, to: "\(k).png")
            table += "\(k).png,\(k % 2),\(1 - k % 2)\n"
        }
        try folder.write(table, to: "t.csv")
        let settings = try FirstConfiguration(folder: folder.path).settings
        #expect(settings.data.labels == .single)
        #expect(settings.data.split.method == .make)
        // Square and small: cut to the disc already.
        #expect(settings.image.crop == .none)
    }

    @Test func aColumnOfClassNamesIsUnderstood() throws {
        for (part, count) in [("train", 12), ("val", 6)] {
            var table = "filename,diagnosis,device\n"
            for k in 0..<count {
                try folder.image(k, to: "photos/\(part)\(k).png")
                table += "\(part)\(k).png,\(part == "train" && k == 0 ? "rare" : k % 2 == 0 ? "DR" : "none"),c\(k)\n"
            }
            try folder.write(table, to: part + ".csv")
        }
        let first = try FirstConfiguration(folder: folder.path)
        #expect(first.settings.data.tables.map(\.split) == ["train", "val"])
        #expect(first.settings.data.labels == .single && first.settings.data.classes.isEmpty)
        #expect(first.findings.contains { $0.text == "the column \"diagnosis\" names the class of each image" })
        let cohort = try first.settings.data.readCohort().cohort
        // No image of the second table shows the rare class.
        #expect(cohort.classes == ["DR", "none", "rare"] && cohort.classCounts() == [8, 9, 1])
        #expect(cohort.ignoredColumns == ["device"])
    }

    @Test(arguments: [("", "image,label"), ("train/", "image,split,label")])
    func aFolderForEachClassIsAnsweredWithACommand(part: String, header: String) throws {
        for name in ["DR", "none"] {
            for k in 0..<3 { try folder.image(k, to: "\(part)\(name)/\(k).png") }
            if !part.isEmpty { try folder.image(7, to: "val/\(name)/0.png") }
        }
        let error = try #require(foveaError { _ = try FirstConfiguration(folder: folder.path) })
        let remedy = try #require(error.remedy)
        let command = try #require(remedy.range(of: "(cd ")).lowerBound
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", String(remedy[command...])]
        try shell.run()
        shell.waitUntilExit()
        let table = try String(contentsOfFile: folder.path + "/labels.csv", encoding: .utf8)
        #expect(table.hasPrefix(header + "\n\(part)DR/0.png,\(part.isEmpty ? "" : "train,")DR\n"), "\(table)")
        let settings = try FirstConfiguration(folder: folder.path).settings
        #expect(settings.data.labels == .single && settings.data.split.method == (part.isEmpty ? .make : .column))
    }

    @Test func anExistingFileIsLeftAsItIs() throws {
        try plainFolder()
        let first = try FirstConfiguration(folder: folder.path)
        let path = try folder.write("mine", to: "fovea.yaml")
        let error = foveaError { try first.write(to: OutputFile(path, named: "--output")) }
        #expect(error?.kind == .configuration)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == "mine")
        try first.write(to: OutputFile(folder.path + "/second.yaml", named: "--output"))
        #expect(try String(contentsOfFile: folder.path + "/second.yaml", encoding: .utf8) == first.yaml)
    }

    @Test func whatIsMissingIsSaid() throws {
        func message(_ path: String) -> String {
            foveaError { _ = try FirstConfiguration(folder: path) }?.message ?? ""
        }
        #expect(message(folder.path).contains("no photographs"))
        #expect(message(folder.path + "/none").contains("does not exist"))
        try folder.image(1, to: "a.png")
        #expect(message(folder.path).contains("no label table"))
        try folder.write("image,comment\na.png,DR\n", to: "t.csv")
        #expect(message(folder.path).contains("t.csv: no column of 0 and 1"))
        try folder.write("image,DR\nb.png,1\n", to: "t.csv")
        #expect(message(folder.path).contains("b.png"))
    }
}
