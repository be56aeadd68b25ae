"""Captures of a clean page as offices make them. The geometry and the light are those of benches/reading; pictures are
kept as bytes and noise comes from a tile, so that hundreds of papers take minutes."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

import capture
from sheet import DPI

SCANS = ("clean", "clean", "clean", "faint", "cast", "coarse", "noisy", "skewed")
PHONES = ("plain", "plain", "uneven", "dim", "soft", "warm")
TILE = 512


@dataclass
class Shot:
    """A finished capture and how it was made."""

    data: bytes
    tags: list


def scan(page, rng):
    """A flatbed's or feeder's picture, up to five degrees askew."""
    condition = SCANS[rng.integers(len(SCANS))]
    # A card is scanned finer than a letter.
    dpi = 300 if page.shape[1] < 1500 else int(rng.choice([200, 200, 300]))
    skew = float(rng.uniform(-5, 5)) if condition == "skewed" else float(np.clip(rng.normal(0, 1.0), -3, 3))
    matrix, size = capture.scanner_map(page.shape[1], page.shape[0], dpi / DPI, skew, rng)
    if condition == "faint":
        page = weak(page, rng.uniform(0.45, 0.65))
    bed = capture.BEDS[("white", "offwhite", "grey")[rng.integers(3)]]
    ground = np.full((size[1], size[0], 3), bed, np.uint8)
    picture = laid(page, matrix, ground, dpi / DPI)
    colour = rng.uniform(0.92, 1.0, 3) if condition == "cast" else np.ones(3)
    picture = lit(picture, 1 + rng.uniform(0.002, 0.006) * clouds(rng, size), colour)
    noise = rng.uniform(5, 9) if condition == "noisy" else rng.uniform(1, 3)
    picture = optics(picture, rng, rng.uniform(0.3, 0.7) * dpi / 200, noise)
    quality = int(rng.integers(40, 55)) if condition == "coarse" else int(rng.integers(72, 92))
    return Shot(capture.jpeg(picture, quality, dpi=dpi), [condition, f"{dpi} dpi"])


def phone(page, rng):
    """A picture by hand: askew from above, in the light of a lamp."""
    condition = PHONES[rng.integers(len(PHONES))]
    height, width = page.shape[:2]
    long_side = 3264 if max(width, height) > 1500 else 2400
    size = (round(long_side * 3 / 4), long_side) if height > width else (long_side, round(long_side * 3 / 4))
    matrix = capture.camera_map(width, height, size, rng)
    scale = min(1.0, math.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    kind = capture.GROUNDS[rng.integers(len(capture.GROUNDS))]
    reduced = (size[0] // 4, size[1] // 4)
    table = cv2.resize(capture.table(rng, reduced, kind).astype(np.uint8), size)
    picture = laid(page, matrix, table, scale)
    shine = capture.light(rng, reduced, "dim" if condition == "dim" else "plain")
    if condition == "uneven":
        across = np.linspace(rng.uniform(0.55, 0.75), 1.05, reduced[0], dtype=np.float32)
        shine = shine * (across if rng.random() < 0.5 else across[::-1])
    tint = np.array([1.08, 1, 0.86]) if condition == "warm" else capture.tint(rng)
    picture = lit(picture, shine * (1 + 0.005 * cv2.resize(clouds(rng, size), reduced)), tint)
    blur = rng.uniform(1.2, 1.6) if condition == "soft" else rng.uniform(0.6, 1.0)
    picture = optics(picture, rng, blur, rng.uniform(5, 8) if condition == "dim" else rng.uniform(2, 4))
    return Shot(capture.jpeg(picture, int(rng.integers(74, 92))), [kind, condition])


def weak(page, strength):
    """Ink of so much strength."""
    return cv2.convertScaleAbs(page, alpha=strength, beta=255 * (1 - strength))


def laid(page, matrix, ground, scale):
    """The page on its ground; it is made smaller first, as a sensor's pixels average."""
    height, width = page.shape[:2]
    small = cv2.resize(page, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    matrix = matrix @ np.diag([width / small.shape[1], height / small.shape[0], 1])
    half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    centres = half @ matrix @ np.linalg.inv(half)
    size = (ground.shape[1], ground.shape[0])
    return cv2.warpPerspective(
        small, centres, size, dst=ground, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_TRANSPARENT
    )


def clouds(rng, size):
    """Smooth noise, drawn at an eighth of the size."""
    return capture.clouds(rng, size[1] // 8 + 1, size[0] // 8 + 1, 24, 2)


def lit(picture, shine, colour):
    """The picture in a light that was drawn small."""
    full = cv2.resize(shine.astype(np.float32), (picture.shape[1], picture.shape[0]))
    return cv2.multiply(picture, cv2.merge([full * np.float32(c) for c in colour]), dtype=cv2.CV_8U)


def optics(picture, rng, blur, noise):
    """Blur of the lens, then the noise of the sensor."""
    picture = cv2.GaussianBlur(picture, None, max(blur, 0.2))
    tile = rng.normal(0, noise, (TILE, TILE, 1)) + rng.normal(0, noise / 2, (TILE, TILE, 3))
    height, width = picture.shape[:2]
    tile = np.ascontiguousarray(np.roll(tile.round().astype(np.int16), rng.integers(TILE, size=2), (0, 1)))
    repeated = np.tile(tile, (height // TILE + 1, width // TILE + 1, 1))[:height, :width]
    return cv2.add(picture, np.ascontiguousarray(repeated), dtype=cv2.CV_8U)
