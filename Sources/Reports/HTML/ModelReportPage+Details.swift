import Basics
import Evaluation
import Plots

/// The second half of the page: whom the model serves, where it fails, and where it comes from.
extension ModelReport {
    var subgroupSection: HTMLPage.Section {
        guard !subgroups.isEmpty else {
            return .init(
                "subgroups", "Subgroups",
                .paragraphs(["The label table has no column with 2 to 10 values, and no ages."]))
        }
        let level = best.bootstrap.map { " [\(NumberFormat.shortest(100 * $0.level)) %]" } ?? ""
        var table = TextTable([
            "Column", "Value", "Images", "Patients", "Classes", "mAUC", "mAUC of the rest", "Difference" + level,
        ])
        var column: String?
        for subgroup in subgroups {
            if let column, column != subgroup.column { table.rules.insert(table.rows.count) }
            column = subgroup.column
            let found = subgroup.comparison
            table.append(
                .text(subgroup.column), .text(subgroup.value), .count(found.images), .count(found.patients),
                .count(found.classes), .number(found.rocAUC), .number(found.rest),
                .difference(
                    ReportedValue(found.difference, low: found.interval?.low, high: found.interval?.high)))
        }
        return .init(
            "subgroups", "Subgroups",
            .paragraphs([
                "The mean area under the ROC curve in each part of the images and in all others with a value, over the "
                    + "classes with enough positive patients in both. Intervals are of the difference, by a bootstrap over "
                    + "patients; with many rows, some leave out zero by chance."
            ]), table.html("The \(bestName) model by columns of the label table"))
    }

    var decisionSection: HTMLPage.Section? {
        guard !decisions.isEmpty else { return nil }
        let plots = decisions.map { decision -> CurvePlot in
            let curve = decision.netBenefit
            let highest = max(curve.model.max() ?? 0, curve.all.max() ?? 0, 0.001)
            func points(_ values: [Double]) -> [(x: Double, y: Double)] {
                zip(curve.thresholds, values).map { ($0, $1) }
            }
            let end = curve.thresholds.last ?? 1
            return CurvePlot(
                title: shown(decision.name), subtitle: "in true positives per image", x: ("Threshold", 0...end),
                y: ("Net benefit", -0.2 * highest...1.1 * highest),
                lines: [
                    .init(bestName, points(curve.model)), .init("act on all", points(curve.all), isReference: true),
                    .init("act on none", points(curve.all.map { _ in 0 }), isReference: true, isDashed: true),
                ])
        }
        return .init(
            "net-benefit", "Net benefit",
            .paragraphs([
                "What acting on the \(bestName) model's \(calibrated == nil ? "" : "calibrated ")probabilities is worth, against "
                    + "acting on every image and on none (Vickers and Elkin, 2006). A threshold of 0.1 holds a missed "
                    + "finding for as bad as nine needless actions. The dashed line is acting on none."
            ]), .panels(plots, "Net benefit by threshold probability"))
    }

    var mistakes: HTMLPage.Section {
        let all = missed + falseAlarms
        let maps = all.compactMap(\.map)
        var texts = ["Measured by the table's labels, which may be wrong themselves; at most two of each class."]
        if let first = maps.first {
            let size = "\(first.columns) x \(first.rows)"
            texts.append(
                "Beside each photograph, in yellow to red: what speaks for the class, each map on a scale of its own. "
                    + (first.coarse
                        ? "These maps have \(size) places only, too few to show where something is; a network of 224 pixels "
                            + "or more has enough."
                        : "It shows what decided, not where a lesion ends: a map has \(size) places, blurred between them.")
                    + (first.exact ? "" : " For this network it is an approximation by gradients."))
        }
        if let mapsMissing, !all.isEmpty {
            texts.append("Where the model looked is not shown: \(mapsMissing).")
        }
        return .init(
            "mistakes", "The worst mistakes", .paragraphs(texts),
            "<h3>Missed findings, the least probable first</h3>", list(missed),
            "<h3>False alarms, the most probable first</h3>", list(falseAlarms))
    }

    private func list(_ mistakes: [Mistake]) -> HTML {
        guard !mistakes.isEmpty else { return "<p>None.</p>" }
        let items = mistakes.map { mistake -> HTML in
            let probability = NumberFormat.fixed(mistake.probability)
            let labels = mistake.labels.isEmpty ? "none" : mistake.labels.map(shown).joined(separator: ", ")
            return """
                <li><div>\(images(of: mistake))</div><strong>\(shown(mistake.name))</strong>: \(probability) \
                (threshold \(NumberFormat.fixed(mistake.threshold)))<br>Labels: \(labels)<br><code>\(mistake.image)</code></li>
                """
        }
        return "<ul class=\"mistakes\">\(items)</ul>"
    }

    private func images(of mistake: Mistake) -> [HTML] {
        guard let thumbnail = mistake.thumbnail else {
            return ["<span class=\"gone\">The image is gone, or another one than the run saw.</span>"]
        }
        let photograph = HTML.image(thumbnail, alternative: "Photograph \(mistake.image)")
        guard let map = mistake.map else { return [photograph] }
        let name = shown(mistake.name)
        guard map.values.contains(where: { $0 > 0 }) else {
            return [photograph, "<span class=\"gone\">No place speaks for \(name).</span>"]
        }
        return [photograph, .image(map.overlay, alternative: "The same photograph with what speaks for \(name)")]
    }

    var teacherSection: HTMLPage.Section? {
        guard let teachers, !teachers.rows.isEmpty else { return nil }
        return .init(
            "teachers", "Teachers",
            .figure(
                teachers.plot(
                    title: "Average precision of plain model, teachers and student", bounds: best.bounds
                ).drawing(), "Class by class"), teachers.table().html("Teachers against plain model and student"))
    }

    var training: HTMLPage.Section {
        .init(
            "training", "Training",
            .figure(TrainingCurvesPlot(title: "Training", history: history).drawing(), "Loss and validation mAP"),
            cost.table().html("What the stages cost"), .paragraphs(cost.notes()))
    }

    var provenance: HTMLPage.Section {
        .init(
            "provenance", "Data, versions and how to repeat it", .hashes(hashes),
            "<p>The same training again, and this page:</p>", .commands(commands))
    }
}
