import Basics
import Foundation
import FundusImaging

/// A folder of drawn photographs with a label table and attributes, in the form that a user's data have.
///
/// The folder holds `images/*.jpg`, `labels.csv`, `attributes.yaml` and `phantoms.json` (the settings, and whether the
/// set is complete).
public struct PhantomDataset: Sendable {
    /// The folder.
    public let folder: String
    /// What it was drawn from.
    public let settings: PhantomSettings
    /// Every patient with the findings of both eyes.
    public let patients: [PhantomPatient]

    /// Path of the folder of photographs.
    public var images: String { PathName.joined(folder, "images") }
    /// Path of the label table.
    public var labels: String { PathName.joined(folder, "labels.csv") }
    /// Path of the class attributes.
    public var attributes: String { PathName.joined(folder, "attributes.yaml") }
    private var manifest: String { PathName.joined(folder, "phantoms.json") }

    /// Raised whenever the drawing changes, so that an old folder is not taken for a new one.
    private static let version = 1

    private struct Manifest: Codable, Equatable {
        var version: Int
        var isComplete: Bool
        var settings: PhantomSettings
    }

    /// Plans a set without drawing: labels only.
    ///
    /// - Throws: `FoveaError` of kind `configuration` for impossible settings.
    public init(_ settings: PhantomSettings, folder: String) throws {
        try settings.validate()
        self.folder = folder
        self.settings = settings
        patients = try Allotment(settings: settings).patients()
    }

    /// Draws the set into its folder; does nothing when it is there already, and finishes one that was interrupted.
    ///
    /// - Parameters:
    ///   - threads: photographs drawn at a time, at least 1.
    ///   - replacing: draws over a set of other settings instead of refusing.
    ///   - shouldStop: called several times per second; true ends the work after the photographs that are being drawn.
    /// - Returns: the number of photographs drawn now; 0 when the set was complete.
    /// - Throws: `FoveaError` of kind `data` when the folder holds something else, `storage` when writing fails;
    ///   `CancellationError` when stopped.
    @discardableResult
    public func draw(
        threads: Int, replacing: Bool = false, shouldStop: () -> Bool = { false }
    ) throws -> Int {
        try Folder.check(folder, named: "the folder to fill")
        if try prepare(replacing: replacing) { return 0 }
        let photographs = patients.flatMap { patient in PhantomEye.allCases.map { (patient, $0) } }
            .filter { patient, eye in !FileManager.default.fileExists(atPath: path(patient, eye)) }
        try drawAll(photographs, threads: max(1, threads), shouldStop: shouldStop)
        let tables = PhantomTables(settings: settings, patients: patients)
        try AtomicFile.write(tables.attributes, to: attributes)
        try AtomicFile.write(tables.labels, to: labels)
        try write(isComplete: true)
        return photographs.count
    }

    private func path(_ patient: PhantomPatient, _ eye: PhantomEye) -> String {
        PathName.joined(images, patient.imageName(eye))
    }

    /// Makes the folder ready; true when it already holds the complete set.
    private func prepare(replacing: Bool) throws -> Bool {
        let files = FileManager.default
        let found = try readManifest()
        let expected = Manifest(version: Self.version, isComplete: true, settings: settings)
        if found != nil { removeLeftOver() }
        if let found, found.version == expected.version, found.settings == settings {
            if found.isComplete && isIntact() { return true }
        } else if found != nil {
            guard replacing else {
                throw FoveaError(
                    .data, about: folder, "holds phantoms that were drawn from other settings (\(manifest))",
                    remedy: "Choose another folder.")
            }
            if let found { try removePhotographs(of: found.settings) }
        } else if let content = try? files.contentsOfDirectory(atPath: folder),
            content.contains(where: { PartialFile.finalName(of: $0) != (manifest as NSString).lastPathComponent })
        {
            // Another process has begun to draw since it was looked for.
            if files.fileExists(atPath: manifest) { return try prepare(replacing: replacing) }
            throw FoveaError(
                .data, about: folder, "is not empty and holds no phantoms.json, so it is not a folder of phantoms",
                remedy: "Choose another folder.")
        }
        // The manifest first: without it the folder would not be recognised as Fovea's.
        try Folder.make(folder)
        try write(isComplete: false)
        try Folder.make(images)
        return false
    }

    /// Removes what processes that have ended had begun to write.
    private func removeLeftOver() {
        let own = [labels, attributes, manifest].map { ($0 as NSString).lastPathComponent }
        PartialFile.removeLeftOver(in: folder, isOwn: own.contains)
        PartialFile.removeLeftOver(in: images) { $0.hasSuffix(".jpg") }
    }

    /// Removes the photographs of another set; files of other names stay.
    private func removePhotographs(of settings: PhantomSettings) throws {
        for patient in try Allotment(settings: settings).patients() {
            for eye in PhantomEye.allCases { unlink(path(patient, eye)) }
        }
    }

    private func isIntact() -> Bool {
        let files = FileManager.default
        guard files.fileExists(atPath: labels), files.fileExists(atPath: attributes) else { return false }
        let present = Set((try? files.contentsOfDirectory(atPath: images)) ?? [])
        return patients.allSatisfy { patient in
            PhantomEye.allCases.allSatisfy { present.contains(patient.imageName($0)) }
        }
    }

    private func readManifest() throws -> Manifest? {
        guard let data = try RegularFile.contents(of: manifest, atMost: 1 << 20) else { return nil }
        do {
            return try JSONFormat.decoded(Manifest.self, from: data)
        } catch {
            throw FoveaError(
                .data, about: manifest,
                "cannot be read as the settings of a set of phantoms: \(JSONFault.words(error, in: data))",
                remedy: "Choose another folder, or remove the drawn files in \(folder).")
        }
    }

    private func write(isComplete: Bool) throws {
        let found = Manifest(version: Self.version, isComplete: isComplete, settings: settings)
        do {
            try AtomicFile.write(JSONFormat.encoded(found), to: manifest)
        } catch let error as EncodingError {
            throw FoveaError(.configuration, "the settings of the phantoms cannot be written: \(error)")
        }
    }

    private func drawAll(
        _ photographs: [(PhantomPatient, PhantomEye)], threads: Int, shouldStop: () -> Bool
    ) throws {
        guard !photographs.isEmpty else { return }
        let painter = PhantomPainter(seed: settings.seed, side: settings.side)
        let progress = ProgressReporter("Drawing phantoms", total: photographs.count, unit: "images")
        let isDone = try Parallel.forEach(
            count: photographs.count, threads: threads, progress: progress, shouldStop: shouldStop
        ) { i in
            let (patient, eye) = photographs[i]
            let findings = settings.drawFindings ? patient.findings[eye] ?? [] : []
            let image = try painter.paint(patient: patient.number, eye: eye, findings: findings)
            // To wait for the disk would take longer than to draw it again.
            try AtomicFile.write(try image.jpeg(quality: 90), to: path(patient, eye), isFlushed: false)
        }
        guard isDone else { throw CancellationError() }
        progress.finish()
    }
}
