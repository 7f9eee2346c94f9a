import Basics

/// Hands out findings to patients so that every class has exactly the count its prevalence asks for.
struct Allotment {
    let settings: PhantomSettings

    /// All patients with their findings, a pure function of the settings.
    func patients() throws -> [PhantomPatient] {
        let training = try split("train", first: 0, count: settings.trainingPatients, minimum: 1)
        return try training
            + split(
                "val", first: settings.trainingPatients, count: settings.validationPatients,
                minimum: settings.minimumValidationPositives)
    }

    private func split(_ name: String, first: Int, count: Int, minimum: Int) throws -> [PhantomPatient] {
        guard count > 0 else { return [] }
        var random = SeededRandom(seed: settings.seed, SeededRandom.key("labels"), SeededRandom.key(name))
        var patients = (first..<first + count).map { PhantomPatient(number: $0, split: name, seed: settings.seed) }
        let healthy = Int((settings.healthyShare * Double(count)).rounded())
        let affected = Array(patients.indices.shuffled(using: &random).dropFirst(healthy))
        for finding in settings.findings {
            let share = settings.prevalence[finding] ?? 0
            let wanted = max(minimum, Int((share * Double(2 * count)).rounded()))
            let given = give(finding, wanted, to: affected, of: &patients, &random)
            guard given == wanted else {
                throw FoveaError(
                    .configuration,
                    "phantoms: split \"\(name)\" needs \(wanted) eyes with \(finding.rawValue), but only \(given) of its "
                        + "\(affected.count) patients' eyes are free for it",
                    remedy: "Ask for more patients, fewer minimumValidationPositives or a lower prevalence.")
            }
        }
        return patients
    }

    /// Gives a finding to `wanted` eyes if it can; returns how many got it.
    private func give(
        _ finding: PhantomFinding, _ wanted: Int, to affected: [Int], of patients: inout [PhantomPatient],
        _ random: inout SeededRandom
    ) -> Int {
        var given = 0
        let order = affected.shuffled(using: &random)
        // First with both eyes or one of each patient, then, if that was not enough, every eye that is still free.
        for takesAll in [false, true] {
            for i in order where given < wanted {
                let isBilateral = random.chance(settings.bilateralShare)
                let eyes = PhantomEye.allCases.shuffled(using: &random)
                for eye in takesAll || isBilateral ? eyes : Array(eyes.prefix(1)) where given < wanted {
                    var present = patients[i].findings[eye] ?? []
                    guard present.isDisjoint(with: finding.conflicts), present.insert(finding).inserted else {
                        continue
                    }
                    patients[i].findings[eye] = present
                    given += 1
                }
            }
        }
        return given
    }
}
