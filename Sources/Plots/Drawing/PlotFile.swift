import Basics

extension Drawing {
    /// Writes the plot as an SVG file, whole or not at all.
    ///
    /// - Throws: `FoveaError` of kind `storage`.
    public func write(to path: String) throws { try AtomicFile.write(svg(), to: path) }
}
