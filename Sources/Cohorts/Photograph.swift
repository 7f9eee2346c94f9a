/// One photograph of a cohort: its name, its file and what the table says about it in addition to the labels.
public struct Photograph: Sendable, Hashable, Codable {
    /// The name that identifies it in tables of this cohort: the cell of the image column, with the split's name in
    /// front ("train/12") where several tables each number their images from 1.
    public var image: String
    /// The path of its file, which may be missing.
    public var path: String
    /// Whose eye it is; nil when the table does not say: then it counts as a patient of its own.
    public var patient: String?
    /// The eye as the table writes it, such as "left".
    public var eye: String?
    /// The patient's age in years, 0 to 130.
    public var age: Double?
    /// The patient's sex as the table writes it.
    public var sex: String?
    /// The number in the table's fold column, 0 or more.
    public var fold: Int?
    /// The word in the table's split column, or the split's name given with the table.
    public var split: String?

    /// Makes a photograph from its parts.
    public init(
        image: String, path: String, patient: String? = nil, eye: String? = nil, age: Double? = nil,
        sex: String? = nil, fold: Int? = nil, split: String? = nil
    ) {
        self.image = image
        self.path = path
        self.patient = patient
        self.eye = eye
        self.age = age
        self.sex = sex
        self.fold = fold
        self.split = split
    }

    /// The fold that a cell names, also as spreadsheets write whole numbers ("1.0"); nil for anything else.
    public static func fold(_ cell: String) -> Int? {
        guard let number = Int(cell.hasSuffix(".0") ? cell.dropLast(2) : cell[...]), number >= 0 else { return nil }
        return number
    }
}
