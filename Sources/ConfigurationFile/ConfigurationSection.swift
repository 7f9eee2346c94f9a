/// A part of a configuration: a struct with its defaults, and one table that says which key holds which property.
///
/// From that table alone come reading (`ConfigurationReader`), `--set` and the complete configuration written back
/// (`ConfigurationWriter`).
///
/// ```swift
/// struct Training: ConfigurationSection {
///     var epochs = 10
///     var rate = 1e-3
///     var schedule = Schedule.cosine
///     var average: Averaging?
///
///     static let fields: [Field<Self>] = [
///         Field("epochs", \.epochs, .integer(1...10_000), "Passes over the training images"),
///         Field("rate", \.rate, .number(above: 0, through: 1), "Learning rate after the warm-up"),
///         Field("schedule", \.schedule, .choice, "How the learning rate falls"),
///         Field("average", \.average, .optional(.section), "Moving average of the weights"),
///     ]
/// }
/// ```
public protocol ConfigurationSection: Sendable {
    /// The section with its defaults.
    init()

    /// The keys of the section in the order in which they are written, and read wherever they are in the file: so a key
    /// may set defaults of later ones. No key may occur twice.
    static var fields: [Field<Self>] { get }

    /// Checks what one field alone cannot know. Called after all fields of the section were read without error.
    ///
    /// - Throws: `FoveaError`; the reader puts the place and the section's key before its message.
    func validate() throws
}

extension ConfigurationSection {
    /// Every combination of values is possible.
    public func validate() throws {}
}
