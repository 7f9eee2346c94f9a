import Foundation

/// The files of a multipart/form-data body (RFC 7578). Their names are not read: they would only be a patient's.
struct MultipartBody {
    /// The contents, in their order.
    let files: [Data]

    private static let headerLimit = 8192

    /// Reads a body.
    ///
    /// - Parameter contentType: the header, which has the boundary.
    /// - Throws: `ServiceError` that names the part.
    init(_ body: Data, contentType: String, limit: Int) throws(ServiceError) {
        let boundary = try Self.boundary(contentType)
        let delimiter = Data("\r\n--\(boundary)".utf8)
        // The first one has no line end before it where there is no preamble.
        let text = Data("\r\n".utf8) + body
        guard var last = Self.next(delimiter, in: text, from: 0) else {
            throw ServiceError(.malformed, "the body does not have the boundary of its content type")
        }
        var files: [Data] = []
        while !last.isEnd {
            guard files.count < limit else {
                throw ServiceError(
                    .tooLarge, "the body has more than \(limit) files, which is the limit: send several requests")
            }
            guard let next = Self.next(delimiter, in: text, from: last.place.upperBound) else {
                throw ServiceError(.malformed, "part \(files.count) does not end with the boundary")
            }
            let part = Data(text[last.place.upperBound..<next.place.lowerBound])
            files.append(try Self.content(part, number: files.count))
            last = next
        }
        guard !files.isEmpty else { throw ServiceError(.malformed, "the body has no file") }
        self.files = files
    }

    /// The next line that is the boundary, up to its own end, and whether it ends the body; a line that only begins with the
    /// boundary is content.
    private static func next(
        _ delimiter: Data, in text: Data, from start: Int
    ) -> (place: Range<Int>, isEnd: Bool)? {
        var start = start
        while let found = text[start...].range(of: delimiter) {
            let rest = text[found.upperBound...]
            let isEnd = rest.starts(with: "--".utf8)
            let lineEnd = rest.dropFirst(isEnd ? 2 : 0).drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if lineEnd.starts(with: "\r\n".utf8) || isEnd && lineEnd.isEmpty {
                return (found.lowerBound..<lineEnd.startIndex, isEnd)
            }
            start = found.upperBound
        }
        return nil
    }

    /// 1 to 70 letters, digits and some punctuation.
    private static func boundary(_ contentType: String) throws(ServiceError) -> String {
        for parameter in contentType.split(separator: ";").dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard pair.count == 2, pair[0].lowercased() == "boundary" else { continue }
            let value =
                pair[1].hasPrefix("\"") && pair[1].hasSuffix("\"") ? String(pair[1].dropFirst().dropLast()) : pair[1]
            if 1...70 ~= value.utf8.count, value.utf8.allSatisfy({ 32..<127 ~= $0 && $0 != UInt8(ascii: "\"") }) {
                return value
            }
        }
        throw ServiceError(.malformed, "the content type multipart/form-data needs a boundary of 1 to 70 characters")
    }

    /// What follows a part's headers.
    ///
    /// - Parameter part: from behind the boundary on.
    private static func content(_ part: Data, number: Int) throws(ServiceError) -> Data {
        let lineEnd = Data("\r\n".utf8)
        // A part without headers begins with an empty line.
        guard let headerEnd = part.prefix(headerLimit).range(of: lineEnd + lineEnd) else {
            throw ServiceError(
                .malformed, "part \(number) has no empty line after at most \(headerLimit) bytes of headers")
        }
        let headers = String(decoding: part[..<headerEnd.lowerBound], as: UTF8.self).lowercased()
        let disposition = headers.components(separatedBy: "\r\n").first { $0.hasPrefix("content-disposition:") } ?? ""
        guard disposition.contains("filename") else {
            throw ServiceError(
                .malformed, "part \(number) is not a file (curl -F image=@FILE); options belong in the address")
        }
        return Data(part[headerEnd.upperBound...])
    }
}
