"""Captures of a clean page: what an office scanner or a phone makes of it, and where the page lies on them.

A map is a 3 × 3 matrix from the edges of the clean page (pixels at 300 dpi, 0 to width) to those of the capture. All
pictures are RGB arrays of bytes; chance comes from the caller's generator.
"""

import io
import math
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from sheet import DPI

ORIENTATION_TAG = 274
# EXIF value to the quarter turns, clockwise, that show the stored picture upright.
EXIF_TURNS = {1: 0, 6: 1, 3: 2, 8: 3}
# Quarter turns of the content, clockwise: one capture in four lies on its side or its head.
TURNS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3)
BEDS = {"white": (250, 250, 249), "offwhite": (232, 232, 228), "grey": (150, 152, 150), "black": (22, 22, 24)}


@dataclass
class Capture:
    """A finished capture: file bytes, their suffix, and what is true of it."""

    data: bytes
    suffix: str
    facts: dict


# Chance pictures


def clouds(rng, height, width, cell, octaves=3):
    """Smooth noise of mean 0 and spread 1 whose largest blots are `cell` pixels."""
    total = np.zeros((height, width), np.float32)
    for octave in range(octaves):
        step = max(2, cell >> octave)
        coarse = rng.normal(0, 1, (height // step + 3, width // step + 3)).astype(np.float32)
        fine = cv2.resize(coarse, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
        total += fine[:height, :width] / 2**octave
    return total / total.std()


def aged(page, other, rng, condition):
    """The paper itself: its colour, its grain, ink that is weak, what shows through from the back, folds."""
    height, width = page.shape[:2]
    colour = np.array(
        {"yellowed": (240, 224, 186), "plain": (250, 250, 247)}["yellowed" if condition == "yellowed" else "plain"],
        np.float32,
    )
    ink = page.astype(np.float32) / 255
    if condition == "faint":
        ink = 1 - (1 - ink) * rng.uniform(0.42, 0.6)
    if condition == "worn":
        ink = 1 - (1 - ink) * np.clip(0.85 + 0.35 * clouds(rng, height, width, 96)[..., None], 0.35, 1)
    if condition == "bleed":
        back = cv2.GaussianBlur(other[:height, ::-1][:, :width].astype(np.float32) / 255, None, 3.5)
        ink[: back.shape[0], : back.shape[1]] *= 1 - (1 - back) * rng.uniform(0.16, 0.28)
    grain = 1 + rng.uniform(0.004, 0.012) * clouds(rng, height, width, 8)[..., None]
    if condition == "yellowed":
        grain *= 1 + 0.02 * clouds(rng, height, width, 512)[..., None]
    if condition == "creased":
        grain *= creases(rng, height, width)[..., None]
    return np.clip(ink * colour * grain, 0, 255)


def creases(rng, height, width):
    """Light and dark along the folds of a letter."""
    shade = np.ones((height, width), np.float32)
    for place in (1 / 3, 2 / 3):
        distance = np.arange(height) - height * (place + rng.uniform(-0.03, 0.03))
        shade *= (1 + 0.10 * np.tanh(distance / 5) * np.exp(-np.abs(distance) / 45))[:, None]
    return shade


# Maps


def corners(width, height):
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)


def mapped(matrix, points):
    return cv2.perspectiveTransform(np.asarray(points, np.float64)[None], matrix)[0]


def quarter_turn(turns, width, height):
    """The map of edges when a picture of this size is turned clockwise so many times."""
    matrix = np.eye(3)
    for _ in range(turns):
        matrix = np.array([[0, -1, height], [1, 0, 0], [0, 0, 1]], np.float64) @ matrix
        width, height = height, width
    return matrix


def warped(page, matrix, size, scale):
    """The page and its coverage on a capture of size (width, height). `scale`: capture pixels a page pixel."""
    # Averages what the smaller picture cannot hold, as a sensor's pixels do.
    sigma = 0.45 * math.sqrt(max(0.0, 1 / scale**2 - 1))
    soft = cv2.GaussianBlur(page, None, sigma) if sigma > 0.2 else page
    half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    centres = half @ matrix @ np.linalg.inv(half)
    picture = cv2.warpPerspective(
        soft.astype(np.float32), centres, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    cover = cv2.warpPerspective(np.ones(page.shape[:2], np.float32), centres, size, flags=cv2.INTER_LINEAR)
    return picture, cover[..., None]


# Scanner

SCANS = ("clean", "clean", "yellowed", "bleed", "bilevel", "faint", "worn", "coarse", "draft", "creased", "edges")


def scan(page, other, rng):
    """A flatbed's or feeder's picture of the page."""
    condition = SCANS[rng.integers(len(SCANS))]
    dpi = {"draft": 150, "bilevel": 300}.get(condition) or int(rng.choice([200, 200, 300]))
    bed = "white" if condition == "bilevel" else list(BEDS)[rng.integers(len(BEDS))]
    skew = float(np.clip(rng.normal(0, 1.6), -6, 6)) if rng.random() < 0.8 else 0.0
    height, width = page.shape[:2]
    matrix, size = scanner_map(width, height, dpi / DPI, skew, rng)
    picture, cover = warped(aged(page, other, rng, condition), matrix, size, dpi / DPI)
    picture = on_bed(picture, cover, np.array(BEDS[bed], np.float32), rng)
    if condition == "edges":
        picture *= dark_edges(rng, size)[..., None]
    picture = optics(picture, rng, blur=rng.uniform(0.3, 0.7) * dpi / 200, noise=rng.uniform(1, 3.5))
    turns = int(rng.choice(TURNS))
    matrix = quarter_turn(turns, *size) @ matrix
    picture = np.ascontiguousarray(np.rot90(picture, -turns))
    facts = facts_of(picture, matrix, page, 90 * turns)
    facts |= {"kind": "scan", "dpi": dpi, "skew_deg": round(skew, 4), "exif": 1, "tags": [bed, condition]}
    if condition == "bilevel":
        return bilevel(picture, rng, dpi, facts)
    quality = int(rng.integers(35, 50)) if condition == "coarse" else int(rng.integers(72, 92))
    return Capture(jpeg(picture, quality, dpi=dpi), ".jpg", facts)


def scanner_map(width, height, scale, skew, rng):
    """Turned clockwise by so many degrees and put on a bed that is a little larger."""
    angle = math.radians(skew)
    turn = np.array(
        [[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]]
    ) @ np.diag([scale, scale, 1])
    points = mapped(turn, corners(width, height))
    margin = rng.uniform(0, 0.25, 4) * DPI * scale
    shift = margin[:2] - points.min(0)
    size = np.ceil(points.max(0) + shift + margin[2:]).astype(int)
    return np.array([[1, 0, shift[0]], [0, 1, shift[1]], [0, 0, 1]]) @ turn, tuple(map(int, size))


def on_bed(picture, cover, bed, rng):
    """The page over the bed, with the shadow of its edge."""
    height, width = cover.shape[:2]
    shadow = cv2.GaussianBlur(cover[..., 0], None, 5)[..., None]
    ground = bed * (1 - rng.uniform(0.1, 0.35) * shadow) * (1 + 0.01 * clouds(rng, height, width, 64)[..., None])
    return cover * picture + (1 - cover) * ground


def dark_edges(rng, size):
    """The gutter of a book, or a lid that was open: light falls off towards one side."""
    width, height = size
    distance = np.linspace(0, 1, width) if rng.random() < 0.5 else np.linspace(1, 0, width)
    fall = 1 - rng.uniform(0.35, 0.6) * np.exp(-distance / rng.uniform(0.03, 0.08))
    return np.broadcast_to(fall.astype(np.float32), (height, width))


def bilevel(picture, rng, dpi, facts):
    """One bit a pixel, fax compression, as many office devices are set by default."""
    gray = picture.mean(2)
    image = Image.fromarray((gray > rng.uniform(140, 175)).astype(np.uint8) * 255).convert(
        "1", dither=Image.Dither.NONE
    )
    out = io.BytesIO()
    image.save(out, "TIFF", compression="group4", dpi=(dpi, dpi))
    facts["tags"].append("noquad")
    return Capture(out.getvalue(), ".tif", facts)


# Phone

PHONES = ("plain", "plain", "shadow", "dim", "motion", "soft", "creased", "bleed", "yellowed")
GROUNDS = ("wood", "cloth", "stone", "tiles")


def phone(page, other, rng):
    """A picture by hand, from above a table."""
    condition, ground = PHONES[rng.integers(len(PHONES))], GROUNDS[rng.integers(len(GROUNDS))]
    height, width = page.shape[:2]
    size = (3000, 4000) if rng.random() < 0.5 else (2448, 3264)
    size = size[::-1] if width > height else size
    matrix = camera_map(width, height, size, rng)
    scale = math.sqrt(abs(np.linalg.det(matrix[:2, :2])))
    picture, cover = warped(aged(page, other, rng, condition), matrix, size, min(1.0, scale))
    shadow = np.clip(cv2.GaussianBlur(cover[..., 0], None, 25), 0, 1)[..., None]
    picture = cover * picture + (1 - cover) * table(rng, size, ground) * (1 - 0.45 * shadow)
    picture *= light(rng, size, condition)[..., None] * tint(rng)
    blur = {"soft": rng.uniform(1.3, 1.9), "motion": 0.8}.get(condition) or rng.uniform(0.6, 1.1)
    if condition == "motion":
        picture = shaken(picture, rng)
    picture = optics(picture, rng, blur=blur, noise=rng.uniform(6, 10) if condition == "dim" else rng.uniform(2, 5))
    turns = int(rng.choice(TURNS))
    matrix = quarter_turn(turns, *size) @ matrix
    picture = np.ascontiguousarray(np.rot90(picture, -turns))
    exif = int(rng.choice([1, 1, 6, 6, 8, 3]))
    facts = facts_of(picture, matrix, page, 90 * turns)
    facts |= {
        "kind": "phone",
        "dpi": None,
        "skew_deg": None,
        "exif": exif,
        "tags": [ground, condition, *(["exif"] if exif != 1 else [])],
    }
    stored = np.ascontiguousarray(np.rot90(picture, EXIF_TURNS[exif]))
    return Capture(jpeg(stored, int(rng.integers(74, 93)), exif=exif), ".jpg", facts)


def camera_map(width, height, size, rng):
    """A camera that looks down askew and is near enough for the page to fill most of the picture."""
    pitch, yaw, roll = np.radians(rng.normal(0, [7, 6, 3]).clip(-16, 16))
    turn = rotation(0, pitch) @ rotation(1, yaw) @ rotation(2, roll)
    flat = corners(width, height) - (width / 2, height / 2)
    solid = np.column_stack([flat, np.zeros(4)]) @ turn.T
    depth = 1.5 * max(width, height) + solid[:, 2]
    seen = solid[:, :2] / depth[:, None]
    extent = seen.max(0) - seen.min(0)
    zoom = min(np.array(size) / extent) * rng.uniform(0.78, 0.94)
    centre = np.array(size) / 2 + rng.normal(0, 0.012, 2) * size
    placed = (seen - (seen.max(0) + seen.min(0)) / 2) * zoom + centre
    return cv2.getPerspectiveTransform(corners(width, height).astype(np.float32), placed.astype(np.float32))


def rotation(axis, angle):
    matrix, (a, b) = np.eye(3), [i for i in range(3) if i != axis]
    matrix[a, a] = matrix[b, b] = math.cos(angle)
    matrix[a, b], matrix[b, a] = -math.sin(angle), math.sin(angle)
    return matrix


def table(rng, size, ground):
    """What the paper lies on."""
    width, height = size
    across, down = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    if ground == "wood":
        rings = np.sin(across / rng.uniform(14, 40) + 2.5 * clouds(rng, height, width, 700))
        tone = 1 + 0.10 * rings + 0.04 * cv2.GaussianBlur(clouds(rng, height, width, 4, 1), None, sigmaX=0.8, sigmaY=25)
        colour = (126, 84, 52)
    elif ground == "cloth":
        tone = 1 + 0.12 * np.sin(across * 0.9) * np.sin(down * 0.9) + 0.06 * clouds(rng, height, width, 400)
        colour = ((58, 84, 70), (90, 96, 128), (150, 70, 66))[rng.integers(3)]
    elif ground == "stone":
        tone = 1 + 0.16 * clouds(rng, height, width, 24, 4)
        colour = (120, 118, 116)
    else:
        pitch = rng.uniform(700, 1100)
        joint = (across % pitch < 12) | (down % pitch < 12)
        tone = np.where(joint, 0.6, 1 + 0.03 * clouds(rng, height, width, 300))
        colour = (188, 178, 164)
    return np.clip(tone[..., None] * np.array(colour, np.float32), 0, 255)


def light(rng, size, condition):
    """Brightness over the picture: a lamp to one side, the lens, the shadow of the one who takes it."""
    width, height = size
    across, down = np.meshgrid(
        np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    )
    angle = rng.uniform(0, 2 * math.pi)
    along = across * math.cos(angle) + down * math.sin(angle)
    shine = 0.92 + rng.uniform(0.03, 0.16) * along - 0.09 * (across**2 + down**2) / 2
    if condition == "dim":
        shine *= 0.6
    if condition == "shadow":
        edge = (
            along
            + 0.15 * cv2.resize(clouds(rng, height // 16, width // 16, 32), (width, height))
            - rng.uniform(-0.2, 0.4)
        )
        shine *= 1 - rng.uniform(0.25, 0.5) / (1 + np.exp(-edge * rng.uniform(8, 25)))
    return shine


def tint(rng):
    """The colour of the lamp."""
    warm = rng.uniform(-0.05, 0.09)
    return np.array([1 + warm / 2, 1, 1 - warm], np.float32)


def shaken(picture, rng):
    """A short straight motion of the hand."""
    length, angle = int(rng.integers(3, 6)), rng.uniform(0, math.pi)
    kernel = np.zeros((7, 7), np.float32)
    reach = (length / 2 * math.cos(angle), length / 2 * math.sin(angle))
    cv2.line(kernel, (round(3 - reach[0]), round(3 - reach[1])), (round(3 + reach[0]), round(3 + reach[1])), 1.0)
    return cv2.filter2D(picture, -1, kernel / kernel.sum())


# Both


def optics(picture, rng, blur, noise):
    """Blur of the lens, then the noise of the sensor; bytes."""
    height, width = picture.shape[:2]
    picture = cv2.GaussianBlur(picture, None, max(blur, 0.2))
    picture = picture + rng.normal(0, noise, (height, width, 1)).astype(np.float32)
    picture += rng.normal(0, noise / 2, (height, width, 3)).astype(np.float32)
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)


def facts_of(picture, matrix, page, orientation):
    height, width = page.shape[:2]
    # Truth counts pixels from their middles.
    quad = mapped(matrix, corners(width, height)) - 0.5
    return {
        "width": picture.shape[1],
        "height": picture.shape[0],
        "orientation": orientation,
        "quad": quad.round(1).tolist(),
    }


def jpeg(picture, quality, dpi=None, exif=1):
    tags = Image.Exif()
    if exif != 1:
        tags[ORIENTATION_TAG] = exif
    out = io.BytesIO()
    more = {"dpi": (dpi, dpi)} if dpi else {}
    Image.fromarray(picture).save(out, "JPEG", quality=quality, exif=tags, **more)
    return out.getvalue()
