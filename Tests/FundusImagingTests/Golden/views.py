#!/usr/bin/env python3
"""Golden values for the views and the local contrast, straight from their definitions in floating point.

Needs numpy. Writes `views.json`: cases of parameters with the picture they give, and the local contrast of a disc.
"""
import json, math, pathlib
import numpy as np

R = 12
x, y, c = np.meshgrid(np.arange(R), np.arange(R), np.arange(3), indexing="xy")
picture = ((x * 19 + y * 31 + c * 57 + (x * y) % 11 * 9) % 256).astype(float)  # [row, column, channel]
GREY = np.array([0.299, 0.587, 0.114])


def sample(sx, sy):
    ix, iy = math.floor(sx), math.floor(sy)
    total = np.zeros(3)
    for dx in (0, 1):
        for dy in (0, 1):
            px, py = ix + dx, iy + dy
            weight = (1 - abs(sx - px)) * (1 - abs(sy - py))
            if 0 <= px < R and 0 <= py < R:
                total += weight * picture[py, px]
    return total


def view(flipX, flipY, angle, scale, centreX, centreY, brightness, contrast, saturation, hue):
    a = math.radians(angle)
    out = np.zeros((R, R, 3))
    for row in range(R):
        for column in range(R):
            px, py = (column + 0.5) / R - 0.5, (row + 0.5) / R - 0.5
            px, py = (-px if flipX else px), (-py if flipY else py)
            sx = R * (centreX + scale * (px * math.cos(a) - py * math.sin(a)))
            sy = R * (centreY + scale * (px * math.sin(a) + py * math.cos(a)))
            out[row, column] = sample(sx - 0.5, sy - 0.5)
    out = np.minimum(255, brightness * out)
    mean = float((out @ GREY).mean())
    out = np.clip(contrast * out + (1 - contrast) * mean, 0, 255)
    out = saturation * out + (1 - saturation) * (out @ GREY)[..., None]
    h = math.radians(hue)
    k = np.ones(3) / math.sqrt(3)
    cross = np.array([[0, -k[2], k[1]], [k[2], 0, -k[0]], [-k[1], k[0], 0]])
    turn = math.cos(h) * np.eye(3) + math.sin(h) * cross + (1 - math.cos(h)) * np.outer(k, k)
    return np.clip(out @ turn.T, 0, 255)


names = ["flipX", "flipY", "angle", "scale", "centreX", "centreY", "brightness", "contrast", "saturation", "hue"]
cases = [
    [False, False, 0, 1, 0.5, 0.5, 1, 1, 1, 0],
    [True, False, 0, 1, 0.5, 0.5, 1, 1, 1, 0],
    [False, True, 90, 1, 0.5, 0.5, 1, 1, 1, 0],
    [False, False, 10, 0.8, 0.45, 0.55, 1, 1, 1, 0],
    [True, True, -37, 0.9, 0.5, 0.46, 1, 1, 1, 0],
    [False, False, 0, 1, 0.5, 0.5, 1.2, 0.8, 1, 0],
    [False, False, 0, 1, 0.5, 0.5, 0.8, 1.2, 1, 0],
    [False, False, 0, 1, 0.5, 0.5, 1, 1, 0.5, 20],
    [True, False, -8, 0.76, 0.38, 0.6, 1.13, 0.87, 1.3, -15],
]
views = [dict(zip(names, case)) | {"pixels": np.rint(view(*case)).astype(int).ravel().tolist()} for case in cases]

# Local contrast of a disc with a slope and some spots.
S = 40
yy, xx = np.mgrid[0:S, 0:S]
inside = ((xx - 19.5) ** 2 + (yy - 19.5) ** 2 <= 20**2).astype(float)
disc = np.stack([(120 + 2 * xx), (60 + yy), (40 + (xx * yy) % 17)], -1) * inside[..., None]
sigma = S / 60
reach = max(1, math.ceil(3 * sigma))
kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
kernel /= kernel.sum()
blur = lambda p: np.apply_along_axis(lambda v: np.convolve(v, kernel, "same"), 0, np.apply_along_axis(lambda v: np.convolve(v, kernel, "same"), 1, p))
weight = np.maximum(blur(inside), 1e-6)
sharp = np.stack([np.clip(4 * (disc[..., k] - blur(disc[..., k]) / weight) + 128, 0, 255) * inside for k in range(3)], -1)
result = {"resolution": R, "picture": picture.astype(int).ravel().tolist(), "views": views, "discSide": S,
          "disc": disc.astype(int).ravel().tolist(), "localContrast": np.rint(sharp).astype(int).ravel().tolist()}
(pathlib.Path(__file__).parent / "views.json").write_text(json.dumps(result, separators=(",", ":")) + "\n")
