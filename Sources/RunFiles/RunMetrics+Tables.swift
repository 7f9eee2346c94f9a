import Evaluation
import Reports

extension TeacherTable {
    /// Each class of each teacher of a run, beside plain model and student.
    ///
    /// - Parameter names: names for people, by class.
    package init(
        _ teachers: [RunMetrics.Teacher], plain: EvaluationResult, student: EvaluationResult?, names: [String: String]
    ) {
        let plain = Dictionary(plain.classes.map { ($0.name, $0) }) { first, _ in first }
        let student = Dictionary((student?.classes ?? []).map { ($0.name, $0) }) { first, _ in first }
        self.init(
            teachers.flatMap { teacher in
                teacher.classes.map { entry in
                    let own = plain[entry.name]
                    return Row(
                        name: names[entry.name] ?? entry.name, teacher: teacher.subset,
                        trainingImages: own?.trainingImages ?? 0, positives: own?.positives ?? 0,
                        plainAP: own?.averagePrecision.value, teacherAP: entry.averagePrecision,
                        studentAP: student[entry.name]?.averagePrecision.value,
                        plainAUC: own?.rocAUC.value, teacherAUC: entry.rocAUC)
                }
            })
    }
}

extension CostTable {
    /// What the stages of a run cost.
    package init(_ costs: [RunMetrics.Cost], plainStages: Int) {
        self.init(
            costs.map {
                Row($0.stage, seconds: $0.seconds, images: $0.images, views: $0.views, isReused: $0.reused)
            }, plainStages: plainStages)
    }
}
