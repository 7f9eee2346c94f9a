import Basics

/// The `FoveaError` that a body throws; nil where it throws none, or another error, so that what is expected of it fails.
public func foveaError(_ body: () throws -> Void) -> FoveaError? {
    do {
        try body()
        return nil
    } catch {
        return error as? FoveaError
    }
}
