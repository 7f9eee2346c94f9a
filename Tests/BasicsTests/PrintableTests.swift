import Basics
import Foundation
import Testing

struct PrintableTests {
    @Test(arguments: [
        ("plain text, 日本 e\u{301} \u{1F441}\u{FE0F}\ttab", "plain text, 日本 e\u{301} \u{1F441}\u{FE0F}\ttab"),
        ("a\u{1B}[31mb", "a\\u{1B}[31mb"), ("a\u{7}\u{9B}2J", "a\\u{7}\\u{9B}2J"), ("two\nlines", "two\nlines"),
        ("a\r\nb", "a\\u{D}\nb"), ("abc\u{202E}fed\u{2066}", "abc\\u{202E}fed\\u{2066}"), ("", ""), ("\n", "\n"),
    ])
    func controlCharactersAreWrittenOut(text: String, shown: String) {
        #expect(Printable.message(text) == shown)
        #expect(Printable.result(text) == shown)
    }

    @Test func aNameIsNotTakenForALineOfOurs() {
        let name = "a\nwarning: all is well\t\u{1B}.jpg"
        let shown = "a\\u{A}warning: all is well\\u{9}\\u{1B}.jpg"
        #expect(Printable.line(name) == shown)
        #expect(Pluralization.listing([name, "b"]) == shown + ", b")
        let error = FoveaError(.data, about: name, "is empty", remedy: "Remove \(name).")
        #expect(error.description == "\(shown) is empty\n  Remove \(shown).")
        let list = FoveaError(.data, "two files:", listing: [name, "b"], remedy: "Remove them.")
        #expect(list.description == "two files:\n  \(shown)\n  b\n  Remove them.")
        #expect(list.onOneLine == "two files: \(shown) b (Remove them.)")
        #expect(Printable.line(error.onOneLine) == "\(shown) is empty (Remove \(shown).)")
    }

    @Test func onlyStylesAreLetThrough() {
        let text = "\u{1B}[1mbold\u{1B}[0m \u{1B}[38;5;1mred\u{1B}[0m\u{1B}[2J\u{1B}]0;title\u{7}"
        let shown = "\u{1B}[1mbold\u{1B}[0m \u{1B}[38;5;1mred\u{1B}[0m\\u{1B}[2J\\u{1B}]0;title\\u{7}"
        #expect(Printable.result(text, keepsStyles: true) == shown)
        #expect(!Printable.result(text).unicodeScalars.contains("\u{1B}"))
    }

    @Test func messagesAreOfBoundedLength() {
        let letters = String(repeating: "x", count: 10_000_000)
        let word = Printable.message("the class \(letters)y is unknown")
        #expect(word.utf8.count < 500)
        #expect(word.hasPrefix("the class xxx") && word.hasSuffix("xxxy is unknown"))
        #expect(word.contains("[... 9999601 characters left out ...]"))
        #expect(Printable.message(String(repeating: "word ", count: 1_000_000)).utf8.count < 4000)
        #expect(Printable.message(String(repeating: "\n", count: 1_000_000)).utf8.count < 4000)
        #expect(Printable.message(String(repeating: "\u{1B}", count: 1_000_000)).utf8.count < 4000)
    }

    @Test func ordinaryTextIsWhole() {
        let path = "/" + String(repeating: "folder/", count: 50) + "image.png"
        let list = (0..<300).map { "class \($0)" }.joined(separator: ", ")
        #expect(Printable.message(path) == path)
        #expect(Printable.result(list) == list)
    }
}

@Suite struct ShellWordTests {
    @Test func wordsOfACommandStayWords() throws {
        #expect(ShellWord.quoted("runs/odir-5k_2.1") == "runs/odir-5k_2.1")
        for text in ["my run", "", "it's", "a;b", "$HOME", "`x`", "a\nb", "~", "*", "Größe"] {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "printf %s \(ShellWord.quoted(text))"]
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let data = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            #expect(String(decoding: data, as: UTF8.self) == text)
        }
    }
}
