import Foundation

extension Augmentation {
    /// Makes the view of an image.
    ///
    /// - Parameters:
    ///   - pixels: `resolution * resolution * 3` bytes of RGB.
    ///   - result: as many bytes; it must not overlap `pixels`. Nothing is done if either is too short.
    public func apply(_ pixels: UnsafeRawBufferPointer, resolution: Int, into result: UnsafeMutableRawBufferPointer) {
        let count = resolution * resolution * 3
        guard resolution > 0, pixels.count >= count, result.count >= count,
            let source = pixels.baseAddress?.assumingMemoryBound(to: UInt8.self),
            let target = result.baseAddress?.assumingMemoryBound(to: UInt8.self)
        else { return }
        if flipX || flipY || angle != 0 || scale != 1 || centreX != 0.5 || centreY != 0.5 {
            warp(source, resolution, into: target)
        } else {
            target.update(from: source, count: count)
        }
        if brightness != 1 || contrast != 1 { adjustLight(target, pixelCount: resolution * resolution) }
        if saturation != 1 || hue != 0 { adjustColour(target, pixelCount: resolution * resolution) }
    }

    /// The affine warp, in fixed point with 16 fractional bits, of which 8 weigh the neighbours.
    private func warp(_ source: UnsafePointer<UInt8>, _ side: Int, into target: UnsafeMutablePointer<UInt8>) {
        let radians = angle * .pi / 180
        let mirrorX = flipX ? -1.0 : 1.0
        let mirrorY = flipY ? -1.0 : 1.0
        // Source coordinates of a pixel's upper-left neighbour: origin + x * across + y * down.
        let across = (x: scale * cos(radians) * mirrorX, y: scale * sin(radians) * mirrorX)
        let down = (x: -scale * sin(radians) * mirrorY, y: scale * cos(radians) * mirrorY)
        let half = Double(side) / 2 - 0.5
        let originX = centreX * Double(side) - 0.5 - half * (across.x + down.x)
        let originY = centreY * Double(side) - 0.5 - half * (across.y + down.y)
        func fixed(_ value: Double) -> Int { Int((value * 65536).rounded()) }
        let stepX = fixed(across.x)
        let stepY = fixed(across.y)
        let stride = side * 3
        let inner = UInt(side - 1)
        var out = target
        for row in 0..<side {
            // Half of 1/256 is added so that cutting the weights to 8 bits rounds them.
            var sx = fixed(originX + Double(row) * down.x) &+ 128
            var sy = fixed(originY + Double(row) * down.y) &+ 128
            for _ in 0..<side {
                let ix = sx >> 16
                let iy = sy >> 16
                let fx = (sx >> 8) & 255
                let fy = (sy >> 8) & 255
                if UInt(bitPattern: ix) < inner, UInt(bitPattern: iy) < inner {
                    let upper = source + (iy &* stride &+ ix &* 3)
                    let lower = upper + stride
                    for channel in 0..<3 {
                        let a = Int(upper[channel]) &* (256 &- fx) &+ Int(upper[channel &+ 3]) &* fx
                        let b = Int(lower[channel]) &* (256 &- fx) &+ Int(lower[channel &+ 3]) &* fx
                        out[channel] = UInt8(truncatingIfNeeded: (a &* (256 &- fy) &+ b &* fy &+ 32768) >> 16)
                    }
                } else {
                    Self.edge(source, side, ix, iy, fx, fy, into: out)
                }
                out += 3
                sx &+= stepX
                sy &+= stepY
            }
        }
    }

    /// A pixel whose neighbours are not all inside the image.
    private static func edge(
        _ source: UnsafePointer<UInt8>, _ side: Int, _ ix: Int, _ iy: Int, _ fx: Int, _ fy: Int,
        into out: UnsafeMutablePointer<UInt8>
    ) {
        var sums = (32768, 32768, 32768)
        func add(_ x: Int, _ y: Int, _ weight: Int) {
            guard x >= 0, x < side, y >= 0, y < side else { return }
            let at = source + (y * side + x) * 3
            sums.0 += Int(at[0]) * weight
            sums.1 += Int(at[1]) * weight
            sums.2 += Int(at[2]) * weight
        }
        add(ix, iy, (256 - fx) * (256 - fy))
        add(ix + 1, iy, fx * (256 - fy))
        add(ix, iy + 1, (256 - fx) * fy)
        add(ix + 1, iy + 1, fx * fy)
        out[0] = UInt8(truncatingIfNeeded: sums.0 >> 16)
        out[1] = UInt8(truncatingIfNeeded: sums.1 >> 16)
        out[2] = UInt8(truncatingIfNeeded: sums.2 >> 16)
    }

    /// Brightness and contrast as one table of 256 values; the mean grey after brightness comes from histograms.
    private func adjustLight(_ pixels: UnsafeMutablePointer<UInt8>, pixelCount: Int) {
        let bright = (0..<256).map { min(255, brightness * Double($0)) }
        var mean = 0.0
        if contrast != 1 {
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: 768) { histogram in
                histogram.initialize(repeating: 0)
                for at in 0..<pixelCount {
                    histogram[Int(pixels[3 &* at])] &+= 1
                    histogram[256 &+ Int(pixels[3 &* at &+ 1])] &+= 1
                    histogram[512 &+ Int(pixels[3 &* at &+ 2])] &+= 1
                }
                for value in 0..<256 {
                    let count =
                        0.299 * Double(histogram[value]) + 0.587 * Double(histogram[256 + value])
                        + 0.114 * Double(histogram[512 + value])
                    mean += count * bright[value]
                }
            }
            mean /= Double(pixelCount)
        }
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
            for value in 0..<256 {
                let adjusted = contrast * bright[value] + (1 - contrast) * mean
                table.initializeElement(at: value, to: UInt8(max(0, min(255, adjusted.rounded()))))
            }
            for at in 0..<3 * pixelCount { pixels[at] = table[Int(pixels[at])] }
        }
    }

    /// Saturation, then hue: one 3 x 3 matrix.
    private func adjustColour(_ pixels: UnsafeMutablePointer<UInt8>, pixelCount: Int) {
        let grey = SIMD3<Float>(0.299, 0.587, 0.114)
        let keep = Float(saturation)
        // Rodrigues' turn about the unit vector (1, 1, 1) / sqrt 3; constant along each diagonal.
        let cosine = Float(cos(hue * .pi / 180))
        let sine = Float(sin(hue * .pi / 180)) / Float(3).squareRoot()
        let same = cosine + (1 - cosine) / 3
        let next = (1 - cosine) / 3 - sine
        let last = (1 - cosine) / 3 + sine
        let turn = (SIMD3(same, next, last), SIMD3(last, same, next), SIMD3(next, last, same))
        for at in 0..<pixelCount {
            let pixel = pixels + 3 * at
            let colour = SIMD3(Float(pixel[0]), Float(pixel[1]), Float(pixel[2]))
            let own = (colour * grey).sum()
            let mixed = keep * colour + (1 - keep) * SIMD3(repeating: own)
            let turned = SIMD3((turn.0 * mixed).sum(), (turn.1 * mixed).sum(), (turn.2 * mixed).sum())
            let limited = turned.clamped(lowerBound: SIMD3(repeating: 0), upperBound: SIMD3(repeating: 255))
                .rounded(.toNearestOrEven)
            pixel[0] = UInt8(limited.x)
            pixel[1] = UInt8(limited.y)
            pixel[2] = UInt8(limited.z)
        }
    }
}
