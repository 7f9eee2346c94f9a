import Basics

/// A patient of a set of phantoms: what the label table says about both eyes.
public struct PhantomPatient: Sendable, Equatable {
    /// From 0; the patients of the training split come first.
    public let number: Int
    /// "train" or "val".
    public let split: String
    /// In years; has nothing to do with the findings.
    public let age: Int
    /// "Female" or "Male"; has nothing to do with the findings.
    public let sex: String
    /// The findings of each eye.
    public internal(set) var findings: [PhantomEye: Set<PhantomFinding>] = [:]

    init(number: Int, split: String, seed: UInt64) {
        var random = SeededRandom(seed: seed, UInt64(number), SeededRandom.key("person"))
        self.number = number
        self.split = split
        age = 30 + random.index(below: 56)
        sex = random.chance(0.5) ? "Female" : "Male"
    }

    /// The name in the label table, such as "p0042".
    public var name: String {
        let digits = String(number + 1)
        return "p" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    /// The file name of one photograph, such as "p0042_left.jpg".
    public func imageName(_ eye: PhantomEye) -> String { "\(name)_\(eye.rawValue).jpg" }
}
