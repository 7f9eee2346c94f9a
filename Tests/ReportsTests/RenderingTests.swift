import Basics
import Cohorts
import Evaluation
import Foundation
import Plots
import Reports
import Testing

@Suite struct RenderingTests {
    private func cohort() throws -> Cohort {
        let classes = ["common", "rare <&>", "absent"]
        let photographs = (0..<6).map { row in
            Photograph(image: "\(row).jpg", path: "/nowhere/\(row).jpg", patient: "p\(row / 2)", fold: row == 1 ? 1 : 0)
        }
        let labels: [Int8] = [1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, -1, 0, 1, 0, 0]
        return try Cohort(classes: classes, photographs: photographs, labels: labels, source: "labels.csv")
    }

    @Test func inspectionSaysEverything() throws {
        let unreadable = (0..<4).map { Inspection.Unreadable(image: "\($0).jpg", reason: "cut\u{1B}[2J\nshort") }
        let inspection = try Inspection(cohort(), unreadable: unreadable, comparesContent: false)
        let text = InspectionText(inspection, listLimit: 3, hasCompared: false).text(for: Terminal(width: 60))
        #expect(
            text.hasPrefix(
                """
                Cohort
                ━━━━━━
                table            labels.csv
                images           6
                patients         3
                classes          3, 2 of them with positive images
                positive labels  6
                unknown labels   1
                imbalance        5 : 1 (most to least frequent class)

                """))
        for part in [
            "Few (1 to 19): 2 classes", "None: 1 class", "1  4 (66.7 %)", "rare <&>", "fold 1       1", "Grouping shot",
            "shot-few        2                5", "Stops fovea train\n  ✗ 6 missing images\n      /nowhere/0.jpg\n",
            "and 3 more",
            "✗ 4 unreadable images\n      0.jpg: cut\\u{1B}[2J\\u{A}short\n",
            "– groups of images with the same content: not checked",
            "✗ 1 patient in two splits\n      p0: fold 0, fold 1\n", "\n3 findings stop fovea train.\n",
        ] { #expect(text.contains(part), "\(part) is not in\n\(text)") }
        #expect(!text.contains("\u{1B}"))
        let ascii = Terminal(isUnicode: false)
        #expect(
            InspectionText(inspection).text(for: ascii).utf8.allSatisfy { $0 < 0x80 })
    }

    private func outcomes(_ flip: Bool, knownPatients: Int = 40, folds: [Int] = []) throws -> Outcomes {
        // Class "a": 12 positive patients, so in the fixed set; "b": 2; "c": none.
        let count = 40
        var labels: [Int8] = []
        var scores: [Double] = []
        for image in 0..<count {
            labels += [image < 12 ? 1 : 0, image % 20 == 0 ? 1 : 0, 0]
            let noise = Double((image * 7) % 13) / 26
            scores += [(image < 12 ? 0.45 : 0.1) + (flip ? 0.2 * noise : noise), noise, 0.1]
        }
        return try Outcomes(
            classes: ["a", "b", "c"], images: (0..<count).map { "\($0)" }, labels: labels, scores: scores,
            patients: (0..<count).map { $0 < knownPatients ? "p\($0)" : nil }, folds: folds)
    }

    private var options: EvaluationOptions {
        var options = EvaluationOptions()
        options.trainingImages = [120, 5, 1]
        options.bootstrap?.rounds = 50
        return options
    }

    @Test func evaluationTablesSayHowManyClassesAndNeverZeroForUndefined() throws {
        let tables = EvaluationTables(try Evaluator.evaluate(outcomes(false), options), names: ["a": "Class A"])
        let summary = tables.summary().text()
        #expect(summary.contains("With interval     Their mean [95 %]"))
        #expect(summary.contains(/mAP +all +0\.\d{3}  2 of 3   1 of 3 +0\.\d{3} \[0\.\d{3}, [01]\.\d{3}\]\n/))
        #expect(summary.contains(/few +0\.\d{3}  1 of 2   0 of 2 +–\n/))
        #expect(summary.contains(/medium +–  0 of 0   0 of 0 +–\n/))
        let classes = tables.classes().text()
        #expect(classes.contains(/Class A +120 +12  0\.\d{3} \[/))
        #expect(classes.contains(/\nc +1 +0 +–  +–\n/))
        #expect(tables.classes(isFull: true).csv().contains("\nc,1,0,,,,,,,0,,,,,,"))
        #expect(tables.notes().joined().contains("over 40 patients) are over the fixed set"))
        #expect(tables.notes().joined().contains("fixed set of 1 class with at least 10 positive patients"))
    }

    @Test func imagesOfUnknownPatientsAreNoPatients() throws {
        let folds = (0..<40).map { $0 % 2 }
        let cases = [
            (30, "over 30 patients and 10 images of unknown patients"),
            (0, "over 40 images whose patients are unknown"),
        ]
        for (known, words) in cases {
            let outcomes = try outcomes(false, knownPatients: known, folds: folds)
            let notes = EvaluationTables(try Evaluator.evaluate(outcomes, options)).notes().joined()
            #expect(notes.contains(words), "\(notes)")
            #expect(notes.contains("ranks within folds"))
            let paired = try Evaluator.compare(candidate: [outcomes], reference: [outcomes], options)
            let differences = DifferenceTables(paired, candidate: "a", reference: "b").notes().joined()
            #expect(differences.contains(words) && differences.contains("ranks within folds"), "\(differences)")
        }
    }

    @Test func severalSeedsAreSaid() throws {
        let models = [try outcomes(false), try outcomes(true)]
        let notes = EvaluationTables(try Evaluator.evaluate(models, options)).notes()
        #expect(notes.contains { $0.contains("mean over 2 models") })
        let paired = try Evaluator.compare(candidate: models, reference: [models[0]], options)
        let differences = DifferenceTables(paired, candidate: "a", reference: "b").notes()
        #expect(differences.contains { $0.contains("2 of a, 1 of b") })
    }

    @Test func costsAreAddedUpAndComparedWithThePlainModel() {
        let plain = CostTable.Row("plain", seconds: 100, images: 1000, isReused: false)
        let cost = CostTable([
            plain, .init("teacher a", seconds: 50, images: 500, isReused: true),
            .init("view bank", seconds: 30, images: 0, views: 4000, isReused: false),
            .init("student", seconds: 100, images: 1000, isReused: false),
        ])
        #expect(
            cost.table().csv() == """
                Stage,Seconds,Images trained on,Forward only,In this run
                plain,100.0,1000,,made
                teacher a,50.0,500,,reused
                view bank,30.0,,4000,made
                student,100.0,1000,,made
                together,280.0,2500,4000,

                """)
        #expect(
            cost.notes()[0].contains("2.8 times the seconds of the plain model, and 3.8 times its work, where"),
            "\(cost.notes())")
        #expect(CostTable([plain]).notes().isEmpty)
        // A second stage of the plain model is part of what the others are compared with.
        let second = CostTable.Row("plain crt", seconds: 40, images: 250, isReused: false)
        #expect(CostTable([plain, second], plainStages: 2).notes().isEmpty)
        let both = CostTable([plain, second] + cost.rows.dropFirst(), plainStages: 2).notes()
        #expect(both[0].contains("2.3 times the seconds of the plain model, and 3.3 times its work, where"), "\(both)")
        // A head alone: the plain model's images pass forward only.
        let frozen = CostTable([
            .init("plain", seconds: 50, images: 0, views: 3000, isReused: false),
            .init("student", seconds: 50, images: 1000, isReused: false),
        ])
        #expect(frozen.notes()[0].contains("and 2.0 times its work"))
    }

    @Test func differencesAreGivenOnlyForTheFixedSet() throws {
        let paired = try Evaluator.compare(candidate: [outcomes(true)], reference: [outcomes(false)], options)
        let tables = DifferenceTables(paired, candidate: "student", reference: "plain")
        let classes = tables.classes().csv().split(separator: "\n")
        #expect(classes[0].hasPrefix("Class,Group,Patients,plain,student,Difference in AP [95 %],"))
        #expect(classes[1].hasPrefix("a,many,12,"))
        #expect(classes[2].hasSuffix(",,,,"))
        #expect(classes[3] == "c,few,0,,,,,,")
        let summary = tables.summary()
        let text = summary.text(for: Terminal(width: 100))
        #expect(text.contains(/mAP with interval +all +1 of 3 .* \+0\.\d{3} \[/))
        #expect(text.contains(/mAP, all classes +all +2 of 3 +0\.\d{3} +0\.\d{3}\n/))
        // The numbers of a row are of the same classes.
        if case .number(let plain?, _) = summary.rows[0][3], case .number(let student?, _) = summary.rows[0][4],
            case .difference(let difference, _) = summary.rows[0][5]
        {
            #expect(abs(student - plain - (difference.value ?? .nan)) < 1e-12)
        } else {
            Issue.record("the first row holds no difference: \(summary.rows[0])")
        }
        let gain = GainPlot(title: "t", comparisons: [("student", paired)])
        // A part without classes has no row.
        #expect(gain.sections.first?.rows.map(\.hasSign) == [true, true, false])
    }

    @Test func plotsTakeResults() throws {
        let result = try Evaluator.evaluate(outcomes(false), options)
        let plot = LongTailPlot(title: "t", results: [("plain", result), ("student", result)], names: ["a": "Class A"])
        #expect(plot.classes.map(\.name) == ["Class A", "b", "c"])
        #expect(plot.classes[0].values.count == 2 && plot.classes[0].values[0].interval != nil)
        #expect(plot.classes[2].values[0].value == nil)
        let history = [
            HistoryRow(stage: "plain", epoch: 1, step: 1, trainingLoss: 2),
            HistoryRow(stage: "student", epoch: 1, step: 1),
        ]
        #expect(TrainingCurvesPlot(title: "t", history: history).panels[0].lines.map(\.name) == ["plain", "student"])
    }

    @Test func teachersAreAveragedOverClassesWhereAllAreDefined() throws {
        let table = TeacherTable([
            .init(
                name: "a", teacher: "disc", trainingImages: 5, positives: 2, plainAP: 0.2, teacherAP: 0.4,
                plainAUC: 0.5, teacherAUC: 0.7),
            .init(
                name: "b", teacher: "disc", trainingImages: 50, positives: 9, plainAP: 0.6, teacherAP: 0.5,
                plainAUC: 0.75, teacherAUC: 0.75),
            .init(
                name: "c", teacher: "disc", trainingImages: 1, positives: 0, plainAP: nil, teacherAP: nil,
                plainAUC: nil, teacherAUC: nil),
            .init(
                name: "a", teacher: "deposit", trainingImages: 5, positives: 2, plainAP: 0.2, teacherAP: 0.1,
                plainAUC: 0.5, teacherAUC: 0.6),
        ])
        #expect(
            table.table().text(for: Terminal(width: 100)) == """
                Class               Train  Positive  Plain AP  Teacher AP  Plain AUC  Teacher AUC
                ──────────────────  ─────  ────────  ────────  ──────────  ─────────  ───────────
                b                      50         9     0.600       0.500      0.750        0.750
                a                       5         2     0.200       0.400      0.500        0.700
                c                       1         0         –           –          –            –
                disc: mean of 2                         0.400       0.450      0.625        0.725
                ──────────────────  ─────  ────────  ────────  ──────────  ─────────  ───────────
                a                       5         2     0.200       0.100      0.500        0.600
                deposit: mean of 1                      0.200       0.100      0.500        0.600

                """)
        let bounds = try ShotBounds(many: 40, medium: 4)
        let plot = table.plot(title: "t", bounds: bounds)
        #expect(plot.classes[0].values[1].value == 0.25)
        #expect(plot.series == ["plain", "mean of 1 to 2 teachers"])
        #expect(plot.bounds == bounds)
        #expect(TeacherTable([table.rows[0]]).plot(title: "t", bounds: bounds).series == ["plain", "teacher"])
    }

    @Test func reportIsOnePageOfMarkdown() {
        let table = TextTable(["Class", "AP"], [[.text("x|y"), .number(0.5)]])
        let report = RunReport(
            title: "Run *1*", facts: [("Technique", "BCE + RSKD(region)")],
            sections: [
                .init(
                    "Metrics", paragraphs: ["Means <all>."], table: table,
                    figures: [.init("Long tail", file: "a b>.png")]),
                .init("Empty", table: TextTable(["nothing"])),
            ])
        #expect(
            report.markdown() == """
                # Run \\*1\\*

                | What | Value |
                | --- | --- |
                | Technique | BCE + RSKD(region) |

                ## Metrics

                Means &lt;all&gt;.

                | Class | AP |
                | --- | ---: |
                | x\\|y | 0.500 |

                ![Long tail](<a b\\>.png>)

                Research use only: not a medical device.

                """)
    }
}
