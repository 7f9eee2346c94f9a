/// Which of a patient's eyes a photograph shows.
public enum PhantomEye: String, CaseIterable, Sendable, Codable {
    /// The left eye: its disc lies left of the macula.
    case left
    /// The right eye: its disc lies right of the macula.
    case right
}
