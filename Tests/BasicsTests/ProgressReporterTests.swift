import Basics
import Testing

/// The rate is that of this process.
@Suite struct ProgressTests {
    @Test func whatWasDoneBeforeIsNotInTheRate() {
        let progress = ProgressReporter("plain", total: 2000, unit: "images", before: 1000)
        progress.update(1050)
        #expect(progress.line(seconds: 10).hasPrefix("plain: 1050/2000 images (52 %), 5.0/s, 3 min 10 s left"))
        #expect(progress.closingLine(seconds: 10) == "plain: 50 images in 10 s (5.0/s), 1000 images before")
        let whole = ProgressReporter("plain", total: 2000, unit: "images")
        whole.update(1000)
        #expect(whole.line(seconds: 10) == "plain: 1000/2000 images (50 %), 100/s, 10 s left")
        #expect(whole.closingLine(seconds: 10, note: "loss 1") == "plain: 1000 images in 10 s (100/s), loss 1")
    }
}
