import Diagnostics
import Reports
import Testing

struct MachineCheckTests {
    @Test func thisMachineIsUsable() {
        let check = MachineCheck(threads: 2)
        #expect(check.isUsable)
        let text = check.text(for: Terminal(isUnicode: false))
        #expect(text.contains("libtorch 2.11.0, loaded from /"))
        #expect(text.contains("libvips 8."))
        #expect(text.contains("2 used, of"))
        #expect(!text.contains { !$0.isASCII })
    }

    @Test func librariesAreFoundInMemoryMaps() {
        let maps = """
            7f00-7f01 r--p 00000000 fe:00 12                    /opt/with space/lib/libtorch_cpu.so
            7f02-7f03 r--p 00000000 00:00 0
            7f04-7f05 r--p 00000000 fe:00 13                    /usr/lib/libvips-e4.so.42 (deleted)
            """
        #expect(LoadedLibrary.path(of: "libtorch_cpu.so", inMaps: maps) == "/opt/with space/lib/libtorch_cpu.so")
        #expect(LoadedLibrary.path(of: "libvips", inMaps: maps)?.hasPrefix("/usr/lib/libvips") == true)
        #expect(LoadedLibrary.path(of: "libc10", inMaps: maps) == nil)
    }
}
