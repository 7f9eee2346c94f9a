/// The colours of Fovea's plots. Series use the colour-blind safe set of Okabe and Ito (2008), and a marker of their
/// own each, so that no plot needs colour to be read.
package enum Palette {
    /// Titles and labels.
    static let ink = "#1f2933"
    /// Second-rank text and tick labels.
    static let grey = "#5f6c7b"
    /// Axes.
    static let axis = "#9aa5b1"
    /// Grid lines.
    static let grid = "#e4e9ef"
    /// Bands behind every other group.
    static let band = "#f5f7fa"
    /// Bars of many-, medium- and few-shot classes.
    static let shots = ["#6b8fb5", "#9db9d4", "#cbdae9", "#cbdae9"]

    private static let seriesColours = ["#0072b2", "#d55e00", "#009e73", "#b5559a", "#a67c00", "#56b4e9", "#4d4d4d"]

    /// What the colours become on a dark page, by the colour on a white one.
    private static let dark = [
        "#ffffff": "#1b2027", ink: "#e4e8ee", grey: "#a9b4c1", axis: "#77828f", grid: "#313a45", band: "#232a33",
        shots[0]: "#5d84ad", shots[1]: "#46678a", shots[2]: "#354e69",
        "#0072b2": "#56aee8", "#d55e00": "#f0883e", "#009e73": "#3cc79c", "#b5559a": "#dc8fc6", "#a67c00": "#d4a93c",
        "#56b4e9": "#8ccdf2", "#4d4d4d": "#b9b9b9",
    ]

    /// Rules of CSS that show the drawings of a page in the colours for a dark one.
    package static var darkRules: String {
        dark.sorted { $0.key < $1.key }.map { light, dark in
            "svg [fill=\"\(light)\"]{fill:\(dark)}svg [stroke=\"\(light)\"]{stroke:\(dark)}"
        }.joined()
    }

    /// The colour of the n-th series.
    static func series(_ index: Int) -> String {
        seriesColours[index % seriesColours.count]
    }

    /// The places of some series among colours and markers: plain model, student and teachers look the same in every
    /// plot, whatever else is in it. Other series take what is left, in their order.
    static func places(of names: [String]) -> [Int] {
        let fixed = names.map { name -> Int? in
            switch name {
            case "plain": 0
            case "student": 1
            case "plain-inner": 3
            default: name.contains("teacher") ? 2 : nil
            }
        }
        let taken = Set(fixed.compactMap { $0 })
        var free = (0..<names.count + taken.count).filter { !taken.contains($0) }[...]
        return fixed.map { $0 ?? free.popFirst() ?? 0 }
    }
}
