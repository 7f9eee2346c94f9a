/// The units that are drawn: patients, and single rows where the patient is unknown.
package struct PatientIndex: Sendable {
    /// The unit of each row.
    package let unitOfRow: [Int32]
    /// How many units there are.
    package let count: Int
    /// How many of them are patients with a name.
    package let named: Int

    package init(_ outcomes: Outcomes) {
        var units: [Int32] = []
        units.reserveCapacity(outcomes.images.count)
        var unitOfPatient: [String: Int32] = [:]
        var next: Int32 = 0
        for row in outcomes.images.indices {
            let patient = outcomes.patients.isEmpty ? nil : outcomes.patients[row]
            if let patient, let unit = unitOfPatient[patient] {
                units.append(unit)
            } else {
                if let patient { unitOfPatient[patient] = next }
                units.append(next)
                next += 1
            }
        }
        unitOfRow = units
        count = Int(next)
        named = unitOfPatient.count
    }

    /// For each class the number of units with an image of a label: 1 for a positive one, 0 for a negative one.
    func units(_ outcomes: Outcomes, of label: Int8) -> [Int] {
        outcomes.classes.indices.map { column in
            var hasLabel = [Bool](repeating: false, count: count)
            for row in unitOfRow.indices where outcomes.label(image: row, class: column) == label {
                hasLabel[Int(unitOfRow[row])] = true
            }
            return hasLabel.count { $0 }
        }
    }
}
