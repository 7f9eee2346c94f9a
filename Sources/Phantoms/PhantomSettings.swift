import Basics

/// What a set of phantoms contains. Two sets with the same settings have the same bytes.
public struct PhantomSettings: Codable, Sendable, Equatable {
    /// Patients of the training split, two photographs each.
    public var trainingPatients = 600
    /// Patients of the validation split, two photographs each.
    public var validationPatients = 300
    /// Width and height of the photographs in pixels, 64 to 1024.
    public var side = 192
    /// Decides every eye and every label.
    public var seed: UInt64 = 1
    /// The share of eyes with each finding in the training split, above 0 and at most 0.5. Findings left out are
    /// neither drawn nor in the table.
    public var prevalence = PhantomSettings.longTail
    /// The share of patients with two healthy eyes, from 0 to 0.9.
    public var healthyShare = 0.35
    /// The share of affected patients in whom a finding takes both eyes, from 0 to 1.
    public var bilateralShare = 0.5
    /// How many eyes with each finding the validation split holds at least, where its prevalence gives fewer.
    public var minimumValidationPositives = 24
    /// False draws every eye without its findings and keeps the labels: a recogniser must then score at chance.
    public var drawFindings = true

    /// The settings of the demo: 1,800 photographs, 20 findings from 24 % down to 1 %.
    public init() {}

    /// Shares of eyes from 24 % down to 1 %. Rare findings share region and look with a frequent one (flame
    /// haemorrhages with dots), only the region (fluid under the macula), or neither (a naevus).
    public static let longTail: [PhantomFinding: Double] = [
        .drusen: 0.24, .dotHaemorrhages: 0.2, .enlargedCup: 0.16, .mediaHaze: 0.13, .tessellation: 0.11,
        .epiretinalMembrane: 0.09, .tortuousVessels: 0.08, .hardExudates: 0.07, .laserScars: 0.055,
        .peripapillaryAtrophy: 0.045, .cottonWoolSpots: 0.035, .geographicAtrophy: 0.028, .flameHaemorrhages: 0.023,
        .discPallor: 0.02, .vesselSheathing: 0.016, .discOedema: 0.014, .subretinalFluid: 0.012,
        .branchOcclusion: 0.012, .asteroidHyalosis: 0.01, .choroidalNaevus: 0.01,
    ]

    /// The findings of the set, the most frequent first; the order of the classes after `normal`.
    public var findings: [PhantomFinding] {
        PhantomFinding.allCases.filter { prevalence[$0] != nil }
            .enumerated().sorted { a, b in
                let (p, q) = (prevalence[a.element] ?? 0, prevalence[b.element] ?? 0)
                return p == q ? a.offset < b.offset : p > q
            }
            .map(\.element)
    }

    /// Checks every value.
    ///
    /// - Throws: `FoveaError` of kind `configuration` that names the first impossible value and what is allowed.
    public func validate() throws {
        // What `fovea phantoms` has an option for is called as there.
        try check("--training", trainingPatients, 1, 1_000_000)
        try check("--validation", validationPatients, 0, 1_000_000)
        try check("--side", side, 64, 1024)
        try check("healthyShare", healthyShare, 0, 0.9)
        try check("bilateralShare", bilateralShare, 0, 1)
        try check("--positives", minimumValidationPositives, 0, 1_000_000)
        guard !prevalence.isEmpty else {
            throw FoveaError(
                .configuration, "prevalence is empty",
                remedy: "Give a share for at least one finding, such as drusen: 0.2.")
        }
        for finding in findings {
            try check("prevalence of \(finding.rawValue)", prevalence[finding] ?? 0, 1e-6, 0.5)
        }
    }

    private func check<Value: Comparable>(_ name: String, _ value: Value, _ low: Value, _ high: Value) throws {
        guard value >= low, value <= high else {
            throw FoveaError(.configuration, "\(name) is \(value); allowed: \(low) to \(high)")
        }
    }
}
