import Basics
import Evaluation
import Plots

extension ModelReport {
    /// The page.
    public var page: HTMLPage {
        HTMLPage(
            title: "Report on \(name)",
            sections: [about, headline]
                + [gains, longTail, classTable, curveSection, calibration, operatingPoints, longTailGroups]
                .compactMap { $0 }
                + [subgroupSection, decisionSection, mistakes, teacherSection, training, provenance].compactMap { $0 })
    }

    private var models: [(name: String, result: EvaluationResult)] {
        [("plain", plain)] + (student.map { [("student", $0)] } ?? [])
    }

    private var about: HTMLPage.Section {
        let table = TextTable(["What", "Value"], facts.map { [.text($0.name), .text($0.value)] })
        return .init(
            "about", "What this is",
            """
            <div class="notice">
            <p><strong>Research use only: not a medical device.</strong> The figures are measured on the validation images \
            of one data set. On photographs of other cameras, places or patients they may be much worse, and nobody may be \
            diagnosed or treated by this model.</p>
            </div>
            """,
            .paragraphs(
                [
                    "The page describes \(student == nil ? "the plain model" : "the student and the plain model") of a run, "
                        + "measured on the images that validated it. It holds small copies of photographs: pass it on "
                        + "only where these may be seen."
                ] + notes), table.html("The run"))
    }

    private var headline: HTMLPage.Section {
        let tables = EvaluationTables(best, names: names)
        let all = best.groups.all
        var cards = [
            HTMLCard("Mean average precision (mAP)", all.averagePrecision, of: all.classes),
            HTMLCard("Mean area under the ROC curve (mAUC)", all.rocAUC, of: all.classes),
        ]
        if let mean = difference?.groups.all.averagePrecision, let gain = mean.fixedSet {
            cards.append(HTMLCard("mAP, student minus plain model", gain, of: mean.classes))
        }
        return .init(
            "headline", "Headline: the \(bestName) model", .cards(cards),
            .paragraphs([Self.measures]), tables.summary().html("The \(bestName) model"), .paragraphs(tables.notes()))
    }

    /// What the two measures are, for those who meet them first here.
    static let measures =
        "Average precision (AP) of a class: put the images in order of their probability; at each image with the finding, take "
        + "the share of images up to there that have it; AP is the mean of these shares. 1 is best; guessing gives about "
        + "the share of all images that have the finding. The area under the ROC curve (AUC) is how often an image with the "
        + "finding gets a higher probability than one without: 1 is best, guessing gives 0.5. mAP and mAUC are means over "
        + "classes; brackets hold intervals."

    private var gains: HTMLPage.Section? {
        guard let difference else { return nil }
        let tables = DifferenceTables(difference, candidate: "student", reference: "plain", names: names)
        let plot = GainPlot(title: "Student minus plain model", comparisons: [("", difference)])
        return .init(
            "distillation", "Student against plain model", .paragraphs(tables.notes()),
            .figure(plot.drawing(), "Difference in mean average precision, with intervals"),
            tables.summary().html("Means of student and plain model"),
            tables.classes().html(
                "Average precision of student and plain model, class by class", isSortable: true))
    }

    private var longTail: HTMLPage.Section {
        .init(
            "long-tail", "The long tail",
            .figure(
                LongTailPlot(title: "The long tail", results: models, names: names).drawing(),
                "Training images of each class, and the average precision that the models reach on it"))
    }

    private var classTable: HTMLPage.Section {
        .init(
            "classes", "Class by class",
            .paragraphs([
                "Classes from frequent to rare. Train: its training images. Positive, patients: validation images with it, and "
                    + "their patients. Sensitivity at a specificity of "
                    + "\(NumberFormat.shortest(best.specificity)). Thresholds have the highest F1 on the training images; "
                    + "precision, recall, F1 and kappa are at them. ECE: expected calibration error of the class."
            ]),
            EvaluationTables(best, names: names).classes(isFull: true).html(
                "The \(bestName) model, class by class", isSortable: true))
    }

