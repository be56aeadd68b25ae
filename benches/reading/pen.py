"""Ink that no press made: handwriting, signatures and seals."""

import math
import unicodedata
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import typefaces

INKS = ((28, 42, 120), (20, 30, 90), (30, 30, 34), (60, 60, 150))
RED = (205, 40, 45)

# Combining marks as strokes, in heights of a small letter from the middle of the letter's top; y downwards.
STROKES = {
    "\u0301": [(-0.10, -0.12), (0.22, -0.42)],
    "\u0300": [(-0.22, -0.42), (0.10, -0.12)],
    "\u0309": [(-0.12, -0.42), (0.08, -0.46), (0.14, -0.32), (0.02, -0.24), (0.0, -0.12)],
    "\u0303": [(-0.28, -0.18), (-0.14, -0.34), (0.06, -0.20), (0.24, -0.36)],
    "\u0302": [(-0.24, -0.10), (0.0, -0.38), (0.24, -0.10)],
    "\u0306": [(-0.22, -0.36), (-0.08, -0.14), (0.10, -0.14), (0.24, -0.36)],
}
DOT_BELOW, HORN = "\u0323", "\u031b"
ABOVE = set(STROKES)


@dataclass(frozen=True)
class Hand:
    """One writer: a font, an ink, a slant (shear), the strength of the wobble."""

    file: str
    ink: tuple
    slant: float
    wobble: float

    @classmethod
    def drawn(cls, rng):
        """A writer by chance."""
        file = typefaces.HAND_COMPLETE if rng.random() < 0.5 else typefaces.HAND_LATIN
        return cls(file, INKS[rng.integers(len(INKS))], rng.uniform(-0.05, 0.25), rng.uniform(0.4, 1.0))

    def font(self, pixels):
        # Both fonts stand small on their em.
        return typefaces.font(self.file, round(pixels * (1.05 if self.file == typefaces.HAND_COMPLETE else 1.25)))

    def advance(self, text, pixels):
        return self.font(pixels).getlength(self.spelled(text))

    def spelled(self, text):
        """What the font itself draws: the whole text, or its letters without their marks."""
        return text if self.file == typefaces.HAND_COMPLETE else "".join(base for base, _ in letters(text))

    def write(self, image, text, x, baseline, pixels, rng):
        """Writes a word a little off the line and returns the box of its ink."""
        pad = round(pixels * 1.2)
        width = round(self.advance(text, pixels)) + 2 * pad
        mask = Image.new("L", (width, round(pixels * 3)), 0)
        line = round(pixels * 1.9)
        draw = ImageDraw.Draw(mask)
        draw.text((pad, line), self.spelled(text), font=self.font(pixels), fill=255, anchor="ls")
        if self.file == typefaces.HAND_LATIN:
            self.add_marks(draw, text, pad, line, pixels, rng)
        turn = math.radians(rng.normal(0, 0.8 * self.wobble))
        shear = self.slant + rng.normal(0, 0.03 * self.wobble)
        # Output to input: shear and turn about the start of the baseline.
        matrix = (1, shear, -shear * line, turn, 1, -turn * pad)
        mask = mask.transform(mask.size, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
        corner = (round(x) - pad, round(baseline + rng.normal(0, 0.05 * pixels * self.wobble)) - line)
        image.paste(self.ink, corner, mask)
        left, top, right, bottom = mask.point(lambda value: 255 * (value > 60)).getbbox()
        return corner[0] + left, corner[1] + top, corner[0] + right, corner[1] + bottom

    def add_marks(self, draw, text, x, line, pixels, rng):
        """The marks of Vietnamese on letters that were drawn without."""
        font = self.font(pixels)
        unit = -font.getbbox("x", anchor="ls")[1]
        pen = max(3, round(pixels * 0.05))
        for base, marks in letters(text):
            left, top, right, bottom = font.getbbox(base, anchor="ls")
            middle, rise = x + (left + right) / 2, line + top
            for mark in marks:
                jolt = rng.normal(0, 0.04 * unit, 2)
                if mark in ABOVE:
                    strokes = [(middle + a * unit + jolt[0], rise + b * unit + jolt[1]) for a, b in STROKES[mark]]
                    draw.line(strokes, fill=255, width=pen, joint="curve")
                    rise -= 0.34 * unit
                elif mark == DOT_BELOW:
                    y = line + max(0, bottom) + 0.28 * unit
                    draw.ellipse([middle - pen, y - pen * 0.8, middle + pen * 0.6, y + pen * 0.8], fill=255)
                elif mark == HORN:
                    edge = x + right
                    hook = [
                        (edge - 0.1 * unit, line + top + 0.1 * unit),
                        (edge + 0.12 * unit, line + top - 0.1 * unit),
                        (edge + 0.08 * unit, line + top - 0.3 * unit),
                    ]
                    draw.line(hook, fill=255, width=pen, joint="curve")
                else:
                    y = line + top * (0.72 if base == "d" else 0.5)
                    draw.line(
                        [(x + left + (0.3 * unit if base == "d" else -0.15 * unit), y), (x + left + 0.95 * unit, y)],
                        fill=255,
                        width=pen,
                    )
            x += font.getlength(base)


def letters(text):
    """Pairs of a Latin letter and its marks; the bar of đ is "-"."""
    pairs = []
    for character in unicodedata.normalize("NFD", text.replace("đ", "d-").replace("Đ", "D-")):
        if pairs and (
            unicodedata.combining(character) or (character == "-" and pairs[-1][0] in "dD" and pairs[-1][1] == "")
        ):
            pairs[-1] = (pairs[-1][0], pairs[-1][1] + character)
        else:
            pairs.append((character, ""))
    return pairs


def signature(sheet, x, y, width, rng):
    """A quick signature: a smooth line through random points, thick where it is slow; millimetres."""
    count = int(rng.integers(7, 12))
    knots = np.stack([np.linspace(0, width, count) + rng.normal(0, width / 14, count), rng.normal(0, width / 9, count)])
    knots[1, 1] = -width / 4
    time = np.linspace(0, count - 1, 40 * count)
    points = np.stack([smooth(time, row) for row in knots]) + np.array([[x], [y]])
    points = points * 300 / 25.4
    for start, end in zip(points.T, points.T[1:]):
        thick = 6 - min(3.0, 0.5 * math.dist(start, end))
        sheet.draw.line([*map(tuple, (start, end))], fill=sheet.hand.ink, width=max(2, round(thick)))


def smooth(time, knots):
    """Catmull-Rom through equally spaced knots."""
    knots = np.concatenate([knots[:1], knots, knots[-1:]])
    index = np.minimum(time.astype(int), len(knots) - 4)
    t = time - index
    a, b, c, d = (knots[index + offset] for offset in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def seal(sheet, x, y, text, rng, radius=17.5):
    """A round red seal around a middle in millimetres, its ink uneven, laid over what is printed."""
    scale = 300 / 25.4
    side = round(2.2 * radius * scale)
    mask = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(mask)
    middle = side / 2
    for distance, thick in ((1.0, 9), (0.94, 3), (0.62, 4)):
        reach = radius * scale * distance
        draw.ellipse([middle - reach, middle - reach, middle + reach, middle + reach], outline=255, width=thick)
    star(draw, middle, radius * scale * 0.3)
    curved(mask, text.upper(), radius * scale * 0.74)
    turned = mask.rotate(rng.uniform(-25, 25), Image.Resampling.BICUBIC)
    blots = Image.fromarray(rng.uniform(90, 255, (14, 14)).astype(np.uint8)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    strength = np.asarray(turned, float) / 255 * np.asarray(blots, float) / 255 * 0.9
    corner = (round(x * scale - middle), round(y * scale - middle))
    window = (*corner, corner[0] + side, corner[1] + side)
    under = np.asarray(sheet.image.crop(window), float)
    ink = under * np.array(RED) / 255
    mixed = under + strength[..., None] * (ink - under)
    sheet.image.paste(Image.fromarray(mixed.astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6)), corner)


def star(draw, middle, reach):
    points = []
    for corner in range(10):
        radius = reach * (1.0 if corner % 2 == 0 else 0.4)
        angle = math.pi * corner / 5
        points.append((middle + radius * math.sin(angle), middle - radius * math.cos(angle)))
    draw.polygon(points, fill=255)


def curved(mask, text, radius):
    """Letters along the upper arc of a circle in the middle of the mask."""
    middle = mask.size[0] / 2
    span = min(5.2, 30 * len(text) / radius)
    font = typefaces.font("texgyreheros-bold.otf", min(38, round(1.3 * span * radius / len(text))))
    for number, letter in enumerate(text):
        angle = -span / 2 + span * (number + 0.5) / len(text)
        stamp = Image.new("L", (80, 80), 0)
        ImageDraw.Draw(stamp).text((40, 40), letter, font=font, fill=255, anchor="mm")
        stamp = stamp.rotate(-math.degrees(angle), Image.Resampling.BICUBIC)
        at = (round(middle + radius * math.sin(angle) - 40), round(middle - radius * math.cos(angle) - 40))
        mask.paste(255, at, stamp)
