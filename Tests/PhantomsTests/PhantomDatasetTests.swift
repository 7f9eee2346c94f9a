import Basics
import Foundation
import FundusImaging
import Phantoms
import Synchronization
import Testing

@Suite struct PhantomDatasetTests {
    private static func settings() -> PhantomSettings {
        var settings = PhantomSettings()
        settings.trainingPatients = 8
        settings.validationPatients = 8
        settings.side = 64
        settings.minimumValidationPositives = 3
        settings.prevalence = [.drusen: 0.3, .discPallor: 0.1, .discOedema: 0.05]
        return settings
    }

    private func withFolder(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.path + "/phantoms-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(folder)
    }

    private func table(_ path: String) throws -> [[String]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func defaultCountsAreLongTailedAndEnriched() throws {
        let settings = PhantomSettings()
        let patients = try PhantomDataset(settings, folder: "unused").patients
        #expect(patients.count == 900)
        #expect(settings.findings.count == 20)
        for finding in settings.findings {
            func count(_ split: String) -> Int {
                patients.filter { $0.split == split }.flatMap(\.findings.values).filter { $0.contains(finding) }.count
            }
            let share = try #require(settings.prevalence[finding])
            #expect(count("train") == Int((share * 1200).rounded()))
            #expect(count("val") == max(24, Int((share * 600).rounded())))
        }
        let healthy = patients.filter { $0.findings.values.allSatisfy(\.isEmpty) }.count
        #expect(healthy >= 315, "35 % of the patients are healthy, and a few more by chance")
        let several = patients.flatMap(\.findings.values).filter { $0.count >= 2 }.count
        #expect(several > 200)
    }

    @Test func fellowEyesAgreeMoreThanStrangers() throws {
        let patients = try PhantomDataset(PhantomSettings(), folder: "unused").patients
        let pairs = patients.map { ($0.findings[.left] ?? [], $0.findings[.right] ?? []) }
        let inBoth = pairs.filter { $0.contains(.drusen) && $1.contains(.drusen) }.count
        let inLeft = pairs.filter { left, _ in left.contains(.drusen) }.count
        #expect(Double(inBoth) / Double(inLeft) > 0.45)
    }

    @Test func everyRegionAndFeatureIsKnown() {
        let regions: Set = ["disc", "macula", "vessels", "whole", "media"]
        let features: Set = [
            "haemorrhage", "deposit", "atrophy", "opacity", "disc_shape", "membrane", "vessel_shape", "scar", "fluid",
            "pigment",
        ]
        #expect(Set(PhantomFinding.allCases.map(\.region)) == regions)
        #expect(Set(PhantomFinding.allCases.map(\.feature)) == features)
        #expect(PhantomFinding.allCases.count >= 12)
    }

    @Test func writesPhotographsAndTables() throws {
        try withFolder { folder in
            let set = try PhantomDataset(Self.settings(), folder: folder)
            #expect(try set.draw(threads: 2) == 32)
            let rows = try table(set.labels)
            #expect(
                rows.first
                    == "image,patient,eye,age,sex,split,normal,drusen,disc_pallor,disc_oedema".split(separator: ",")
                    .map(String.init))
            #expect(rows.count == 33)
            var splits: [String: Set<String>] = [:]
            for row in rows.dropFirst() {
                splits[row[1], default: []].insert(row[5])
                #expect(try ImageFile(path: set.images + "/" + row[0]).decode().width == 64)
                let isHealthy = !row[7...].contains("1")
                #expect(row[6] == (isHealthy ? "1" : "0"))
                #expect(!(row[8] == "1" && row[9] == "1"), "pallor and oedema exclude each other")
            }
            #expect(splits.values.allSatisfy { $0.count == 1 })
            #expect(splits.count == 16)
            let attributes = try String(contentsOfFile: set.attributes, encoding: .utf8)
            for finding in Self.settings().findings {
                let line = "id: \(finding.rawValue), name: \"\(finding.title)\", region: [\(finding.region)], "
                #expect(attributes.contains(line + "feature: [\(finding.feature)]"))
            }
            #expect(attributes.contains("id: normal, name: \"No finding\", region: [], feature: []"))
        }
    }

    @Test func doesNothingTwiceAndFinishesWhatWasInterrupted() throws {
        try withFolder { folder in
            let set = try PhantomDataset(Self.settings(), folder: folder)
            try set.draw(threads: 2)
            #expect(try set.draw(threads: 2) == 0)
            let lost = set.images + "/" + set.patients[2].imageName(.left)
            let before = try Digest.sha256(fileAt: lost)
            try FileManager.default.removeItem(atPath: lost)
            #expect(try set.draw(threads: 2) == 1)
            #expect(try Digest.sha256(fileAt: lost) == before)
        }
    }

    @Test func refusesAFolderOfOthers() throws {
        try withFolder { folder in
            var settings = Self.settings()
            try PhantomDataset(settings, folder: folder).draw(threads: 2)
            settings.seed = 2
            let other = try PhantomDataset(settings, folder: folder)
            let error = #expect(throws: FoveaError.self) { try other.draw(threads: 2) }
            #expect(error?.message.contains(folder) == true)
            #expect(try other.draw(threads: 2, replacing: true) == 32)
        }
        try withFolder { folder in
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            try AtomicFile.write("mine", to: folder + "/notes.txt")
            let set = try PhantomDataset(Self.settings(), folder: folder)
            let error = #expect(throws: FoveaError.self) { try set.draw(threads: 1) }
            #expect(error?.message.contains("phantoms.json") == true)
        }
    }

