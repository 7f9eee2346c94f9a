import Configuration
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

    @Test(arguments: [
        (
            "training.epochs=ten",
            "--set training.epochs=ten: training.epochs is \"ten\"; a whole number from 1 to 10000 is expected"
        ),
        (
            "seeed=1",
            "--set seeed=1: unknown key seeed; did you mean \"seed\"? "
                + "(allowed: name, seed, data, training, distillation, techniques)"
        ),
        (
            "distilation.weight=1",
            "--set distilation.weight=1: unknown key distilation; did you mean \"distillation\"? "
                + "(allowed: name, seed, data, training, distillation, techniques)"
        ),
        ("seed", "--set seed: key=value is expected, such as training.epochs=10 or distillation=null"),
        ("a..b=1", "--set a..b=1: key=value is expected, such as training.epochs=10 or distillation=null"),
        ("=1", "--set =1: key=value is expected, such as training.epochs=10 or distillation=null"),
        ("name=", "--set name=: name is empty; a text is expected"),
        (
            "training.milestones=[1",
            "--set training.milestones=[1: not YAML: while parsing a flow sequence begun in line 1, "
                + "did not find expected ',' or ']' (at the end)"
        ),
        ("name.x=1", "--set name.x=1: there is no key \"x\" in what a.yaml:1 gives, which is \"r\""),
        ("seed.x=1", "--set seed.x=1: seed is a section; a whole number of at least 0 is expected"),
    ])
    func messages(setting: String, expected: String) {
        #expect(trouble("name: r", setting) == expected)
    }
}
