import Basics

extension ValueRule {
    /// What another rule allows, or `null` for nothing.
    ///
    /// Around a section, `null` means off and a mapping (also `{}`) means on; a key with nothing behind it is an error,
    /// because it could mean either.
    public static func optional<Wrapped>(_ rule: ValueRule<Wrapped>) -> ValueRule where Value == Wrapped? {
        ValueRule(
            expected: rule.expected + " or null",
            read: { (tree, spot, current: Wrapped??, reading) -> Wrapped?? in
                if case .scalar(let scalar) = tree.content, scalar.isNull {
                    if rule.isSection && scalar.text.isEmpty {
                        reading.report(spot.place, "\(spot.path) is empty; write null (off) or {} (on, with defaults)")
                        return nil
                    }
                    return .some(nil)
                }
                guard let value = rule.read(tree, spot, current ?? nil, &reading) else { return nil }
                return .some(value)
            },
            write: { (value: Wrapped?) in value.map(rule.write) ?? .scalar("null") },
            hasKeys: rule.hasKeys)
    }

    /// A list whose elements another rule allows, such as `[1, 2]`. A single value is not a list.
    ///
    /// - Parameter count: how many elements there may be.
    public static func list<Element>(
        _ rule: ValueRule<Element>, count: ClosedRange<Int> = 0 ... .max
    ) -> ValueRule where Value == [Element] {
        let number: String? =
            switch (count.lowerBound, count.upperBound) {
            case (0, .max): nil
            case (let low, .max): "at least \(low)"
            case (let low, let high): low == high ? "\(low)" : "\(low) to \(high)"
            }
        let words = (number.map { "a list of \($0)" } ?? "a list") + " (each \(rule.expected))"
        return ValueRule(
            expected: words,
            read: { (tree, spot, _, reading) -> [Element]? in
                guard case .list(let items) = tree.content, count.contains(items.count) else {
                    reading.mismatch(tree, spot)
                    return nil
                }
                var values: [Element] = []
                for (k, item) in items.enumerated() {
                    let here = KeyPosition(path: "\(spot.path)[\(k)]", place: item.place, expected: rule.expected)
                    if let value = rule.read(item, here, nil, &reading) { values.append(value) }
                }
                return values.count == items.count ? values : nil
            },
            write: { .list($0.map(rule.write)) },
            hasKeys: rule.hasKeys)
    }
}

extension ValueRule where Value: ConfigurationSection {
    /// A section of its own; keys left out keep their defaults.
    public static var section: ValueRule {
        ValueRule(
            expected: "a section",
            read: { tree, spot, current, reading in
                let entries: [Tree.Entry]
                switch tree.content {
                case .mapping(let found): entries = found
                // All keys of a section may be left out or commented out.
                case .scalar(let scalar) where scalar.isPlain && scalar.text.isEmpty: entries = []
                default:
                    let keys = Value.fields.map(\.key).joined(separator: ", ")
                    reading.mismatch(
                        tree,
                        KeyPosition(path: spot.path, place: spot.place, expected: spot.expected + " (keys: \(keys))"))
                    return nil
                }
                return Value.read(entries, spot, current ?? Value(), &reading)
            },
            write: { .section($0.written) },
            isSection: true,
            hasKeys: true)
    }
}

extension ConfigurationSection {
    /// The entries in the order of the table.
    var written: [YAMLValue.Entry] { Self.fields.map { $0.entry(self) } }

    /// Reads all fields, reports every problem, and validates when there was none.
    static func read(_ entries: [Tree.Entry], _ spot: KeyPosition, _ start: Self, _ reading: inout Reading) -> Self? {
        let before = reading.problems.count
        var section = start
        let fields = fields
        let allowed = fields.map(\.key)
        for entry in entries where !allowed.contains(entry.key) {
            let hint = FoveaError.suggestion(for: entry.key, among: allowed)
            let key = Tree.printable(spot.child(entry.key))
            reading.report(entry.value.place.key(key), "unknown key \(key); \(hint)")
        }
        for field in fields {
            field.read(entries.first { $0.key == field.key }?.value, spot, &section, &reading)
        }
        guard reading.problems.count == before else { return nil }
        do {
            try section.validate()
        } catch {
            reading.report(spot.place, spot.path, error)
            return nil
        }
        return section
    }
}
