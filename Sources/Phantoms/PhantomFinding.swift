/// A finding that can be drawn into a phantom, with the two attributes that groupings use.
///
/// Findings with the same `feature` share the way they are drawn (colour, edge, texture), so that knowledge of one helps
/// with the other; findings with the same `region` share the place only.
public enum PhantomFinding: String, CaseIterable, Sendable, Codable, CodingKeyRepresentable {
    /// Pale soft deposits under the macula.
    case drusen
    /// Small dark red dots all over the posterior pole.
    case dotHaemorrhages = "dot_haemorrhages"
    /// A cup that fills most of the optic disc.
    case enlargedCup = "enlarged_cup"
    /// A veil over the whole photograph, as a cataract gives.
    case mediaHaze = "media_haze"
    /// Choroidal vessels that show through a thinned retina.
    case tessellation
    /// A grey glistening membrane with folds over the macula.
    case epiretinalMembrane = "epiretinal_membrane"
    /// Vessels that wind.
    case tortuousVessels = "tortuous_vessels"
    /// Bright yellow sharp deposits, often in rings near the macula.
    case hardExudates = "hard_exudates"
    /// Pale round burns with pigment, outside the arcades.
    case laserScars = "laser_scars"
    /// A pale crescent or ring around the disc.
    case peripapillaryAtrophy = "peripapillary_atrophy"
    /// White fluffy patches near the arcades.
    case cottonWoolSpots = "cotton_wool_spots"
    /// A sharp pale patch of lost tissue in the macula.
    case geographicAtrophy = "geographic_atrophy"
    /// Dark red streaks along the vessels.
    case flameHaemorrhages = "flame_haemorrhages"
    /// A disc that has lost its pink.
    case discPallor = "disc_pallor"
    /// White lines that accompany vessels.
    case vesselSheathing = "vessel_sheathing"
    /// A swollen disc with a blurred margin.
    case discOedema = "disc_oedema"
    /// A dome of clear fluid under the macula.
    case subretinalFluid = "subretinal_fluid"
    /// Haemorrhages that fill the sector of one vein.
    case branchOcclusion = "branch_occlusion"
    /// Bright particles that float before the retina.
    case asteroidHyalosis = "asteroid_hyalosis"
    /// A slate-grey pigmented patch of the choroid.
    case choroidalNaevus = "choroidal_naevus"

    /// Reads the key of a dictionary, which `JSONFormat` gives in camel case.
    public init?(codingKey: some CodingKey) {
        let name = codingKey.stringValue
        guard let finding = Self.allCases.first(where: { $0.rawValue == name || "\($0)" == name }) else { return nil }
        self = finding
    }

    /// The name in words, such as "Dot haemorrhages".
    public var title: String {
        let words = rawValue.replacing("_", with: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    /// Where the finding sits: disc, macula, vessels, whole or media.
    public var region: String {
        switch self {
        case .drusen, .epiretinalMembrane, .hardExudates, .geographicAtrophy, .subretinalFluid: "macula"
        case .enlargedCup, .peripapillaryAtrophy, .discPallor, .discOedema: "disc"
        case .dotHaemorrhages, .tortuousVessels, .cottonWoolSpots, .flameHaemorrhages, .vesselSheathing,
            .branchOcclusion:
            "vessels"
        case .tessellation, .laserScars, .choroidalNaevus: "whole"
        case .mediaHaze, .asteroidHyalosis: "media"
        }
    }

    /// What the finding looks like: haemorrhage, deposit, atrophy, opacity, disc_shape, membrane, vessel_shape, scar,
    /// fluid or pigment.
    public var feature: String {
        switch self {
        case .dotHaemorrhages, .flameHaemorrhages, .branchOcclusion: "haemorrhage"
        case .drusen, .hardExudates, .cottonWoolSpots: "deposit"
        case .tessellation, .peripapillaryAtrophy, .geographicAtrophy: "atrophy"
        case .mediaHaze, .asteroidHyalosis: "opacity"
        case .enlargedCup, .discPallor: "disc_shape"
        case .epiretinalMembrane: "membrane"
        case .tortuousVessels, .vesselSheathing: "vessel_shape"
        case .laserScars: "scar"
        case .discOedema, .subretinalFluid: "fluid"
        case .choroidalNaevus: "pigment"
        }
    }

    /// Findings that would hide this one in the same eye; labels never combine them.
    package var conflicts: Set<PhantomFinding> {
        switch self {
        case .discOedema: [.enlargedCup, .discPallor]
        case .enlargedCup, .discPallor: [.discOedema]
        case .geographicAtrophy: [.subretinalFluid]
        case .subretinalFluid: [.geographicAtrophy]
        default: []
        }
    }
}
