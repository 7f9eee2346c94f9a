import Basics

/// The texts beside the photographs, in the forms that users' data have.
struct PhantomTables {
    let settings: PhantomSettings
    let patients: [PhantomPatient]

    /// The label table: image, patient, eye, age, sex, split, then `normal` and one column per finding.
    var labels: String {
        let findings = settings.findings
        let header = ["image", "patient", "eye", "age", "sex", "split", "normal"] + findings.map(\.rawValue)
        var text = CSVText(header: header)
        for patient in patients {
            for eye in PhantomEye.allCases {
                let present = patient.findings[eye] ?? []
                var cells = [patient.imageName(eye), patient.name, eye.rawValue, String(patient.age), patient.sex]
                cells += [patient.split, present.isEmpty ? "1" : "0"]
                cells += findings.map { present.contains($0) ? "1" : "0" }
                text.append(cells)
            }
        }
        return text.text
    }

    /// The attributes of the classes, in the order of the table's columns.
    var attributes: String {
        var text = """
            # Attributes of the phantoms' classes.
            # region: where the finding sits. feature: what it looks like. "normal" sits nowhere.
            classes:
              - {id: normal, name: "No finding", region: [], feature: []}

            """
        for finding in settings.findings {
            text += "  - {id: \(finding.rawValue), name: \"\(finding.title)\", "
            text += "region: [\(finding.region)], feature: [\(finding.feature)]}\n"
        }
        return text
    }
}
