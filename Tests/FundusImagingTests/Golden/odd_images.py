#!/usr/bin/env python3
"""Makes the odd image files of the folder `odd` and what each must decode to (`odd/expected.json`).

Needs numpy and Pillow. Every picture shows four quadrants: red and green above blue and white (grey files: their
levels). `expected.json` holds, per file, the size after turning, the colour in the middle of each quadrant (upper left,
upper right, lower left, lower right) and by how much a channel may differ.
"""
import io, json, pathlib, struct, zlib
import numpy as np
from PIL import Image, ImageCms

OUT = pathlib.Path(__file__).parent / "odd"
OUT.mkdir(exist_ok=True)
W, H = 48, 32
RED, GREEN, BLUE, WHITE = (230, 20, 30), (20, 200, 40), (30, 40, 220), (250, 250, 250)
expected = {}


def quadrants(colours, width=W, height=H):
    picture = np.zeros((height, width, len(colours[0])), np.uint8)
    halves = [(slice(0, height // 2), slice(0, width // 2)), (slice(0, height // 2), slice(width // 2, None)),
              (slice(height // 2, None), slice(0, width // 2)), (slice(height // 2, None), slice(width // 2, None))]
    for (rows, columns), colour in zip(halves, colours):
        picture[rows, columns] = colour
    return picture


def note(name, colours, tolerance, width=W, height=H):
    expected[name] = {"width": width, "height": height, "tolerance": tolerance,
                      "quadrants": [[int(v) for v in c] for c in colours]}


def save(name, picture, colours, tolerance, **options):
    picture.save(OUT / name, **options)
    note(name, colours, tolerance)


def png(name, array, depth, colour_type):
    """A PNG written by hand, for what Pillow cannot write: 16 bits a channel."""
    height, width = array.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in array)
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    (OUT / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


RGB = (RED, GREEN, BLUE, WHITE)
rgb = Image.fromarray(quadrants(RGB))
levels = (40, 120, 180, 250)
greys = [(v, v, v) for v in levels]
grey = Image.fromarray(quadrants([(v,) for v in levels])[:, :, 0])

save("rgb.jpg", rgb, RGB, 12, quality=95)
save("progressive.jpg", rgb, RGB, 12, quality=95, progressive=True)
save("grey.jpg", grey, greys, 4, quality=95)
save("profile.jpg", rgb, RGB, 14, quality=95, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
save("rgb.png", rgb, RGB, 0)
save("grey.png", grey, greys, 0)
save("grey_alpha.png", Image.merge("LA", (grey, Image.new("L", (W, H), 255))), greys, 1)
save("palette.png", rgb.quantize(8), RGB, 0)
bits = (0, 255, 255, 0)
save("bits.png", Image.fromarray(quadrants([(v,) for v in bits])[:, :, 0]).convert("1"), [(v, v, v) for v in bits], 0)
save("rgb.tiff", rgb, RGB, 0, compression="tiff_lzw")
save("pages.tiff", rgb, RGB, 0, compression="tiff_lzw", save_all=True,
     append_images=[Image.new("RGB", (W, H), (1, 2, 3))])
save("lossless.webp", rgb, RGB, 0, lossless=True)
save("animated.gif", rgb.quantize(8), RGB, 0, save_all=True, append_images=[Image.new("RGB", (W, H), (1, 2, 3)).quantize(2)])

# Transparency is laid over black: half transparent halves the colour, fully transparent gives black.
alpha = (255, 128, 0, 255)
rgba = Image.fromarray(quadrants([c + (a,) for c, a in zip(RGB, alpha)]))
save("alpha.png", rgba, [tuple(round(v * a / 255) for v in c) for c, a in zip(RGB, alpha)], 2)

# 16 bits: the upper byte counts; the lower byte is noise.
noise = np.random.default_rng(1).integers(0, 4, (H, W, 3)) * 85
png("rgb16.png", quadrants(RGB).astype(int) * 256 + noise, 16, 2)
note("rgb16.png", RGB, 2)
png("grey16.png", quadrants([(v,) for v in levels]).astype(int)[:, :, :1] * 256 + noise[:, :, :1], 16, 0)
note("grey16.png", greys, 2)
save("grey16.tiff", Image.fromarray((quadrants([(v,) for v in levels])[:, :, 0].astype(np.uint16) * 257)), greys, 2)

# Inks have no exact colours in sRGB, so the tolerance is wide; the nearest of the four colours must still be the right one.
inks = quadrants([(0, 240, 230, 0), (230, 0, 240, 0), (240, 200, 0, 0), (0, 0, 0, 0)])
save("cmyk.jpg", Image.fromarray(inks, mode="CMYK"), RGB, 85, quality=95)
save("cmyk.tiff", Image.fromarray(inks, mode="CMYK"), RGB, 85, compression="tiff_lzw")

# EXIF: stored turned so that the tag turns it upright again.
T = Image.Transpose
stored = {1: None, 2: T.FLIP_LEFT_RIGHT, 3: T.ROTATE_180, 4: T.FLIP_TOP_BOTTOM, 5: T.TRANSPOSE, 6: T.ROTATE_90,
          7: T.TRANSVERSE, 8: T.ROTATE_270}
for tag, turn in stored.items():
    exif = Image.Exif()
    exif[0x0112] = tag
    picture = rgb if turn is None else rgb.transpose(turn)
    save(f"exif{tag}.jpg", picture, RGB, 12, quality=95, exif=exif)

# A header that promises 60000 x 60000 pixels, and next to no data.
head = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
data = zlib.compress(b"\0" * 1000)
def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
(OUT / "huge.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b""))

(OUT / "expected.json").write_text(json.dumps(expected, indent=1, sort_keys=True) + "\n")
print({p.name: p.stat().st_size for p in sorted(OUT.iterdir())})
