/// The program itself.
public enum Program {
    /// The version, printed by `fovea --version` and written into every run.
    public static let version = "0.1.0"
}
