import Foundation

/// Tells whether what libtorch says of a failed operation comes from a lack of memory.
enum MemoryShortage {
    /// Whether these words say so, or may mean it while this process gets no memory.
    static func explains(_ words: String) -> Bool {
        func has(_ parts: [String]) -> Bool { parts.contains { words.localizedCaseInsensitiveContains($0) } }
        if has(["can't allocate memory", "cannot allocate memory", "bad_alloc", "out of memory", "not enough memory"]) {
            return true
        }
        // oneDNN has the same words for a kernel that it does not have and for one that found no memory.
        return has(["could not create a primitive", "could not create a memory", "could not execute a primitive"])
            && (isLimited || !canTake(1 << 28))
    }

    /// Whether the memory of this process is limited (`ulimit -v`).
    private static var isLimited: Bool {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 && limit.rlim_cur != rlim_t.max
    }

    private static func canTake(_ bytes: Int) -> Bool {
        let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let memory, memory != MAP_FAILED else { return false }
        munmap(memory, bytes)
        return true
    }
}
