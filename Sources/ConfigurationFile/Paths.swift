import Foundation

extension ValueRule<String> {
    /// The path of a file or folder. A relative path counts from the working directory, as everywhere on the command
    /// line, not from the folder of the configuration.
    ///
    /// `~` and `~/` at the beginning are the home folder. `${NAME}` is a variable of the environment, which must be set
    /// and not empty; `${NAME:-default}` has a default. `$$` is one dollar. The value read has all this done, and
    /// is written so that it reads the same again; a literal `~` at the beginning is written as `./~`.
    public static var path: ValueRule {
        ValueRule(
            expected: "a path",
            read: { tree, spot, _, reading in
                guard case .scalar(let scalar) = tree.content, let text = scalar.asText, !text.isEmpty else {
                    reading.mismatch(tree, spot)
                    return nil
                }
                do throws(PathExpansion.Problem) {
                    return try PathExpansion(environment: reading.environment).expand(text)
                } catch {
                    reading.report(spot.place, "\(spot.path) is \(tree.words): \(error.words)")
                    return nil
                }
            },
            write: { path in
                let isHome = path == "~" || path.hasPrefix("~/")
                return .scalar(Scalar.text((isHome ? "./" : "") + path.replacingOccurrences(of: "$", with: "$$")))
            })
    }
}

/// The notations `~`, `${NAME}`, `${NAME:-default}` and `$$` in paths.
struct PathExpansion {
    let environment: [String: String]

    struct Problem: Error {
        let words: String
    }

    func expand(_ text: String) throws(Problem) -> String {
        var rest = text[...]
        var path = ""
        if rest == "~" || rest.hasPrefix("~/") {
            path = try value(of: "HOME", default: nil)
            rest.removeFirst()
        }
        while let dollar = rest.firstIndex(of: "$") {
            path += rest[..<dollar]
            rest = rest[dollar...].dropFirst()
            if rest.first == "$" {
                path += "$"
                rest.removeFirst()
            } else if rest.first == "{" {
                guard let end = rest.firstIndex(of: "}") else { throw Problem(words: "a \"${\" is not closed") }
                path += try variable(rest[..<end].dropFirst())
                rest = rest[end...].dropFirst()
            } else {
                path += "$"
            }
        }
        path += rest
        // "${EMPTY:-}" alone would leave nothing, which names no file.
        guard !path.isEmpty else { throw Problem(words: "nothing is left after expansion; a path is expected") }
        return path
    }

    private func variable(_ inner: Substring) throws(Problem) -> String {
        let mark = inner.range(of: ":-")
        let name = inner[..<(mark?.lowerBound ?? inner.endIndex)]
        let isName =
            name.utf8.allSatisfy {
                UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 || $0 == 0x5F || 0x30...0x39 ~= $0
            }
        guard isName, let first = name.utf8.first, !(0x30...0x39 ~= first) else {
            throw Problem(words: "${\(inner)} is not of the form ${NAME} or ${NAME:-default}")
        }
        let fallback = mark.map { inner[$0.upperBound...] }
        guard fallback?.contains("$") != true else {
            throw Problem(words: "the default in ${\(inner)} must be plain text")
        }
        return try value(of: String(name), default: fallback.map(String.init))
    }

    /// An empty variable counts as unset: `${DATA}/x` must not become `/x`.
    private func value(of name: String, default fallback: String?) throws(Problem) -> String {
        if let value = environment[name], !value.isEmpty { return value }
        guard let fallback else {
            throw Problem(words: "the environment variable \(name) is not set; set it or write ${\(name):-default}")
        }
        return fallback
    }
}
