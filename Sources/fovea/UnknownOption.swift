import Basics
import ConfigurationFile
import Settings

/// What an option that a command does not have may have meant.
enum UnknownOption {
    /// Options of other programs, and what says the same here.
    private static let everywhere = [
        "cuda": "--device cuda", "gpu": "--device cuda", "num-workers": "--threads N", "quiet": "--log-level error",
        "verbose": "--log-level debug", "workers": "--threads N",
    ]
    private static let ofPredict = [
        "cam": "--maps FOLDER", "csv": "--output FILE.csv", "heatmaps": "--maps FOLDER", "out": "--output FILE.csv",
        "output-dir": "--output-folder FOLDER", "save": "--output FILE.csv", "threshold": "--at sensitivity=0.9",
    ]
    /// What other programs call keys.
    private static let keys = [
        "arch": "architecture", "batch": "batch_size", "image_size": "resolution", "img_size": "resolution",
        "learning_rate": "rate", "lr": "rate", "wd": "weight_decay",
    ]

    /// The parser's message with a question behind it, in the place of one about an option that is spelled nearly so.
    static func explained(_ message: String, _ arguments: [String]) -> String {
        guard let found = message.prefixMatch(of: /error: Unknown option '--([A-Za-z0-9_-]+)'?/) else { return message }
        let option = String(found.1)
        let command = arguments.dropFirst().first ?? ""
        let meant =
            (command == "predict" ? ofPredict[option] : nil) ?? everywhere[option]
            ?? (command == "train" ? setting(option, arguments) : nil)
        return meant.map { "\(found.0). Did you mean '\(Printable.line($0))'?" } ?? message
    }

    /// The --set of a key that is called as the option, of several the one nearest to the top, with the option's value.
    private static func setting(_ option: String, _ arguments: [String]) -> String? {
        let word = option.replacing("-", with: "_").lowercased()
        let name = keys[word] ?? word
        var settings = RunSettings()
        settings.distillation = DistillationSettings()
        var path: [Substring] = []
        var found: [String] = []
        for line in ConfigurationWriter.yaml(settings).split(separator: "\n") {
            guard let entry = line.prefixMatch(of: /( *)([a-z_0-9]+):/) else { continue }
            path = path.prefix(entry.1.count / 2) + [entry.2]
            if entry.2 == name { found.append(path.joined(separator: ".")) }
        }
        guard let key = found.min(by: { $0.count { $0 == "." } < $1.count { $0 == "." } }) else { return nil }
        let place = arguments.firstIndex { $0 == "--" + option || $0.hasPrefix("--\(option)=") }
        let own = place.flatMap { arguments[$0].split(separator: "=", maxSplits: 1).dropFirst().first.map(String.init) }
        let next = place.flatMap { arguments.dropFirst($0 + 1).first }.flatMap { $0.hasPrefix("--") ? nil : $0 }
        return "--set " + ShellWord.quoted("\(key)=\(own ?? next ?? "VALUE")")
    }
}
