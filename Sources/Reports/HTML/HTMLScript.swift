import Basics
import Foundation

/// The one script of a page: it makes tables sortable. The page is complete without it.
package enum HTMLScript {
    /// Each heading of a table of class `sortable` becomes a button: columns of numbers, with or without text after them,
    /// from the highest first, then from the lowest, and what is undefined (an en dash) stays last.
    package static let text = """

        for (const table of document.querySelectorAll("table.sortable")) {
          const body = table.tBodies[0], heads = [...table.tHead.rows[0].cells]
          heads.forEach((head, column) => {
            const button = document.createElement("button")
            const text = row => row.cells[column].textContent.trim()
            const number = row => parseFloat(text(row).replaceAll(",", "").replace("\u{2212}", "-"))
            const isNumber = [...body.rows].every(row => ["", "\u{2013}"].includes(text(row)) || !isNaN(number(row)))
            const value = isNumber ? number : text
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
