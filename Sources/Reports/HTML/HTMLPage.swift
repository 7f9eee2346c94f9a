import Basics
import Plots

/// A page of HTML that needs nothing but itself: no network, no other file. Its one script only sorts tables.
public struct HTMLPage: Sendable {
    /// A part of the page under a heading of its own.
    public struct Section: Sendable {
        /// What links name it.
        public var anchor: String
        /// The heading.
        public var title: String
        /// What is below it.
        public var body: HTML

        init(_ anchor: String, _ title: String, _ parts: HTML...) {
            self.anchor = anchor
            self.title = title
            body = "\(parts)"
        }
    }

    /// The page's title.
    public var title: String
    /// The sections, in order.
    public var sections: [Section]

    /// By what a page of Fovea is recognised.
    package static let mark = "<meta name=\"generator\" content=\"Fovea"

    private static let policy: HTML =
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src \(HTML(stringLiteral: HTMLScript.source))"

    /// The whole file.
    public var text: String {
        let entries = sections.map { "<li><a href=\"#\($0.anchor)\">\($0.title)</a></li>" as HTML }
        let parts = sections.map { section -> HTML in
            """
            <section id="\(section.anchor)">
            <h2>\(section.title)</h2>
            \(section.body)
            </section>
            """
        }
        let page: HTML = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="\(Self.policy)">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="generator" content="Fovea \(Program.version)">
            <meta name="color-scheme" content="light dark">
            <title>\(title)</title>
            <style>\(HTMLStyle.sheet)</style>
            </head>
            <body>
            <header><h1>\(title)</h1></header>
            <nav aria-label="Contents"><ol>
            \(entries)
            </ol></nav>
            <main>
            \(parts)
            </main>
            <footer><p>Research use only: not a medical device. Made by Fovea \(Program.version).</p></footer>
            \(HTMLScript.element)
            </body>
            </html>

            """
        return page.text
    }
}
