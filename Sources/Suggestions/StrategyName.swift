/// The strategies by the names that users give.
package enum StrategyName: String, CaseIterable, Sendable {
    case rare
    case rareDiverse = "rare-diverse"
    case uncertain
    case diverse
    case random

    /// The strategy of this name.
    ///
    /// - Parameter seed: decides what `random` draws.
    package func strategy(seed: UInt64) -> any SuggestionStrategy {
        switch self {
        case .rare: RareGain()
        case .rareDiverse: RareGain(isSpread: true)
        case .uncertain: Uncertainty()
        case .diverse: Diversity()
        case .random: RandomChoice(seed: seed)
        }
    }
}