    private func panels(
        _ x: String, _ y: String, _ point: (RankingCurves.Point) -> (x: Double, y: Double)?,
        _ value: (ClassResult) -> (name: String, estimate: Estimate)
    ) -> [CurvePlot] {
        curves.compactMap { entry in
            guard let result = best.classes.first(where: { $0.name == entry.name }) else { return nil }
            let (measure, estimate) = value(result)
            return CurvePlot(
                title: shown(entry.name),
                subtitle: "\(measure) \(NumberFormat.interval(ReportedValue(estimate))), "
                    + Pluralization.count(result.positives, "positive image"),
                x: (x, 0...1), y: (y, 0...1),
                lines: models.compactMap { model in
                    entry.models[model.name].map { CurvePlot.Line(model.name, $0.points.compactMap(point)) }
                })
        }
    }

    private var curveSection: HTMLPage.Section? {
        guard !curves.isEmpty else { return nil }
        let count = Pluralization.count(curves.count, "class", "classes")
        return .init(
            "curves", "ROC and precision-recall curves",
            .paragraphs([
                "The \(count) with the most positive images. Figures above the curves are the \(bestName) model's."
            ]),
            .panels(
                panels("1 - specificity", "Sensitivity", { ($0.falsePositiveRate, $0.recall) }, { ("AUC", $0.rocAUC) }),
                "ROC curves"),
            .panels(
                // Where nothing is called there is no precision.
                panels(
                    "Recall", "Precision",
                    { $0.recall + $0.falsePositiveRate > 0 ? ($0.recall, $0.precision) : nil },
                    { ("AP", $0.averagePrecision) }),
                "Precision-recall curves"))
    }

    private var calibration: HTMLPage.Section {
        let plot = ReliabilityPlot(title: "Calibration", models: reliability)
        return .init(
            "calibration", "Calibration",
            calibrated == nil
                ? "<p>The run has no calibration: <code>fovea calibrate</code> makes one, for probabilities that hold.</p>"
                : "",
            .figure(plot.drawing(), "How often a finding is there, by how probable the model calls it"),
            calibrated.map { $0.summary.html("Probabilities as trained, and calibrated") } ?? "",
            .paragraphs([Self.calibrationErrors]))
    }

    private static let calibrationErrors =
        "ECE is the expected calibration error. Pooled, as in the plot and the headline's table, it is over the labels of all "
        + "classes together; the class-wise one is the mean of the classes' own, and mostly larger."

    private var operatingPoints: HTMLPage.Section {
        guard let calibrated else {
            return .init(
                "points", "Operating points",
                .paragraphs([
                    "Thresholds for a sensitivity or a specificity come with a calibration, which this run does not have. "
                        + "The thresholds of highest F1 are in the table of classes."
                ]))
        }
        return .init(
            "points", "Operating points", calibrated.points.html("What the thresholds reach", isSortable: true),
            .paragraphs(calibrated.notes))
    }

    private var longTailGroups: HTMLPage.Section? {
        let parts: [(String, ShotGroup, String)] = [
            ("many", .many, "from \(best.bounds.many)"),
            ("medium", .medium, "\(best.bounds.medium) to \(best.bounds.many - 1)"),
            ("few", .few, "1 to \(best.bounds.medium - 1)"),
        ]
        var table = TextTable(["Part", "Training images", "Classes"])
        for (name, _) in models { table.columns += ["mAP \(name)", "mAUC \(name)"] }
        for (name, group, range) in parts {
            guard let part = best.groups[group] else { continue }
            table.append(
                [.text(name), .text(range), .count(part.classes)]
                    + models.flatMap { model -> [TextTable.Cell] in
                        let part = model.result.groups[group]
                        return [part?.averagePrecision, part?.rocAUC].map {
                            .estimate($0?.overAll ?? ReportedValue(nil as Double?))
                        }
                    })
        }
        guard !table.rows.isEmpty else { return nil }
        return .init(
            "shots", "Many, medium and few",
            .paragraphs([
                "Means over all classes of the part that can be measured. A mean has an interval where each of these classes "
                    + "has enough positive patients for one; means over those alone are in the headline's table."
            ]),
            table.html("Means by the number of training images"))
    }
}
