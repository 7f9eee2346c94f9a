import Basics

/// One record of a TensorBoard event file: an `Event` message in TFRecord's frame.
///
/// The frame is the length (8 bytes), its masked check, the data, their masked check, all little-endian. Field numbers
/// are those of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto`.
package enum EventRecord {
    /// The record that every event file begins with.
    package static func fileVersion(time: Double) -> [UInt8] {
        event(time: time, step: 0) { $0.text(3, "brain.Event:2") }
    }

    /// A number at a step.
    package static func scalar(_ tag: String, _ value: Float, step: Int, time: Double) -> [UInt8] {
        event(time: time, step: step) { event in
            event.message(5) { summary in
                summary.message(1) { entry in
                    entry.text(1, tag)
                    entry.float(2, value)
                }
            }
        }
    }

    /// A text (Markdown) at a step.
    package static func text(_ tag: String, _ text: String, step: Int, time: Double) -> [UInt8] {
        event(time: time, step: step) { event in
            event.message(5) { summary in
                summary.message(1) { entry in
                    entry.text(1, tag)
                    entry.message(8) { tensor in
                        tensor.integer(1, 7)  // DT_STRING
                        tensor.message(2) { shape in shape.message(2) { $0.integer(1, 1) } }
                        tensor.text(8, text)
                    }
                    entry.message(9) { metadata in metadata.message(1) { $0.text(1, "text") } }
                }
            }
        }
    }

    private static func event(time: Double, step: Int, _ content: (inout ProtobufMessage) -> Void) -> [UInt8] {
        var event = ProtobufMessage()
        event.double(1, time)
        if step != 0 { event.integer(2, Int64(step)) }
        content(&event)
        return framed(event.bytes)
    }

    private static func framed(_ data: [UInt8]) -> [UInt8] {
        func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        let length = bytes(UInt64(data.count))
        return length + bytes(CRC32C.masked(length)) + data + bytes(CRC32C.masked(data))
    }
}
