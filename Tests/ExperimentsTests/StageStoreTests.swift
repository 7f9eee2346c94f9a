import Basics
import Experiments
import Synchronization
import Testing

/// What several processes find in one folder of stages.
@Suite struct StageStoreTests {
    private struct Trained: Error {}

    @Test func aStageThatAnotherProcessMakesIsWaitedFor() throws {
        let folder = try TemporaryFolder()
        let asked = Atomic(0)
        let store = StageStore(folder: folder.path, shouldStop: { asked.add(1, ordering: .relaxed).newValue > 2 })
        let place = folder.path + "/plain-" + Digest.sha256("recipe").prefix(16)
        try Folder.make(place)
        do {
            let lock = try #require(try FileLock(place + "/.lock"))
            // Told to stop while it waits, without having trained.
            #expect(throws: CancellationError.self) { try store.stage("plain", recipe: "recipe") { throw Trained() } }
            #expect(asked.load(ordering: .relaxed) == 3)
            withExtendedLifetime(lock) {}
        }
        #expect(throws: Trained.self) { try store.stage("plain", recipe: "recipe") { throw Trained() } }
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
