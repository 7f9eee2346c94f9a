import Basics
import ConfigurationFile
import TestSupport
import Testing

@Suite struct SettingTests {
    @Test func overrideTheFile() throws {
        let yaml = "training:\n  epochs: 3\n  rate: 0.5\ndistillation: null\n"
        let found = try read(
            yaml, "training.epochs=4", "training.milestones=[1, 2]", "name=a=b", "distillation.weight=3",
            "training.clip=null", "training.epochs=5", "techniques=[{id: x}]", "data.classes=[]")
        #expect(found.training.epochs == 5)
        #expect(found.training.rate == 0.5)
        #expect(found.training.milestones == [1, 2])
        #expect(found.training.clip == nil)
        #expect(found.name == "a=b")
        #expect(found.distillation?.weight == 3)
        #expect(found.distillation?.temperature == 2)
        #expect(found.techniques.map(\.id) == ["x"])
    }

    @Test func switchSectionsOffAndOn() throws {
        #expect(try read("distillation: {weight: 3}", "distillation=null").distillation == nil)
        #expect(try read("", "distillation={}").distillation == Distillation())
        #expect(try read("", "distillation={weight: 3}", "distillation.temperature=9").distillation?.weight == 3)
        #expect(try read("", "distillation.training.epochs=9").distillation?.training.epochs == 9)
    }

    static let faults: [(String, String?)] = [
        ("training.epochs=ten", "training.epochs"),
        ("seeed=1", "seeed"),
        ("distilation.weight=1", "distilation"),
        ("seed", nil),
        ("a..b=1", nil),
        ("=1", nil),
        ("name=", "name"),
        ("training.milestones=[1", nil),
        ("name.x=1", nil),
        ("seed.x=1", "seed"),
    ]

    @Test(arguments: faults) func aWrongSettingIsNamedWithItsKey(setting: String, key: String?) {
        let error = refusal("name: r", setting)
        #expect(error?.kind == .configuration && error?.place == FilePlace("--set " + setting, key: key))
    }

    @Test func wording() throws {
        #expect(try MessageSnapshot.differences("settings", Self.faults.map { ($0.0, refusal("name: r", $0.0)) }) == [])
    }
}
