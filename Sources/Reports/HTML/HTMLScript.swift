import Basics
import Foundation

/// The one script of a page: it makes tables sortable. The page is complete without it.
package enum HTMLScript {
    /// Each heading of a table of class `sortable` becomes a button: numbers from the highest first, then from the lowest;
    /// what is undefined stays last.
    package static let text = """

        for (const table of document.querySelectorAll("table.sortable")) {
          const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells]
          heads.forEach((head, column) => {
            const isNumber = head.classList.contains("number"), button = document.createElement("button")
            const value = row => {
              const text = row.cells[column].textContent
              return isNumber ? parseFloat(text.replaceAll(",", "")) : text
            }
            button.type = "button"
            button.append(...head.childNodes)
            head.append(button)
            button.addEventListener("click", () => {
              const before = head.getAttribute("aria-sort")
              const falls = isNumber ? before !== "descending" : before === "ascending"
              heads.forEach(other => other.removeAttribute("aria-sort"))
              head.setAttribute("aria-sort", falls ? "descending" : "ascending")
              const compare = (a, b) => isNumber
                ? isNaN(a) - isNaN(b) || (falls ? b - a : a - b) || 0
                : (falls ? -1 : 1) * a.localeCompare(b, "en", {numeric: true})
              body.append(...[...body.rows].sort((a, b) => compare(value(a), value(b))))
              table.classList.add("sorted")
            })
          })
        }

        """

    /// What a Content-Security-Policy allows it by: a script of other text does not run.
    package static var source: String {
        let digits = Array(Digest.sha256(text))
        let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
            UInt8(String(digits[$0...$0 + 1]), radix: 16)
        }
        return "'sha256-\(Data(bytes).base64EncodedString())'"
    }

    /// The element.
    static let element: HTML = "<script>\(HTML(stringLiteral: text))</script>"
}
