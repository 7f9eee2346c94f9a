import Basics
import Foundation

/// How far probabilities can be trusted: how often the finding is there, against how probable the model called it.
public struct ReliabilityPlot: Sendable {
    /// One bin of predicted probabilities.
    public struct Bin: Sendable {
        /// Predictions in the bin.
        public var count: Int
        /// Their mean probability, 0 to 1; nil when the bin is empty.
        public var meanProbability: Double?
        /// The share of them that are positive, 0 to 1; nil when the bin is empty.
        public var positiveRate: Double?

        /// A bin.
        public init(count: Int, meanProbability: Double?, positiveRate: Double?) {
            self.count = count
            self.meanProbability = meanProbability
            self.positiveRate = positiveRate
        }
    }

    /// One model.
    public struct Model: Sendable {
        /// Its name.
        public var name: String
        /// Its bins of equal width, from probability 0 to 1.
        public var bins: [Bin]
        /// Its calibration error, shown beside the name.
        public var calibrationError: Double?

        /// A model's bins.
        public init(_ name: String, bins: [Bin], calibrationError: Double? = nil) {
            self.name = name
            self.bins = bins
            self.calibrationError = calibrationError
        }
    }

    /// The plot's title.
    public var title: String
    /// The models.
    public var models: [Model]

    /// A plot of some models' calibration.
    public init(title: String, models: [Model]) {
        self.title = title
        self.models = models
    }

    /// The drawing.
    public func drawing() -> Drawing {
        let side = 380.0
        let start = 84.0
        let width = start + side + 40
        let names = models.map { model in
            model.name + (model.calibrationError.map { " (ECE \(NumberFormat.fixed($0)))" } ?? "")
        }
        let places = Palette.places(of: models.map(\.name))
        var sketch = Drawing(width: width, height: 100, title: title)
        let legendHeight = sketch.legend(names, places: places, left: 20, right: width - 20, y: 0, hasLines: true)
        let top = 78 + legendHeight
        let bottom = top + side
        let barsTop = bottom + 66
        let barsBottom = barsTop + 104
        var drawing = Drawing(width: width, height: barsBottom + 24, title: title)
        drawing.head(title, "On the dashed line probabilities are right", left: 20)
        drawing.legend(names, places: places, left: 20, right: width - 20, y: 76, hasLines: true)
        let x = Axis.linear([0, 1], from: start, to: start + side)
        let y = Axis.linear([0, 1], from: bottom, to: top)
        drawing.gridX(x, top: top, bottom: bottom, label: "Predicted probability")
        drawing.gridY(y, left: start, right: start + side, label: "Share that is positive")
        drawing.line(start, bottom, start + side, top, Palette.axis, width: 1.4, dash: [5, 4])
        for (index, model) in models.enumerated() {
            let points = model.bins.compactMap { bin -> (x: Double, y: Double)? in
                guard let mean = bin.meanProbability, let rate = bin.positiveRate, mean.isFinite, rate.isFinite else {
                    return nil
                }
                return (x.position(mean), y.position(rate))
            }
            let colour = Palette.series(places[index])
            drawing.path(points, colour)
            for point in points { drawing.marker(.series(places[index]), point.x, point.y, colour) }
            if points.isEmpty {
                drawing.nothing("No predictions.", left: start, right: start + side, y: (top + bottom) / 2)
            }
        }
        drawCounts(on: &drawing, places: places, x: x, top: barsTop, bottom: barsBottom)
        return drawing
    }

    private func drawCounts(on drawing: inout Drawing, places: [Int], x: Axis, top: Double, bottom: Double) {
        let counts = models.flatMap { $0.bins.map { Double($0.count) } }
        let y = Axis.logarithmic(counts, low: 0.5, from: bottom, to: top)
        let labelled = y.ticks.count > 4 ? y.ticks.enumerated().filter { $0.offset % 2 == 0 }.map(\.element) : y.ticks
        let axis = Axis(
            isLogarithmic: true, low: y.low, high: y.high, start: y.start, end: y.end, ticks: labelled)
        drawing.gridY(axis, left: x.start, right: x.end, label: "Predictions (log)")
        for (index, model) in models.enumerated() where !model.bins.isEmpty {
            let slot = (x.end - x.start) / Double(model.bins.count)
            let bar = (slot - 4) / Double(models.count)
            for (place, bin) in model.bins.enumerated() where bin.count > 0 {
                let height = bottom - y.position(Double(bin.count))
                let left = x.start + Double(place) * slot + 2 + Double(index) * bar
                drawing.rectangle(
                    left, bottom - height, max(1, bar - 1), height, Palette.series(places[index]), radius: 1)
            }
        }
        drawing.line(x.start, bottom, x.end, bottom, Palette.axis)
    }
}
