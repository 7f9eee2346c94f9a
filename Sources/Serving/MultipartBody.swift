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
        guard var position = text.range(of: delimiter)?.upperBound else {
            throw ServiceError(.malformed, "the body does not have the boundary of its content type")
        }
        var files: [Data] = []
        while !text[position...].starts(with: Data("--".utf8)) {
            guard files.count < limit else {
                throw ServiceError(
                    .tooLarge, "the body has more than \(limit) files, which is the limit: send several requests")
            }
            guard let end = text[position...].range(of: delimiter) else {
                throw ServiceError(.malformed, "part \(files.count) does not end with the boundary")
            }
            files.append(try Self.content(Data(text[position..<end.lowerBound]), number: files.count))
            position = end.upperBound
        }
        guard !files.isEmpty else { throw ServiceError(.malformed, "the body has no file") }
        self.files = files
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
                .malformed, "part \(number) is not a file (curl -F image=@FILE); options belong into the address")
        }
        return Data(part[headerEnd.upperBound...])
    }
}
