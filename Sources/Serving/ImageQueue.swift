/// Images that wait to be computed, each of a request and for a model.
///
/// A batch takes one image of each request in turn, so that a request with few images does not wait for one with many.
public struct ImageQueue<Request> {
    /// One image that waits.
    public typealias Item = (request: Request, number: Int)

    /// A request of which images wait, from the next one on.
    private struct Waiting {
        let request: Request
        let model: Int
        var next = 0
        let end: Int
    }

    /// The requests in the order of their turns.
    private var requests: [Waiting] = []

    /// Without requests.
    public init() {}

    /// Images that wait.
    public var count: Int { requests.reduce(0) { $0 + $1.end - $1.next } }

    /// Adds the images 0 to `count` − 1 of a request; at least one.
    public mutating func append(_ request: Request, model: Int, count: Int) {
        requests.append(Waiting(request: request, model: model, end: count))
    }

    /// Removes the requests for which nobody waits any more.
    public mutating func removeAll(where isOver: (Request) -> Bool) {
        requests.removeAll { isOver($0.request) }
    }

    /// Takes the images to compute together: of one model, `size` at most, none where none waits.
    public mutating func nextBatch(of size: Int) -> (model: Int, items: [Item])? {
        guard let model = requests.first?.model else { return nil }
        var turns = requests.filter { $0.model == model }
        var items: [Item] = []
        while items.count < size, !turns.isEmpty {
            var first = turns.removeFirst()
            items.append((first.request, first.next))
            first.next += 1
            if first.next < first.end { turns.append(first) }
        }
        requests = requests.filter { $0.model != model } + turns
        return (model, items)
    }
}
