import Basics
import Evaluation
import Foundation
import Prediction
import Reports
import Settings
import TestSupport
import Testing

struct PredictionEvaluationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private let labels = """
        image,patient,fold,A,B,grade
        1.png,p1,0,1,0,severe
        2.png,p1,0,0,,mild
        3.png,p2,1,1,0,
        4.png,p3,1,0,0,none

        """
    private let predictions = """
        image,B,A
        3.png,0.2,0.9
        1.png,0.1,0.4
        4.png,0.3,0.5
        2.png,0.4,0.1

        """

    private let perfect = "A,B,image\n1,0,1.png\n0,0,2.png\n1,0,3.png\n0,0,4.png\n"

    private func evaluation(_ predictions: String? = nil, _ labels: String? = nil) throws -> PredictionEvaluation {
        var evaluation = PredictionEvaluation(
            predictions: [try folder.write(predictions ?? self.predictions, to: "predictions.csv")],
            labels: try folder.write(labels ?? self.labels, to: "labels.csv"))
        evaluation.settings.bootstrap = 0
        return evaluation
    }

    private func problem(_ predictions: String? = nil, _ labels: String? = nil) throws -> String {
        let evaluation = try evaluation(predictions, labels)
        return foveaError { _ = try evaluation.run(threads: 1) }?.description ?? ""
    }

    @Test func rowsAndColumnsAreMatchedByName() throws {
        let result = try evaluation().run(threads: 1).evaluation
        #expect(result.classes.map(\.name) == ["B", "A"])
        #expect(result.images == 4)
        #expect(result.patients == 3)
        // A: 3.png (1), 4.png (0), 1.png (1), 2.png (0): precision 1 at the first positive, 2/3 at the second.
        #expect(abs((result.classes[1].averagePrecision.value ?? 0) - (1 + 2.0 / 3) / 2) < 1e-12)
        #expect(result.classes[1].rocAUC.value == 0.75)
        // B has no positive, and one unknown label.
        #expect(result.classes[0].averagePrecision.value == nil)
        #expect(result.classes[0].unknown == 1)
    }

    @Test func withoutTrainingLabelsAndThresholdsTheirFieldsAreNull() throws {
        let outcome = try evaluation().run(threads: 1)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.json().utf8)) as? [String: Any])
        let result = try #require(document["evaluation"] as? [String: Any])
        let groups = try #require(result["groups"] as? [String: Any])
        for name in ["many", "medium", "few"] { #expect(groups[name] is NSNull) }
        let first = try #require((result["classes"] as? [[String: Any]])?.first)
        for name in ["training_images", "group", "threshold", "f1", "precision", "recall"] {
            #expect(first[name] is NSNull, "\(name)")
        }
        #expect(document["difference"] is NSNull)
        #expect(result["bootstrap"] is NSNull)
    }

    @Test func trainingLabelsGiveGroups() throws {
        var evaluation = try evaluation()
        evaluation.trainingLabels = try folder.write("image,B,A\nx,1,1\ny,1,1\nz,0,1\n", to: "train.csv")
        evaluation.settings.many = 3
        evaluation.settings.medium = 2
        let outcome = try evaluation.run(threads: 1)
        #expect(outcome.evaluation.classes.map(\.trainingImages) == [2, 3])
        #expect(outcome.evaluation.classes.map(\.group) == [.medium, .many])
        #expect(outcome.notes.isEmpty)
        evaluation.trainingLabels = evaluation.labels
        #expect(try evaluation.run(threads: 1).notes.first?.contains("4 of the 4 images") == true)
        evaluation.trainingFilter = RowFilter("fold!=0")
        #expect(try evaluation.run(threads: 1).notes.first?.contains("2 of the 4 images") == true)
    }

    @Test(arguments: [
        ("t.json", "{\"A\": 0.5, \"B\": null}"), ("t.yaml", "A: 0.5\nB: ~\n"),
        ("t.csv", "class,threshold\nA,0.5\nB,\n"),
        ("config.json", "{\"classes\": [\"A\", \"B\"], \"thresholds\": [0.5, null], \"format\": 1}"),
    ])
    func thresholdsAreRead(name: String, text: String) throws {
        var evaluation = try evaluation()
        evaluation.thresholds = try folder.write(text, to: name)
        let result = try evaluation.run(threads: 1).evaluation
        #expect(result.classes.map(\.threshold) == [nil, 0.5])
        // At 0.5: 3.png rightly, 4.png wrongly, 1.png missed.
        #expect(result.classes[1].f1 == 0.5)
        #expect(result.microF1 == 0.5)
    }

    @Test func nearSynonymsAreJudgedAsOne() throws {
        var evaluation = try evaluation()
        evaluation.merge = try folder.write("merge: {either: [A, B]}\n", to: "merge.yaml")
        evaluation.trainingLabels = try folder.write("image,B,A\nx,1,1\ny,1,0\nz,0,1\nw,0,0\n", to: "train.csv")
        evaluation.thresholds = try folder.write("{A: 0.9, B: 0.9, either: 0.5}", to: "t.yaml")
        evaluation.versus = evaluation.predictions
        let outcome = try evaluation.run(threads: 1)
        #expect(outcome.subject.hasSuffix(", classes merged by " + (evaluation.merge ?? "?")))
        let result = outcome.evaluation
        #expect(result.classes.map(\.name) == ["either"] && outcome.difference != nil)
        // Of B alone 2.png is unknown, and A is not there: so it is unknown of both together.
        #expect(result.classes[0].positives == 2 && result.classes[0].unknown == 1)
        // x shows both and counts once.
        #expect(result.classes[0].trainingImages == 3 && result.classes[0].threshold == 0.5)
        // 3.png 0.92, 4.png 0.65, 1.png 0.46; 1.png and 3.png are positive.
        #expect(abs((result.classes[0].averagePrecision.value ?? 0) - (1 + 2.0 / 3) / 2) < 1e-12)
        // Without a name of its own in the file it has no threshold.
        evaluation.merge = try folder.write("merge: {A: [A, B]}\n", to: "merge.yaml")
        evaluation.thresholds = try folder.write("{A: 0.9, B: 0.9}", to: "t.yaml")
        #expect(try evaluation.run(threads: 1).evaluation.classes.map(\.threshold) == [nil])
    }

    @Test(arguments: [
        ("merge: {x: [C]}", "there is no such class"), ("merge: {x: []}", "\"x\" must be a list of classes"),
        ("merge: {x: A}", "merge.yaml:1: \"x\" must be a list"), ("merge: {}", "names no class"),
        ("merg: {x: [A]}", "unknown key \"merg\""), ("- A", "says nothing of classes to merge"),
        ("merge: {x: [&a A], y: [*a]}", "merge.yaml:1: the alias *a is not allowed"),
        ("merge: {x: [A], y: [A]}", "and again into \"y\""),
        ("", "says nothing"), ("# nothing", "says nothing"), ("merge:\n  x: [A\n", "merge.yaml:3: not YAML: "),
        ("merge: {x: [A]}\nmerge: {y: [A]}", "the key \"merge\" is given twice"),
        ("merge:\n\tx: [A]", "merge.yaml:2: not YAML: "), ("merge: {x: [A]}\n---\n{}", "not YAML"),
        ("merge: \u{1}", ":1: not YAML: control characters are not allowed (column 8)"),
    ])
    func wrongMergesAreNamed(text: String, message: String) throws {
        var evaluation = try evaluation()
        evaluation.merge = try folder.write(text, to: "merge.yaml")
        let error = foveaError { _ = try evaluation.run(threads: 1) }
        #expect(error?.kind == .data && error?.description.contains(message) == true, "\(error?.description ?? "")")
        #expect(error?.message.contains("merge.yaml") == true, "\(error?.description ?? "")")
        evaluation.merge = folder.path + "/nowhere.yaml"
        #expect(foveaError { _ = try evaluation.run(threads: 1) }?.message.contains("cannot read") == true)
    }

    @Test func wrongThresholdsAreNamed() throws {
        var evaluation = try evaluation()
        for (text, word) in [
            ("C: 0.5", "\"C\""), ("A: high", "\"high\""), ("- 1", "mapping"),
            ("A: 0.5\nB: [0.5]", "t.yaml:2: \"B\""),
            // JSON with a comma too few, and cut off.
            ("{\"A\": 0.5,\n \"B\" 0.5}", "t.yaml:2: not YAML: "), ("{\"A\": 0.5,\n", ":2: not YAML: "),
            ("{\"A\": 0.5, \"A\": 0.6}", "the key \"A\" is given twice"), ("A: 'x", "(column "),
            ("A: *b\nB: &b 1", "t.yaml:1: the alias *b"),
            // All scores are probabilities, and numbers are decimal.
            ("A: 0x1p-1", "the threshold of \"A\" is \"0x1p-1\""), ("A: 1.01", "from 0 to 1"),
            ("A: -0.1", "from 0 to 1"),
            ("A: inf", "\"inf\""), ("A: nan", "\"nan\""), ("A: 1e999", "\"1e999\""), (#"{"A": 5}"#, "\"5\""),
        ] {
            evaluation.thresholds = try folder.write(text, to: "t.yaml")
            let error = foveaError { _ = try evaluation.run(threads: 1) }
            #expect(error?.description.contains(word) == true, "\(text): \(String(describing: error))")
        }
        evaluation.thresholds = try folder.write("class,threshold\nA,2\n", to: "t.csv")
        #expect(foveaError { _ = try evaluation.run(threads: 1) }?.message.contains("\"A\" is \"2\"") == true)
        // Of scores that are not probabilities thresholds may be any numbers.
        var scores = try self.evaluation(predictions.replacingOccurrences(of: "4.png,0.3", with: "4.png,1.5"))
        scores.thresholds = try folder.write("A: 1.2", to: "t.yaml")
        #expect(try scores.run(threads: 1).evaluation.classes.map(\.threshold) == [nil, 1.2])
        scores.thresholds = try folder.write("A: 0x1p-1", to: "t.yaml")
        #expect(foveaError { _ = try scores.run(threads: 1) }?.message.contains("decimal numbers") == true)
    }

    /// One table is one seed, under whatever name and however its rows are ordered.
    @Test func oneTableIsNotTwoSeeds() throws {
        let lines = predictions.split(separator: "\n").map(String.init)
        let turned = try folder.write(
            ([lines[0]] + lines.dropFirst().reversed()).joined(separator: "\r\n") + "\r\n", to: "turned.csv")
        let whole = try evaluation()
        for second in [whole.predictions[0], try folder.write(predictions, to: "copy.csv"), turned] {
            var evaluation = whole
            evaluation.predictions.append(second)
            let error = foveaError { _ = try evaluation.run(threads: 1) }
            #expect(error?.kind == .data && error?.message.contains("count as") == true, "\(String(describing: error))")
            #expect(error?.message.contains(second) == true)
            evaluation.predictions = [try folder.write(perfect, to: "b.csv")]
            evaluation.versus = [whole.predictions[0], second]
            #expect(foveaError { _ = try evaluation.run(threads: 1) }?.message.contains("count as") == true)
        }
    }

    @Test func differenceIsPredictionsMinusVersus() throws {
        var evaluation = try evaluation()
        evaluation.versus = [try folder.write(perfect, to: "b.csv")]
        let outcome = try evaluation.run(threads: 1)
        let difference = try #require(outcome.difference)
        #expect(difference.classes[1].name == "A")
        #expect(abs((difference.classes[1].averagePrecision.difference ?? 0) + 1.0 / 6) < 1e-12)
        #expect(outcome.reference?.classes[1].averagePrecision.value == 1)
    }

    @Test func onlyTheChosenRowsAreJudged() throws {
        var evaluation = try evaluation("image,A\n3.png,0.9\n4.png,0.1\n")
        evaluation.filter = RowFilter("fold=1")
        #expect(try evaluation.run(threads: 1).evaluation.images == 2)
        evaluation.filter = RowFilter("Fold=7")
        #expect(foveaError { _ = try evaluation.run(threads: 1) }?.description.contains("holds: 0, 1") == true)
        evaluation.filter = RowFilter("patient=p2, p3")
        #expect(try evaluation.run(threads: 1).evaluation.images == 2)
        evaluation.filter = RowFilter("patient!=p1,p9")
        #expect(try evaluation.run(threads: 1).evaluation.images == 2)
        evaluation.filter = RowFilter("patient=p2,p9")
        #expect(foveaError { _ = try evaluation.run(threads: 1) }?.description.contains("\"p9\"") == true)
        #expect(RowFilter("fold") == nil)
        #expect(RowFilter("!=1") == nil)
    }

    @Test func outOfFoldNeedsWholePatientsAndFolds() throws {
        var evaluation = try evaluation()
        evaluation.isOutOfFold = true
        #expect(try evaluation.run(threads: 1).evaluation.folds == [0, 1])
        for (from, to, word) in [("2.png,p1,0", "2.png,p1,1", "p1"), ("4.png,p3,1", "4.png,p3,", "4.png")] {
            var other = try self.evaluation(nil, labels.replacingOccurrences(of: from, with: to))
            other.isOutOfFold = true
            #expect(foveaError { _ = try other.run(threads: 1) }?.description.contains(word) == true)
        }
    }

    @Test func filesAreCalledByWhatDiffers() throws {
        var evaluation = try evaluation()
        evaluation.predictions = [try folder.write(predictions, to: "run/predictions.csv")]
        evaluation.versus = [try folder.write(perfect, to: "run/plain/predictions.csv")]
        let text = try evaluation.run(threads: 1).text(for: Terminal())
        #expect(text.contains("run/predictions.csv minus plain/predictions.csv"))
        evaluation.versus = evaluation.predictions
        #expect(try evaluation.run(threads: 1).referenceSubject == evaluation.predictions[0])
    }

    @Test func severalFilesAreSeedsOfOneModel() throws {
        var evaluation = try evaluation()
        evaluation.predictions.append(try folder.write(perfect, to: "seed1.csv"))
        evaluation.versus = [try folder.write(perfect, to: "b.csv")]
        let outcome = try evaluation.run(threads: 1)
        #expect(outcome.subject == "predictions.csv and 1 more")
        #expect(outcome.evaluation.seeds == 2)
        #expect(abs((outcome.evaluation.classes[1].averagePrecision.value ?? 0) - (5.0 / 6 + 1) / 2) < 1e-12)
        #expect(outcome.difference?.candidateSeeds == 2)
        #expect(outcome.text(for: Terminal()).contains("2 of candidate, 1 of reference"))

        // The same seeds on both sides: where they are drawn together, nothing is left between them.
        evaluation.versus = evaluation.predictions
        (evaluation.settings.bootstrap, evaluation.settings.minimumPositivePatients) = (50, 1)
        func width() throws -> Double {
            let found = try evaluation.run(threads: 1).difference?.groups.all.averagePrecision.fixedSet
            return try #require(found).interval.high - #require(found).interval.low
        }
        #expect(try width() > 0)
        evaluation.sharesSeeds = true
        #expect(try width() == 0)
    }

    @Test func outOfFoldFilesAreJoined() throws {
        var evaluation = try evaluation()
        evaluation.isOutOfFold = true
        let first = try folder.write("image,B,A\n1.png,0.1,0.4\n2.png,0.4,0.1\n", to: "fold0.csv")
        let second = try folder.write("A,image,B\n0.9,3.png,0.2\n0.5,4.png,0.3\n", to: "fold1.csv")
        let whole = try evaluation.run(threads: 1)
        evaluation.predictions = [first, second]
        let joined = try evaluation.run(threads: 1)
        #expect(joined.evaluation == whole.evaluation)
        #expect(joined.text(for: Terminal()).contains("ranks within folds"))
        evaluation.predictions = [first, second, first]
        let error = foveaError { _ = try evaluation.run(threads: 1) }
        #expect(error?.description.contains("\"1.png\" is predicted twice") == true)
        evaluation.predictions = [second]
        #expect(foveaError { _ = try evaluation.run(threads: 1) }?.description.contains("not predicted") == true)
    }

    @Test func scoresThatAreNoProbabilitiesAreSaid() throws {
        let outside = predictions.replacingOccurrences(of: "4.png,0.3", with: "4.png,1.5")
        let outcome = try evaluation(outside).run(threads: 1)
        #expect(outcome.evaluation.calibrationError == nil)
        #expect(outcome.notes.first?.contains("image \"4.png\" for class \"B\" is 1.5") == true)
        // Where the label is unknown, nothing is evaluated.
        let unknown = predictions.replacingOccurrences(of: "2.png,0.4", with: "2.png,-3")
        #expect(try evaluation(unknown).run(threads: 1).notes.isEmpty)
    }

    @Test func rowsThatDoNotMatchAreNamed() throws {
        let surplus = try problem(predictions + "9.png,0,0\n")
        #expect(surplus.contains("9.png (line 6)"))
        #expect(surplus.contains("not labelled"))
        let missing = try problem(predictions.replacingOccurrences(of: "4.png,0.3,0.5\n", with: ""))
        #expect(missing.contains("not predicted: 4.png"))
    }

    @Test func rowsThatOccurTwiceAreNamed() throws {
        #expect(try problem(predictions + "4.png,0,0\n").contains("4.png (lines 4 and 6)"))
        #expect(try problem(nil, labels + "1.png,p1,0,1,0,mild\n").contains("1.png (lines 2 and 6)"))
    }

    @Test(arguments: ["nan", "", "yes", "inf", "0,5"])
    func scoresThatAreNoNumbersAreNamed(cell: String) throws {
        let text = try problem(predictions.replacingOccurrences(of: "0.4,0.1", with: "\"\(cell)\",0.1"))
        #expect(text.contains(":5, column \"B\""))
        #expect(text.contains("\"\(cell)\""))
    }

    @Test func wrongLabelsAndUnknownClassesAreNamed() throws {
        let label = try problem(nil, labels.replacingOccurrences(of: "3.png,p2,1,1", with: "3.png,p2,1,2"))
        #expect(label.contains(":4, column \"A\""))
        #expect(label.contains("0 or 1"))
        #expect(try problem("image,Bb\n1.png,0\n").contains("\"Bb\""))
        #expect(try problem("picture,B\n1.png,0\n").contains("\"image\""))
        #expect(try problem("image\n1.png\n").contains("one column"))
    }
}
