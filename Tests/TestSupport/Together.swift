import Basics
import Foundation

/// Runs `body` in several threads at once, each as one of the processes of a launch; gives the results in their order.
public func together<Value>(_ count: Int, _ body: @escaping (Launch) throws -> Value) throws -> [Value] {
    let port = freePort()
    nonisolated(unsafe) var results = [Result<Value, any Error>?](repeating: nil, count: count)
    nonisolated(unsafe) let body = body
    let lock = NSLock()
    let group = DispatchGroup()
    for rank in 0..<count {
        group.enter()
        let thread = Thread {
            let result = Result { try body(launch(rank, of: count, port: port)) }
            lock.withLock { results[rank] = result }
            group.leave()
        }
        thread.stackSize = 16 << 20
        thread.start()
    }
    group.wait()
    return try results.compactMap { try $0?.get() }
}

/// What `torchrun` tells one of several processes on this machine, of which the first one serves the port.
public func launchVariables(_ rank: Int, of count: Int, port: Int) -> [String: String] {
    [
        "RANK": "\(rank)", "WORLD_SIZE": "\(count)", "LOCAL_RANK": "\(rank)", "LOCAL_WORLD_SIZE": "\(count)",
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "\(port)",
    ]
}

private func launch(_ rank: Int, of count: Int, port: Int) throws -> Launch {
    guard let launch = try Launch(launchVariables(rank, of: count, port: port)) else {
        throw FoveaError(.environment, "no launch")
    }
    return launch
}

/// A port of this machine at which nothing listens now.
public func freePort() -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutableBytes(of: &address) { bytes in
        let pointer = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self)
        guard let pointer, bind(descriptor, pointer, length) == 0 else { return }
        getsockname(descriptor, pointer, &length)
    }
    return Int(UInt16(bigEndian: address.sin_port))
}