    @Test func onlyItsOwnFilesAreRemoved() throws {
        try withFolder { folder in
            var settings = Self.settings()
            try PhantomDataset(settings, folder: folder).draw(threads: 2)
            let mine = ["images/notes.txt", "images/x.partial", "labels.csv.partial"]
            // What a killed process leaves.
            let left = ["images/p0001_left.jpg.12.34.partial", "labels.csv.12.34.partial"]
            for name in mine + left { try AtomicFile.write("x", to: folder + "/" + name) }
            settings.seed += 1
            #expect(try PhantomDataset(settings, folder: folder).draw(threads: 2, replacing: true) == 32)
            for name in mine { #expect(FileManager.default.fileExists(atPath: folder + "/" + name), "\(name)") }
            for name in left { #expect(!FileManager.default.fileExists(atPath: folder + "/" + name), "\(name)") }
        }
    }

    @Test func oneSetMayBeDrawnTwiceAtATime() throws {
        try withFolder { folder in
            let set = try PhantomDataset(Self.settings(), folder: folder)
            let failures = Mutex([String]())
            DispatchQueue.concurrentPerform(iterations: 4) { _ in
                do {
                    try set.draw(threads: 2)
                } catch {
                    failures.withLock { $0.append("\(error)") }
                }
            }
            #expect(failures.withLock { $0 } == [])
            let names = try FileManager.default.contentsOfDirectory(atPath: set.images)
            #expect(names.count == 32 && names.allSatisfy { $0.hasSuffix(".jpg") })
        }
    }

    @Test func withoutFindingsLabelsStayAndImagesAreHealthy() throws {
        try withFolder { folder in
            var settings = Self.settings()
            let drawn = try PhantomDataset(settings, folder: folder + "/drawn")
            settings.drawFindings = false
            let blank = try PhantomDataset(settings, folder: folder + "/blank")
            try drawn.draw(threads: 2)
            try blank.draw(threads: 2)
            #expect(try table(drawn.labels) == table(blank.labels))
            let painter = PhantomPainter(seed: settings.seed, side: settings.side)
            for patient in blank.patients {
                for eye in PhantomEye.allCases {
                    let name = patient.imageName(eye)
                    let healthy = try painter.paint(patient: patient.number, eye: eye, findings: []).jpeg()
                    let found = try Data(contentsOf: URL(fileURLWithPath: blank.images + "/" + name))
                    #expect(found == healthy)
                    let ill = try Data(contentsOf: URL(fileURLWithPath: drawn.images + "/" + name))
                    #expect((found == ill) == (patient.findings[eye] ?? []).isEmpty)
                }
            }
        }
    }

    @Test func impossibleSettingsAreNamed() throws {
        func message(_ change: (inout PhantomSettings) -> Void) -> String {
            var settings = Self.settings()
            change(&settings)
            let error = #expect(throws: FoveaError.self) { try PhantomDataset(settings, folder: "unused") }
            return error?.message ?? ""
        }
        #expect(message { $0.trainingPatients = 0 }.contains("--training is 0; allowed: 1 to 1000000"))
        #expect(message { $0.side = 10 }.contains("side is 10; allowed: 64 to 1024"))
        #expect(message { $0.healthyShare = 1.5 }.contains("healthyShare is 1.5"))
        #expect(message { $0.bilateralShare = .nan }.contains("bilateralShare"))
        #expect(message { $0.prevalence = [:] }.contains("prevalence"))
        #expect(message { $0.prevalence[.drusen] = 0.9 }.contains("drusen"))
        #expect(message { $0.minimumValidationPositives = 15 }.contains("needs 15 eyes with drusen"))
    }

    @Test func tooFewPatientsNameTheOptionAndTheLeastNumber() throws {
        var settings = PhantomSettings()
        settings.validationPatients = 6
        let error = #expect(throws: FoveaError.self) { try PhantomDataset(settings, folder: "unused") }
        #expect(error?.message.contains("24 eyes with drusen, but --validation 6 gives 4 patients") == true)
        let least = try #require(Int(error?.remedy?.filter(\.isNumber) ?? ""))
        settings.validationPatients = least - 1
        let less = #expect(throws: FoveaError.self) { try PhantomDataset(settings, folder: "unused") }
        #expect(less?.remedy == error?.remedy)
        settings.validationPatients = least
        #expect(try PhantomDataset(settings, folder: "unused").patients.count == 600 + least)
    }

    /// Versions before had the keys of `phantoms.json` in camel case.
    @Test func aSetOfAnEarlierVersionIsKnown() throws {
        let settings = Self.settings()
        let text = try String(decoding: JSONFormat.encoded(settings), as: UTF8.self)
        // Findings are not keys of Fovea's.
        var earlier = text
        for (new, old) in [
            ("training_patients", "trainingPatients"), ("validation_patients", "validationPatients"),
            ("healthy_share", "healthyShare"), ("bilateral_share", "bilateralShare"),
            ("minimum_validation_positives", "minimumValidationPositives"), ("draw_findings", "drawFindings"),
        ] {
            #expect(text.contains("\"\(new)\""), "\(new)")
            earlier = earlier.replacing("\"\(new)\"", with: "\"\(old)\"")
        }
        #expect(try JSONFormat.decoded(PhantomSettings.self, from: Data(earlier.utf8)) == settings)
    }

    @Test func settingsSurviveJSON() throws {
        let settings = Self.settings()
        let data = try JSONFormat.encoded(settings, pretty: false)
        #expect(try JSONFormat.decoded(PhantomSettings.self, from: data) == settings)
        #expect(String(decoding: data, as: UTF8.self).contains("\"disc_pallor\":0.1"))
    }
}
