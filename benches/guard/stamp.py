"""Stamps with words, as offices press them on papers: framed or not, at an angle, their ink uneven or weak."""

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import typefaces
from sheet import px

REDS = ((205, 40, 45), (182, 30, 44), (222, 62, 52))
BLACKS = ((22, 22, 24), (48, 48, 52))
VIOLET = (92, 60, 150)
CUTS = ("texgyretermes-bold.otf", "texgyreheros-bold.otf", "FreeSerifBold.otf", "OpenSans-Bold.ttf", "Carlito-Bold.ttf")


@dataclass(frozen=True)
class Stamp:
    """`frame`: width and height in millimetres, or none; `strength`: of the ink, 0 to 1."""

    lines: tuple
    frame: tuple | None
    angle: float
    ink: tuple
    strength: float
    size: float
    double: bool = False

    def mask(self, rng):
        """Its ink, 0 to 1, before it is turned."""
        pixels = round(self.size / 72 * 300)
        font = typefaces.font(CUTS[rng.integers(len(CUTS))], pixels)
        boxes = [font.getbbox(line) for line in self.lines]
        text = (max(box[2] for box in boxes), round(1.28 * pixels * len(self.lines)))
        frame = [round(px(side)) for side in self.frame] if self.frame else text
        width, height = max(frame[0], text[0] + 24), max(frame[1], text[1] + 16)
        mask = Image.new("L", (width + 12, height + 12), 0)
        draw = ImageDraw.Draw(mask)
        if self.frame:
            thick = round(px(rng.uniform(0.35, 0.8)))
            draw.rectangle([6, 6, width + 6, height + 6], outline=255, width=thick)
            if self.double:
                inset = 6 + 2 * thick + 3
                draw.rectangle([inset, inset, width + 12 - inset, height + 12 - inset], outline=255, width=2)
        for number, line in enumerate(self.lines):
            middle = (height - text[1]) / 2 + (number + 0.5) * text[1] / len(self.lines) + 6
            draw.text(((width + 12) / 2, middle), line, font=font, fill=255, anchor="mm")
        blots = Image.fromarray(rng.uniform(130, 255, (5, 9)).astype(np.uint8))
        blots = np.asarray(blots.resize(mask.size, Image.Resampling.BICUBIC), float) / 255
        return Image.fromarray((np.asarray(mask, float) * blots * self.strength).astype(np.uint8))

    def turned(self, rng):
        return self.mask(rng).rotate(self.angle, Image.Resampling.BICUBIC, expand=True)


def press(image, stamp, place, rng):
    """Lays a turned mask over what is printed, its middle at a place in pixels; the ink lets print through."""
    mask = stamp.turned(rng)
    corner = (round(place[0] - mask.size[0] / 2), round(place[1] - mask.size[1] / 2))
    window = (*corner, corner[0] + mask.size[0], corner[1] + mask.size[1])
    under = np.asarray(image.crop(window), float)
    strength = np.asarray(mask, float)[..., None] / 255
    mixed = under + strength * (under * np.array(stamp.ink) / 255 - under)
    image.paste(Image.fromarray(mixed.astype(np.uint8)).filter(ImageFilter.GaussianBlur(0.6)), corner)


def reach(stamp):
    """Half the sides of the box around it, pixels, roughly."""
    width = stamp.frame[0] if stamp.frame else max(map(len, stamp.lines)) * stamp.size * 0.25
    height = stamp.frame[1] if stamp.frame else len(stamp.lines) * stamp.size * 0.45
    angle = math.radians(stamp.angle)
    across = abs(width * math.cos(angle)) + abs(height * math.sin(angle))
    down = abs(width * math.sin(angle)) + abs(height * math.cos(angle))
    return px(across / 2 + 2), px(down / 2 + 2)


def place(image, stamp, rng, over):
    """Where on the page it goes: on paper where there is some, or over print."""
    across, down = reach(stamp)
    ink = np.asarray(image.convert("L")) < 140
    best = None
    for _ in range(60):
        x = rng.uniform(across + px(8), image.size[0] - across - px(8))
        y = rng.uniform(down + px(8), image.size[1] - down - px(8))
        covered = ink[int(y - down) : int(y + down), int(x - across) : int(x + across)].mean()
        score = abs(covered - 0.09) if over else covered
        if best is None or score < best[0]:
            best = (score, x, y)
    return best[1:]
