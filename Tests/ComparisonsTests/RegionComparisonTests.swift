import Basics
import Comparisons
import ConfigurationFile
import Execution
import Foundation
import FundusImaging
import Models
import Reports
import RunTestSupport
import Settings
import TestSupport
import Testing
import Torch

/// Committees with windows beside their controls.
@Suite(.serialized) struct RegionComparisonTests {
    private let folder: TemporaryFolder
    private var settings = ComparisonSettings()

    init() throws {
        folder = try TemporaryFolder()
        var job = try SmallJob(in: folder.path)
        job.settings.evaluation.every = 0
        job.settings.regions = RegionSettings()
        settings = try ComparisonSettings(ofOneCell: job.settings, in: folder, output: "comparison")
        settings.arms = [.plain, .ladder, .committee, .single, .wrongWindows, .rskd, .untaught]
        settings.ladder = [32, 48]
        settings.bootstrap = 20
        settings.minimumPositivePatients = 2
    }

    private func execute(_ settings: ComparisonSettings) throws -> ComparisonOutcome {
        try Comparison(settings, ExecutionContext(device: .cpu, threads: Engine.threads))
            .execute(configuration: ConfigurationWriter.yaml(settings))
    }

    private func column(_ heading: String, of file: String) throws -> [String] {
        let table = try CSVTable(path: settings.output + "/" + file)
        let place = try #require(table.header.firstIndex(of: heading), "\(heading) is not in \(table.header)")
        return (0..<table.rowCount).map { table[$0, place] }
    }

    private func model(_ cell: String) throws -> ModelDescription {
        try ModelBundle.load(from: settings.output + "/cells/phantoms/seed-0/bce/" + cell).description
    }

    @Test func everyArmIsWhatItSays() throws {
        let outcome = try execute(settings)
        let arms = [
            "plain", "plain, 32 px", "plain, 48 px", "committee(region)", "committee(single, as region)",
            "committee(region, wrong windows)", "RSKD(region)", "untaught(region)",
        ]
        #expect(try column("Arm", of: "costs.csv") == arms)
        #expect(try model("plain-48").image.resolution == 48)
        let (own, wrong) = (try model("committee-region"), try model("committee-wrong-region"))
        #expect(own.members?.map(\.name) == ["region-macula", "region-disc"])
        #expect(wrong.otherImages.map(\.window) == own.otherImages.map(\.window).reversed())
        let single = try #require(try model("committee-single-region").members)
        #expect(single.map(\.name) == ["single-1", "single-2"] && single.allSatisfy { $0.model.image.window == nil })
        #expect(try model("rskd-region").members == nil)

        // The ladder's first step is the plain model itself.
        let maps = try column("mAP", of: "cells.csv")
        #expect(maps[0] == maps[1])
        // At 48 px a network has about (48 / 32)^2 times as many multiply-adds; its last layers see 2 x 2 places, not 1.
        let adds = try column("Giga multiply-adds per prediction", of: "costs.csv").map { try #require(Double($0)) }
        #expect(2.2...3 ~= adds[2] / adds[0] && abs(adds[3] / adds[0] - 3) < 1e-9 && adds[6] == adds[0])

        let transfer = try CSVTable(path: settings.output + "/transfer.csv")
        #expect(transfer.rowCount == 1 && transfer[0, 2] == "committee(region)")
        #expect(arms[1...5].contains(transfer[0, 4]) || transfer[0, 4] == "plain")
        #expect(outcome.summary(for: .init()).contains("Committees and transfer"))
        let differences = try column("Difference", of: "differences.csv")
        for other in arms[1...2] + arms[4...5] { #expect(differences.contains("committee(region) minus " + other)) }
        #expect(differences.contains("RSKD(region) minus untaught(region)"))
    }

    @Test mutating func wrongWindowsNeedWindows() throws {
        settings.settings.append("regions=null")
        settings.arms = [.plain, .wrongWindows]
        let error = #expect(throws: FoveaError.self) { try execute(settings) }
        #expect(error?.message.contains("the arm wrong_windows needs regions with windows") == true)
    }
}
