import Basics

/// Assigns findings to patients so that every class has exactly the count that its prevalence gives.
struct Allotment {
    let settings: PhantomSettings

    /// All patients with their findings, a pure function of the settings.
    func patients() throws -> [PhantomPatient] {
        let training = try split(
            "train", option: "--training", first: 0, count: settings.trainingPatients, minimum: 1)
        return try training
            + split(
                "val", option: "--validation", first: settings.trainingPatients, count: settings.validationPatients,
                minimum: settings.minimumValidationPositives)
    }

    /// A finding for which there are too few eyes.
    private struct Shortage: Error {
        let finding: PhantomFinding
        let requested: Int
        let given: Int
        let affected: Int
    }

    private func split(
        _ name: String, option: String, first: Int, count: Int, minimum: Int
    ) throws -> [PhantomPatient] {
        do {
            return try allot(name, first: first, count: count, minimum: minimum)
        } catch let shortage as Shortage {
            // Tried in turn, since the draw has a part in it; where that many do not help, no number does.
            let tried = count + 1..<max(count + 2, 200 + 2 * (minimum + settings.findings.count))
            let least = tried.first { (try? allot(name, first: first, count: $0, minimum: minimum)) != nil }
            throw FoveaError(
                .configuration,
                "phantoms: split \"\(name)\" needs \(Pluralization.count(shortage.requested, "eye")) with "
                    + "\(shortage.finding.rawValue), but \(option) \(count) gives "
                    + "\(Pluralization.count(shortage.affected, "patient")) with findings, and only \(shortage.given) of their "
                    + "\(2 * shortage.affected) eyes can have it",
                remedy: least.map { "Give \(option) \($0) or more." }
                    ?? "More patients would not help: lower the prevalence or --positives.")
        }
    }

    private func allot(_ name: String, first: Int, count: Int, minimum: Int) throws -> [PhantomPatient] {
        guard count > 0 else { return [] }
        var random = SeededRandom(seed: settings.seed, SeededRandom.key("labels"), SeededRandom.key(name))
        var patients = (first..<first + count).map { PhantomPatient(number: $0, split: name, seed: settings.seed) }
        let healthy = Int((settings.healthyShare * Double(count)).rounded())
        let affected = Array(patients.indices.shuffled(using: &random).dropFirst(healthy))
        for finding in settings.findings {
            let share = settings.prevalence[finding] ?? 0
            let requested = max(minimum, Int((share * Double(2 * count)).rounded()))
            let given = give(finding, requested, to: affected, of: &patients, &random)
            guard given == requested else {
                throw Shortage(finding: finding, requested: requested, given: given, affected: affected.count)
            }
        }
        return patients
    }

    /// Gives a finding to `requested` eyes if it can; returns how many got it.
    private func give(
        _ finding: PhantomFinding, _ requested: Int, to affected: [Int], of patients: inout [PhantomPatient],
        _ random: inout SeededRandom
    ) -> Int {
        var given = 0
        let order = affected.shuffled(using: &random)
        // First with both eyes or one of each patient, then, if that was not enough, every eye that is still free.
        for takesAll in [false, true] {
            for i in order where given < requested {
                let isBilateral = random.chance(settings.bilateralShare)
                let eyes = PhantomEye.allCases.shuffled(using: &random)
                for eye in takesAll || isBilateral ? eyes : Array(eyes.prefix(1)) where given < requested {
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
