import Basics
import Cohorts
import Runs
import Settings
import Synchronization
import TestSupport
import Testing

/// What several processes find in one folder of stages.
@Suite struct StageStoreTests {
    private struct Trained: Error {}

    @Test func aStageThatAnotherProcessMakesIsWaitedFor() throws {
        let folder = try TemporaryFolder()
        let asked = Atomic(0)
        let store = StageStore(folder: folder.path, shouldStop: { asked.add(1, ordering: .relaxed).newValue > 2 })
        let spec = try StageSpec.plain()
        let place = folder.path + "/" + spec.folderName
        try Folder.make(place)
        do {
            let lock = try #require(try FileLock(place + "/.lock"))
            // Told to stop while it waits, without having trained.
            #expect(throws: CancellationError.self) { try store.stage(spec) { throw Trained() } }
            #expect(asked.load(ordering: .relaxed) == 3)
            withExtendedLifetime(lock) {}
        }
        #expect(throws: Trained.self) { try store.stage(spec) { throw Trained() } }
    }

    @Test func aViewBankThatAnotherProcessMakesIsWaitedFor() throws {
        let folder = try TemporaryFolder()
        let asked = Atomic(0)
        let store = StageStore(folder: folder.path, shouldStop: { asked.add(1, ordering: .relaxed).newValue > 2 })
        func bank(_ name: String, stored: String? = nil, make: (String) throws -> String) throws -> String {
            try store.bank(name, key: "key", stored: { _ in stored }, make: make)
        }
        let path = try bank("disc") { path in
            // This one holds it; who finds it finished does not wait.
            #expect(try bank("disc", stored: "found") { _ in throw Trained() } == "found")
            #expect(throws: CancellationError.self) { try bank("disc") { _ in throw Trained() } }
            let other = try bank("macula") { $0 }
            #expect(other != path)
            return path
        }
        #expect(asked.load(ordering: .relaxed) == 3)
        let again = try bank("disc") { $0 }
        #expect(again == path)
    }
}

extension StageSpec {
    /// The plain model of two images.
    static func plain() throws -> StageSpec {
        let photographs = (0..<2).map { Photograph(image: "\($0)", path: "/nowhere/\($0)") }
        let cohort = try Cohort(classes: ["a"], photographs: photographs, labels: [1, 0])
        var settings = RunSettings()
        settings.distillation = nil
        let planner = RunPlanner(
            settings, cohort: cohort, attributes: nil,
            split: try Split("s", training: [0], validation: [1], of: cohort), contents: ["x", "y"])
        return try #require(planner.plan().stages.first)
    }
}
