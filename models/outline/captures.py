#!/usr/bin/env python3
"""Generates captures of sheets, the outlines known, that the outline's weights are fitted to.

Photos: a sheet (a page as drawn for the orientation network, or a plain one from A4 to receipt and card; tinted,
framed, with tables and pictures) seen by a pinhole camera on one of 15 kinds of desks, perhaps curled, partly out of
the frame, in bad light, with shadows, fingers, things lying about, out of focus.
Scans: a sheet askew on one of 6 kinds of beds, perhaps a card, cut by the frame, or cropped to the page, which leaves
no outline to find.
Several, where asked for: two or three sheets, side by side, one above the other or partly one on the other; or both
sides of a card; on photos with things lying about that are no sheets: telephones, books, photographs, labels.

Capture I of a set depends on the seed and I alone. Writes OUT/0000.jpg ... and OUT/truth.json: file, scanned, dpi
(null for photos), width, height, quad (of the largest sheet; pixels, pixel centres at whole numbers, clockwise from the
content's top left; null for none), others (the quads of the other sheets), card (whether two of the sheets are the
sides of a card), tags.
"""

import argparse
import json
import random
import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "orientation"))
import generate as pages

# Millimetres; a receipt is as long as it is.
SIZES = {"page": (210, 297), "a4": (210, 297), "a5": (148, 210), "receipt": (80, None), "card": (85.6, 54),
         "legal": (216, 356), "square": (150, 150)}
PHOTO_SHEETS = {"page": 0.45, "a4": 0.2, "a5": 0.08, "receipt": 0.1, "card": 0.12, "legal": 0.04, "square": 0.02}
SCAN_SHEETS = {"page": 0.55, "a4": 0.25, "a5": 0.12, "receipt": 0.08}
SCAN_MODES = {"normal": 0.55, "card": 0.12, "cropped": 0.17, "cut": 0.16}
BEDS = {"white": (236, 252), "offwhite": (220, 236), "grey": (100, 180), "darkgrey": (50, 90), "black": (5, 30),
        "cream": (225, 245)}
BED_SHARES = [0.4, 0.1, 0.15, 0.1, 0.2, 0.05]
DESKS = ["wood", "planks", "laminate", "cloth", "check", "tile", "marble", "plain", "white", "stripes", "keyboard",
         "papers", "metal", "leather", "carpet"]
WOODS = [(60, 100, 150), (30, 50, 80), (110, 160, 200), (150, 190, 220), (20, 30, 45), (80, 110, 130)]
TINTS = [(255, 240, 245), (255, 250, 215), (225, 240, 255), (230, 255, 230), (255, 225, 215), (245, 222, 190)]
# Longer side of a drawn sheet, pixels.
SHEET_SIDE = 1400
# Points along each side of a curled sheet.
GRID = 60


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write, made if missing")
    parser.add_argument("--captures", type=int, default=240)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--photos", type=float, default=0.5, metavar="SHARE")
    parser.add_argument("--empty", type=float, default=0.07, metavar="SHARE", help="of the photos, without a sheet")
    parser.add_argument("--bare", action="store_true", help="only captures without a sheet's edge in the frame")
    parser.add_argument("--several", type=float, default=0.0, metavar="SHARE", help="of all, with several sheets")
    parser.add_argument("--clutter", type=float, default=0.0, metavar="SHARE", help="of the desks, with more things")
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"), help="root of the font folders")
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    families = pages.find_families(arguments.fonts, pages.FAMILIES["first"])
    arguments.out.mkdir(parents=True, exist_ok=True)
    truth = []
    for i in range(arguments.captures):
        studio = Studio(arguments.seed * 100003 + i, families, arguments.clutter)
        scanned = studio.random.random() >= arguments.photos
        others, dpi = [], None
        if arguments.several and studio.chance(arguments.several):
            image, (quad, *others), dpi, tags = studio.several_scan() if scanned else studio.several_photo()
        elif scanned:
            image, quad, dpi, tags = studio.scan("cropped" if arguments.bare else None)
        elif studio.random.random() < arguments.empty or arguments.bare:
            image, quad, tags = studio.empty_photo()
        else:
            image, quad, tags = studio.photo()
        file = f"{i:04d}.jpg"
        quality = studio.random.randint(65, 92)
        cv2.imwrite(str(arguments.out / file), image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        height, width = image.shape[:2]
        corners = None if quad is None else quad.tolist()
        seen = {"file": file, "scanned": scanned, "dpi": dpi, "width": width, "height": height}
        others = [other.tolist() for other in others]
        truth.append({**seen, "quad": corners, "others": others, "card": "card sides" in tags, "tags": tags})
    (arguments.out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


class Studio:
    """Everything that one capture is made with. Pictures are float32, blue first, 0 to 255."""

    def __init__(self, seed, families, clutter):
        self.random, self.fields, self.families = random.Random(seed), np.random.default_rng(seed), families
        self.clutter = clutter

    # Small change.

    def chance(self, share):
        return self.random.random() < share

    def pick(self, shares):
        return self.random.choices(list(shares), list(shares.values()))[0]

    def color(self, low, high):
        return np.float32([self.random.uniform(low, high) for _ in range(3)])

    def clouds(self, width, height, across, down):
        """Smooth noise of about unit strength, with features of this size."""
        grid = self.fields.normal(0, 1, (max(2, int(height / down) + 2), max(2, int(width / across) + 2)))
        return cv2.resize(grid.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)

    # Sheets.

    def sheet(self, kind):
        """A sheet and its size in millimetres."""
        r = self.random
        size = SIZES[kind]
        if size[1] is None:
            size = (size[0], r.uniform(90, 240))
        if kind in ("a4", "a5") and self.chance(0.2):
            size = size[::-1]
        scale = SHEET_SIDE / max(size)
        width, height = int(size[0] * scale), int(size[1] * scale)
        if kind == "page":
            drawn = pages.Page(r, self.families).pixels()[:, :, ::-1]
            return cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), size
        image = Image.new("RGB", (width, height), self.tint(kind))
        if kind == "card" and self.chance(0.6):
            image = Image.fromarray(self.print_over(width, height, self.color(40, 255)))
        draw = ImageDraw.Draw(image)
        margin = int(min(width, height) * r.uniform(0.05, 0.12))
        if kind == "card":
            portrait = [margin, int(height * 0.3), margin + int(width * 0.25), int(height * 0.85)]
            draw.rectangle(portrait, fill=self.ink(60, 200))
        elif kind != "receipt" and self.chance(0.25):
            color, line = r.choice([(180, 30, 40), (20, 20, 20), (30, 60, 160), (170, 120, 40)]), r.randint(2, 14)
            for inset, stroke in [(0, line), (line + 6, 2)][: r.randint(1, 2)]:
                inset += margin
                draw.rectangle([inset, inset, width - inset, height - inset], outline=color, width=stroke)
            margin += line + 20
        if not self.chance(0.1):
            self.fill(draw, kind, width, height, margin)
        return np.array(image)[:, :, ::-1].astype(np.float32), size

    def print_over(self, width, height, color):
        """The background print of a card: one colour running into another, with waves."""
        r, other = self.random, np.clip(color + self.color(-70, 70), 30, 255)
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        angle, period = r.uniform(0, 2 * np.pi), r.uniform(8, 40)
        mix = np.clip(0.5 + (x / width - 0.5) * np.cos(angle) + (y / height - 0.5) * np.sin(angle), 0, 1)
        waves = r.uniform(0, 12) * np.sin(2 * np.pi * y / period + 6 * np.sin(2 * np.pi * x / width * r.uniform(0.5, 3)))
        over = color * (1 - mix[..., None]) + other * mix[..., None] + waves[..., None]
        if self.chance(0.3):
            over[: int(height * r.uniform(0.12, 0.3))] = self.color(20, 230)
        return np.clip(over, 0, 255).astype(np.uint8)

    def tint(self, kind):
        if kind == "card":
            return self.ink(150, 250)
        what = self.random.random()
        if what < 0.35:
            return self.ink(235, 255)
        return self.random.choice(TINTS) if what < 0.5 else (255, 255, 255)

    def ink(self, low, high):
        return tuple(int(v) for v in self.color(low, high))

    def fill(self, draw, kind, width, height, margin):
        """Lines of text, tables and pictures down the sheet."""
        r = self.random
        letter = int(height * (0.06 if kind == "card" else r.uniform(0.011, 0.02)))
        font = ImageFont.truetype(r.choice(r.choice(self.families)), max(8, letter))
        y = margin
        while y < height - margin - letter:
            what = r.random()
            if what < 0.06 and kind != "card":
                pitch = int(letter * 1.9)
                rows, columns = min(r.randint(3, 14), (height - margin - y) // pitch), r.randint(2, 6)
                if self.chance(0.3):
                    draw.rectangle([margin, y, width - margin, y + pitch], fill=self.ink(40, 220))
                for row in range(rows + 1):
                    draw.line([margin, y + row * pitch, width - margin, y + row * pitch], fill=0, width=r.randint(1, 3))
                for column in range(columns + 1):
                    x = margin + (width - 2 * margin) * column // columns
                    draw.line([x, y, x, y + rows * pitch], fill=0, width=2)
                y += (rows + 1) * pitch
            elif what < 0.09:
                tall, left = int(height * r.uniform(0.08, 0.25)), margin + int(r.uniform(0, 0.4) * width)
                right = min(width - margin, left + int(r.uniform(0.2, 0.6) * width))
                if y + tall < height - margin and right > left:
                    draw.rectangle([left, y, right, y + tall], fill=self.ink(20, 220))
                y += tall + letter
            else:
                left = margin + (int(r.uniform(0, 0.3) * width) if self.chance(0.3) else 0)
                right = width - margin - (int(r.uniform(0, 0.5) * width) if self.chance(0.3) else 0)
                text = r.choice(pages.VIETNAMESE)
                while draw.textlength(text, font=font) < right - left:
                    text += " " + r.choice(pages.VIETNAMESE)
                draw.text((left, y), text.rpartition(" ")[0], fill=(20, 20, 30), font=font)
                y += int(letter * r.uniform(1.3, 1.9))

    # Desks.

    def desk(self, width, height):
        r = self.random
        side = int(np.hypot(width, height)) + 4
        kind = r.choice(DESKS)
        desk = np.clip(self.surface(kind, side), 0, 255).astype(np.float32)
        angle = r.uniform(0, 360) if self.chance(0.6) else r.choice([0, 90]) + r.uniform(-3, 3)
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, 1)
        turn[:, 2] += [(width - side) / 2, (height - side) / 2]
        desk = cv2.warpAffine(desk, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        for _ in range(r.choice([0, 0, 1, 2, 3])):
            color, x, y = self.color(10, 230).tolist(), r.uniform(0, width), r.uniform(0, height)
            if self.chance(0.5):
                cv2.circle(desk, (int(x), int(y)), int(r.uniform(0.03, 0.12) * width), color, -1, cv2.LINE_AA)
            else:
                size = r.uniform(0.02, 0.5) * width, r.uniform(0.02, 0.5) * height
                corners = cv2.boxPoints(((x, y), size, r.uniform(0, 180)))
                cv2.fillConvexPoly(desk, corners.astype(int), color, cv2.LINE_AA)
        if self.chance(self.clutter):
            for _ in range(r.randint(1, 4)):
                desk = self.lay_thing(desk)
        return desk, kind

    def lay_thing(self, desk):
        """Lays a thing on the desk that is no sheet of paper to digitise, and its shadow."""
        r = self.random
        height, width = desk.shape[:2]
        thing, share = getattr(self, r.choice(["telephone", "book", "photograph", "label", "keypad"]))()
        scale = share * width / max(thing.shape[:2])
        turn = r.gauss(0, 12) + r.choice([0, 0, 90, 180]) if self.chance(0.7) else r.uniform(0, 360)
        matrix = cv2.getRotationMatrix2D((thing.shape[1] / 2, thing.shape[0] / 2), turn, scale)
        matrix[:, 2] += [r.uniform(0, width) - thing.shape[1] / 2, r.uniform(0, height) - thing.shape[0] / 2]
        soft = cv2.GaussianBlur(thing, (0, 0), max(0.3, 0.45 / scale))
        mask = cv2.warpAffine(np.ones(thing.shape[:2], np.float32), matrix, (width, height), flags=cv2.INTER_LINEAR)
        seen = cv2.warpAffine(soft, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        shadow = cv2.warpAffine(cv2.GaussianBlur(mask, (0, 0), r.uniform(2, 14)), np.float32(
            [[1, 0, r.uniform(-10, 10)], [0, 1, r.uniform(-10, 10)]]), (width, height))
        desk = desk * (1 - r.uniform(0.1, 0.6) * shadow)[..., None]
        return (desk * (1 - mask[..., None]) + seen * mask[..., None]).astype(np.float32)

    def telephone(self):
        r = self.random
        body = np.full((760, 370, 3), r.uniform(10, 60), np.float32)
        if self.chance(0.5):
            body[:] = self.color(20, 230)
            body[30:180, 30:150] = body[0, 0] * 0.6
            return body, r.uniform(0.12, 0.3)
        body[20:-20, 14:-14] = self.color(5, 250) if self.chance(0.6) else 12
        for top in range(80, 640, 110):
            if self.chance(0.5):
                body[top : top + r.randint(10, 80), 40:-40] = self.color(0, 255)
        return body, r.uniform(0.12, 0.3)

    def book(self):
        r = self.random
        cover = Image.new("RGB", (600, 850), self.ink(20, 215))
        draw = ImageDraw.Draw(cover)
        font = ImageFont.truetype(r.choice(r.choice(self.families)), r.randint(40, 90))
        for line in range(r.randint(1, 4)):
            draw.text((60, 90 + 100 * line), " ".join(r.choices(pages.VIETNAMESE, k=3)), self.ink(0, 255), font)
        if self.chance(0.6):
            draw.rectangle([60, 450, 60 + r.randint(100, 480), 470 + r.randint(50, 300)], fill=self.ink(0, 255))
        if self.chance(0.4):
            draw.rectangle([0, 0, r.randint(20, 60), 850], fill=self.ink(10, 200))
        return np.array(cover)[:, :, ::-1].astype(np.float32), r.uniform(0.2, 0.5)

    def photograph(self):
        r = self.random
        picture = self.color(40, 200) + sum(
            self.clouds(600, 400, across, across)[..., None] * self.color(-60, 60) for across in (220, 80, 25))
        border = r.choice([0, 0, 14, 24])
        picture[:border], picture[400 - border :], picture[:, :border], picture[:, 600 - border :] = [(240,) * 3] * 4
        return np.clip(picture, 0, 255).astype(np.float32), r.uniform(0.12, 0.35)

    def label(self):
        """A sticker with a code, or a note."""
        r = self.random
        paper = np.full((300, 300, 3), 245, np.float32)
        if self.chance(0.5):
            modules = self.fields.integers(0, 2, (25, 25)).astype(np.float32) * 235 + 10
            paper[25:275, 25:275] = np.kron(modules, np.ones((10, 10), np.float32))[..., None]
        else:
            paper[:] = r.choice([(120, 235, 250), (190, 160, 250), (170, 240, 190), (250, 220, 150)])
        return paper, r.uniform(0.06, 0.16)

    def keypad(self):
        r = self.random
        rows, columns = r.randint(4, 6), r.choice([4, 5, 14])
        pad = np.full((rows * 60 + 40, columns * 60 + 20, 3), 1, np.float32) * self.color(15, 235)
        key = self.color(15, 245)
        for row in range(rows):
            for column in range(columns):
                pad[30 + row * 60 : 78 + row * 60, 16 + column * 60 : 64 + column * 60] = key
        return pad, r.uniform(0.15, 0.7)

    def surface(self, kind, side):
        r, base, other = self.random, self.color(20, 230), self.color(20, 235)
        y, x = np.mgrid[0:side, 0:side].astype(np.float32)
        clouds = lambda across, down=None: self.clouds(side, side, across, down or across)
        if kind in ("wood", "planks", "laminate"):
            grain = clouds(400, r.uniform(8, 30)) + 0.6 * clouds(150, 6) + 0.3 * clouds(40, 2)
            if kind == "wood":
                grain = 0.8 * np.sin(y / r.uniform(10, 40) + 3 * clouds(500, 120)) + 0.5 * grain
            wood = np.float32(r.choice(WOODS)) * r.uniform(0.8, 1.15) * (1 + grain * r.uniform(0.04, 0.16))[..., None]
            if kind != "laminate":
                plank = r.randint(120, 500)
                for top in range(r.randint(0, plank), side, plank):
                    wood[top : top + r.randint(2, 5)] *= r.uniform(0.3, 0.7)
                    wood[top : top + plank] *= r.uniform(0.85, 1.15)
            return wood
        if kind == "cloth":
            wave = 2 * np.pi / r.uniform(3, 9)
            weave = r.uniform(0.02, 0.1) * (np.sin(x * wave) + np.sin(y * wave))
            return base * ((1 + weave) * (1 + 0.15 * clouds(300)))[..., None]
        if kind in ("check", "stripes"):
            period = r.uniform(60, 300) if kind == "check" else r.uniform(20, 200)
            mix = (x // period) % 2
            if kind == "check":
                mix = 0.5 * (mix + (y // period) % 2)
            return base * (1 - mix[..., None]) + other * mix[..., None]
        if kind == "tile":
            tiles, period, joint = base * (1 + 0.05 * clouds(60))[..., None], r.uniform(200, 700), r.uniform(3, 9)
            tiles[(x % period < joint) | (y % period < joint)] = np.clip(base + r.uniform(-60, 60), 0, 255)
            return tiles
        if kind == "marble":
            veins = 1 - 0.3 * np.exp(-12 * np.abs(clouds(200) + 0.5 * clouds(80)))
            return np.float32([225, 228, 230]) * r.uniform(0.75, 1.05) * (veins * (1 + 0.02 * clouds(30)))[..., None]
        if kind == "plain":
            return base * (1 + 0.02 * clouds(300))[..., None]
        if kind == "white":
            return (r.uniform(185, 238) + self.color(-8, 8)) * (1 + 0.01 * clouds(200))[..., None]
        if kind == "keyboard":
            key, dark = r.uniform(60, 140), r.uniform(25, 60)
            keys = np.full((side, side, 3), dark, np.float32)
            keys[(x % key < 8) | (y % key < 8)] = dark * 0.4
            keys[(abs(x % key - 0.4 * key) < 0.1 * key) & (abs(y % key - 0.42 * key) < 0.12 * key)] = 200
            keys[int(r.uniform(0.1, 0.9) * side) :] = r.uniform(60, 225)
            return keys
        if kind == "papers":
            heap = np.ones((side, side, 1), np.float32) * base
            for _ in range(r.randint(2, 6)):
                sheet = self.sheet(r.choice(["page", "a4"]))[0] * r.uniform(0.75, 1.05)
                height, width = sheet.shape[:2]
                scale = r.uniform(0.4, 1.1) * side / 1800
                turn = cv2.getRotationMatrix2D((width / 2, height / 2), r.uniform(0, 360), scale)
                turn[:, 2] += [r.uniform(0, side) - width / 2, r.uniform(0, side) - height / 2]
                mask = cv2.warpAffine(np.ones((height, width), np.float32), turn, (side, side))[..., None]
                shadow = cv2.GaussianBlur(mask, (0, 0), 6)[..., None] * (1 - mask)
                heap = heap * (1 - 0.35 * shadow) * (1 - mask) + cv2.warpAffine(sheet, turn, (side, side)) * mask
            return heap
        if kind == "metal":
            return base.mean() * (1 + 0.1 * clouds(600, 1.5))[..., None] * np.ones(3, np.float32)
        if kind == "leather":
            grain = 1 + 0.15 * clouds(7) + 0.1 * clouds(200)
            return np.float32([40, 50, 70]) * r.uniform(0.4, 1.6) * grain[..., None]
        return base * (1 + 0.2 * clouds(2.5) + 0.1 * clouds(20))[..., None]

    # Photos.

    def photo(self):
        r = self.random
        long = r.choice([1600, 2000, 2400])
        width, height = (long * 3 // 4, long) if self.chance(0.75) else (long, long * 3 // 4)
        kind = self.pick(PHOTO_SHEETS)
        sheet, size = self.sheet(kind)
        desk, desk_kind = self.desk(width, height)
        curl = r.uniform(0.01, 0.05) * size[1] if self.chance(0.15) else 0.0
        points = self.pose(kind, size, width, height, curl)
        quad = points[[0, 0, -1, -1], [0, -1, -1, 0]]
        if curl:
            seen, mask = place_curled(sheet, points, width, height)
        else:
            seen, mask = place_flat(sheet, quad, width, height, rounded=kind == "card")
        desk = self.cast(desk, mask, long, 0.8)
        image = desk * (1 - mask[..., None]) + seen * mask[..., None]
        tags = [desk_kind, kind] + (["curl"] if curl else [])
        return self.take(image, quad, tags), quad, tags

    def take(self, image, quad, tags):
        """What the camera makes of the scene."""
        r = self.random
        height, width = image.shape[:2]
        image = self.light(image, tags)
        if self.chance(0.2):
            image = self.finger(image, quad)
            tags.append("finger")
        if self.chance(0.15):
            tags.append("blur")
        image = self.expose(image, r.uniform(1.5, 4) if "blur" in tags else r.uniform(0.4, 1), 6)
        if not inside(quad, width, height, -0.5):
            tags.append("cut")
        return image

    def empty_photo(self):
        """A bare desk, or a page that fills the frame."""
        r = self.random
        width, height = 1200, 1600
        if self.chance(0.5):
            image, kind = self.desk(width, height)
            tags = [kind]
        else:
            sheet = self.sheet(r.choice(["page", "a4"]))[0]
            inset = r.uniform(0.05, 0.2)
            corners = np.float32([(inset, inset), (1 - inset, inset), (1 - inset, 1 - inset), (inset, 1 - inset)])
            corners = (corners + self.fields.uniform(-0.03, 0.03, (4, 2))) * sheet.shape[1::-1]
            frame = np.float32([(0, 0), (width, 0), (width, height), (0, height)])
            image = cv2.warpPerspective(sheet, cv2.getPerspectiveTransform(np.float32(corners), frame), (width, height))
            tags = ["fills"]
        return self.expose(self.light(image, tags), 0.6, 5), None, tags

    def pose(self, kind, size, width, height, curl):
        """A grid of points of the sheet as a camera sees them; at times with a corner or two out of the frame."""
        r = self.random
        y, x = np.mgrid[0 : 1 : GRID * 1j, 0 : 1 : GRID * 1j]
        along = x if self.chance(0.5) else y
        rise = -curl * (1.3 * along**2 if self.chance(0.4) else np.sin(np.pi * along * r.uniform(0.8, 1.2)))
        paper = np.stack([(x - 0.5) * size[0], (y - 0.5) * size[1], rise], -1)
        cut = self.chance(0.12)
        while True:
            covered = r.uniform(0.07, 0.5) if kind in ("card", "receipt", "square") else r.uniform(0.2, 0.75)
            points = self.camera(width, height, size, covered)(paper)
            quad = points[[0, 0, -1, -1], [0, -1, -1, 0]]
            outside = sum(not inside(corner, width, height, 4) for corner in quad)
            near = inside(quad, width, height, -0.2 * min(width, height))
            if (outside in (1, 2) and near) if cut else outside == 0:
                return points

    def camera(self, width, height, size, covered):
        """A camera over a rectangle of this size about the origin that covers this share of the frame."""
        r = self.random
        roll = np.radians(r.gauss(0, 12) if self.chance(0.8) else r.uniform(-180, 180))
        if self.chance(0.12):
            roll += np.pi / 2 * r.choice([1, 2, 3])
        tilt, towards = np.radians(r.uniform(0, 32)), r.uniform(0, 2 * np.pi)
        turn = cv2.Rodrigues(tilt * np.array([np.cos(towards), np.sin(towards), 0]))[0]
        turn = turn @ cv2.Rodrigues(np.array([0, 0, roll]))[0]
        focal = r.uniform(0.75, 1.2) * max(width, height)
        away = focal * np.sqrt(size[0] * size[1] / (covered * width * height))
        middle = width * (0.5 + r.uniform(-0.15, 0.15)), height * (0.5 + r.uniform(-0.15, 0.15))

        def project(points):
            solid = points @ turn.T + [0, 0, away]
            return focal * solid[..., :2] / solid[..., 2:] + middle

        return project

    # Several sheets.

    def several(self):
        """Sheets and their corners on a plane in millimetres, and tags. The first lies on top of those after it."""
        r = self.random
        tags = [r.choice(["card sides", "sheets", "sheets", "overlap"])]
        if tags[0] == "card sides":
            kinds, color = ["card", "card"], self.color(60, 250)
        else:
            first = r.choice(["a4", "page", "a5", "receipt"])
            kinds = [first] + r.choices(["a5", "receipt", "card", first, first], k=r.choice([1, 1, 2]))
        across, laid, turn = self.chance(0.5), [], r.gauss(0, 3)
        for kind in kinds:
            sheet, size = self.sheet(kind)
            angle = np.radians(turn + r.gauss(0, 3) + r.choice([0] * 6 + [90, 180]) * (tags[0] != "card sides"))
            corners = np.array([(-size[0], -size[1]), (size[0], -size[1]), size, (-size[0], size[1])]) / 2
            corners = corners @ np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
            if laid:
                axis = 0 if across else 1
                room = corners.max(0) - corners.min(0)
                gap = -r.uniform(0.08, 0.3) * room[axis] if tags[0] == "overlap" else r.uniform(2, 35)
                every = np.concatenate([c for _, c, _ in laid])
                move = np.zeros(2)
                move[axis] = every.max(0)[axis] + gap + room[axis] / 2
                move[1 - axis] = every.mean(0)[1 - axis] + r.uniform(-0.2, 0.2) * room[1 - axis]
                corners = corners + move
            if tags[0] == "card sides" and self.chance(0.7):
                # Both sides of a card are alike in colour more often than not.
                sheet = sheet + 0.8 * (color - sheet.mean((0, 1)))
            laid.append((np.clip(sheet, 0, 255).astype(np.float32), corners, kind))
        every = np.concatenate([c for _, c, _ in laid])
        middle = (every.max(0) + every.min(0)) / 2
        return [(sheet, corners - middle, kind) for sheet, corners, kind in laid], tags

    def several_photo(self):
        r = self.random
        long = r.choice([1600, 2000, 2400])
        width, height = (long * 3 // 4, long) if self.chance(0.6) else (long, long * 3 // 4)
        quads = None
        while quads is None:
            laid, tags = self.several()
            quads = self.see(laid, width, height)
        desk, desk_kind = self.desk(width, height)
        image = desk
        for (sheet, _, kind), quad in reversed(list(zip(laid, quads))):
            seen, mask = place_flat(sheet, quad, width, height, rounded=kind == "card")
            image = self.cast(image, mask, long, 0.8)
            image = image * (1 - mask[..., None]) + seen * mask[..., None]
        tags = [desk_kind, *tags, *(kind for *_, kind in laid)]
        return self.take(image, quads[0], tags), largest_first(quads), None, tags

    def see(self, laid, width, height):
        """The sheets as a camera sees them, whole and not too small; none where they do not fit the frame."""
        every = np.concatenate([corners for _, corners, _ in laid])
        for _ in range(50):
            project = self.camera(width, height, every.max(0) - every.min(0), self.random.uniform(0.15, 0.75))
            quads = [project(np.c_[corners, np.zeros(4)]) for _, corners, _ in laid]
            if all(inside(quad, width, height, 4) and area(quad) > 0.03 * width * height for quad in quads):
                return quads
        return None

    def cast(self, image, mask, long, share):
        """The shadow of what the mask covers."""
        r = self.random
        if not self.chance(share):
            return image
        height, width = mask.shape
        move = np.float32([[1, 0, r.uniform(-12, 12)], [0, 1, r.uniform(-12, 12)]])
        shadow = cv2.GaussianBlur(mask, (0, 0), r.uniform(2, 14) * long / 2000)
        shadow = cv2.warpAffine(shadow, move, (width, height))
        return image * (1 - r.uniform(0.1, 0.6) * shadow)[..., None]

    def light(self, image, tags):
        r = self.random
        height, width = image.shape[:2]
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        fall = ((x - width / 2) ** 2 + (y - height / 2) ** 2) / (width**2 + height**2) * 4
        gain = 1 + r.uniform(-0.35, 0.35) * (x / width - 0.5) + r.uniform(-0.35, 0.35) * (y / height - 0.5)
        gain -= r.uniform(0, 0.35) * fall
        tint = np.float32([r.uniform(0.8, 1.05), 1, r.uniform(0.9, 1.1)])
        image = image * gain[..., None] * tint * r.uniform(0.6, 1.05)
        if self.chance(0.25):
            tags.append("shadow")
            shadow, corners = np.zeros((height, width), np.float32), r.randint(4, 8)
            angles = np.sort(self.fields.uniform(0, 2 * np.pi, corners))
            reach = self.fields.uniform(0.2, 0.6, (corners, 1)) * width
            middle = np.array([r.uniform(0, width), r.uniform(0, height)])
            outline = middle + reach * np.stack([np.cos(angles), np.sin(angles)], 1)
            cv2.fillPoly(shadow, [outline.astype(int)], 1)
            image *= (1 - r.uniform(0.2, 0.6) * cv2.GaussianBlur(shadow, (0, 0), r.uniform(3, 50)))[..., None]
        if self.chance(0.12):
            tags.append("glare")
            squared = (x - r.uniform(0, width)) ** 2 + (y - r.uniform(0, height)) ** 2
            image += r.uniform(60, 200) * np.exp(-squared / (2 * (r.uniform(0.04, 0.12) * width) ** 2))[..., None]
        return image

    def finger(self, image, quad):
        r = self.random
        height, width = image.shape[:2]
        side, place, thick = r.randint(0, 3), r.uniform(0.2, 0.8), r.uniform(0.025, 0.05) * width
        edge = quad[side] * (1 - place) + quad[(side + 1) % 4] * place
        outwards = (edge - quad.mean(0)) / np.linalg.norm(edge - quad.mean(0))
        tip, root = edge - outwards * thick * r.uniform(1, 2.5), edge + outwards * width
        mask = np.zeros((height, width), np.float32)
        cv2.line(mask, tip.astype(int).tolist(), root.astype(int).tolist(), 1, int(thick * 2))
        mask = cv2.GaussianBlur(mask, (0, 0), 1.2)[..., None]
        return image * (1 - mask) + np.float32(r.choice([(120, 160, 210), (90, 120, 170), (60, 80, 120)])) * mask

    def expose(self, image, blur, most_noise):
        image = cv2.GaussianBlur(np.clip(image, 0, 255), (0, 0), blur)
        image = image + self.fields.normal(0, 1, image.shape) * self.random.uniform(0.3, most_noise)
        return np.clip(image, 0, 255).astype(np.uint8)

    # Scans.

    def scan(self, mode=None):
        r = self.random
        scale, mode = r.choice([100, 150, 200]) / 25.4, mode or self.pick(SCAN_MODES)
        kind = "card" if mode == "card" else self.pick(SCAN_SHEETS)
        sheet, size = self.sheet(kind)
        wide, tall = size[0] * scale, size[1] * scale
        if mode == "cropped":
            image = cv2.resize(sheet[6:-6, 6:-6], (int(wide), int(tall)), interpolation=cv2.INTER_AREA)
            return self.develop(image), None, scale * 25.4, ["none", mode, kind]
        angle = np.radians(r.uniform(-10, 10) if self.chance(0.4) else r.uniform(-2.5, 2.5))
        cosine, sine = np.cos(angle), np.sin(angle)
        box = np.array([wide * abs(cosine) + tall * abs(sine), wide * abs(sine) + tall * abs(cosine)])
        if kind in ("card", "a5", "receipt"):
            frame = np.array([210 * scale, 297 * scale])
            room = np.maximum(frame / 2 - box / 2 - 5, 0)
            middle = frame / 2 + room * [r.uniform(-1, 1), r.uniform(-1, 1)]
        else:
            margins = np.array([r.uniform(0.3, 8) * scale for _ in range(4)])
            if mode == "cut":
                for side in r.sample(range(4), r.choice([1, 1, 2])):
                    margins[side] = -r.uniform(2, 20) * scale
            frame, middle = box + margins[:2] + margins[2:], margins[:2] + box / 2
        width, height = (int(v) for v in frame)
        corners = np.array([(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)]) / 2
        quad = corners @ np.array([(cosine, sine), (-sine, cosine)]) + middle
        image, bed_kind = self.bed(width, height)
        image = self.lay_on_bed(image, sheet, quad, scale, kind)
        return self.develop(image), quad, scale * 25.4, [bed_kind, mode, kind]

    def several_scan(self):
        """Sheets on an A4 bed, or on one of A3 where they do not fit."""
        r, scale = self.random, self.random.choice([100, 150, 200]) / 25.4
        while True:
            laid, tags = self.several()
            every = np.concatenate([corners for _, corners, _ in laid])
            room = every.max(0) - every.min(0)
            beds = [bed for bed in [(210, 297), (297, 420), (420, 297)] if (room + 2 < bed).all()]
            if beds:
                break
        frame = np.array(beds[0])
        middle = frame / 2 + (frame - room) / 2 * [r.uniform(-0.95, 0.95), r.uniform(-0.95, 0.95)]
        width, height = (int(v * scale) for v in frame)
        quads = [(corners + middle) * scale for _, corners, _ in laid]
        image, bed_kind = self.bed(width, height)
        for (sheet, _, kind), quad in reversed(list(zip(laid, quads))):
            image = self.lay_on_bed(image, sheet, quad, scale, kind)
        return self.develop(image), largest_first(quads), scale * 25.4, [bed_kind, *tags, *(k for *_, k in laid)]

    def bed(self, width, height):
        r = self.random
        bed_kind = r.choices(list(BEDS), BED_SHARES)[0]
        grey = r.uniform(*BEDS[bed_kind])
        bed = np.float32([grey - 8, grey - 2, grey] if bed_kind == "cream" else [grey] * 3)
        return bed * (1 + 0.006 * self.clouds(width, height, 300, 300))[..., None], bed_kind

    def lay_on_bed(self, bed, sheet, quad, scale, kind):
        r = self.random
        height, width = bed.shape[:2]
        seen, mask = place_flat(sheet, quad, width, height, rounded=kind == "card")
        move = np.float32([[1, 0, r.uniform(-0.35, 0.35) * scale], [0, 1, r.uniform(-0.35, 0.35) * scale]])
        shadow = cv2.warpAffine(cv2.GaussianBlur(mask, (0, 0), r.uniform(0.2, 0.6) * scale), move, (width, height))
        bed = bed * (1 - r.uniform(0.12, 0.4) * shadow)[..., None]
        return bed * (1 - mask[..., None]) + seen * mask[..., None]

    def develop(self, image):
        if self.chance(0.35):
            image = np.repeat(cv2.cvtColor(image.astype(np.float32), cv2.COLOR_BGR2GRAY)[..., None], 3, 2)
        return self.expose(image, self.random.uniform(0.3, 0.7), 3)


def inside(points, width, height, margin):
    x, y = np.reshape(points, (-1, 2)).T
    return min(x.min(), y.min(), width - 1 - x.max(), height - 1 - y.max()) >= margin


def area(quad):
    return cv2.contourArea(np.float32(quad))


def largest_first(quads):
    return sorted(quads, key=area, reverse=True)


def place_flat(sheet, quad, width, height, rounded=False):
    """The sheet as it lies in the frame, and how much of each pixel it covers."""
    tall, wide = sheet.shape[:2]
    corners = np.float32([(-0.5, -0.5), (wide - 0.5, -0.5), (wide - 0.5, tall - 0.5), (-0.5, tall - 0.5)])
    reduction = np.sqrt(wide * tall / max(1, cv2.contourArea(np.float32(quad))))
    if reduction > 1.2:
        sheet = cv2.GaussianBlur(sheet, (0, 0), 0.45 * reduction)
    matrix = cv2.getPerspectiveTransform(corners, np.float32(quad))
    seen = cv2.warpPerspective(sheet, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
    return seen, coverage(round_corners(corners, matrix) if rounded else quad, width, height)


def round_corners(corners, matrix):
    """The outline of an ID-1 card (ISO/IEC 7810: radius 3.18 mm on 85.6) as it lies in the frame."""
    radius = 3.18 / 85.6 * (corners[2, 0] - corners[0, 0])
    outline = []
    for corner, start in zip(corners, (180, 270, 0, 90)):
        angles = np.radians(start + np.arange(0, 91, 10))
        inwards = np.where(corner > corners.mean(0), -radius, radius)
        outline.append(corner + inwards + radius * np.stack([np.cos(angles), np.sin(angles)], 1))
    return cv2.perspectiveTransform(np.float32(np.concatenate(outline))[None], matrix)[0]


def place_curled(sheet, points, width, height):
    """The same for a curled sheet, cell by cell of the grid."""
    tall, wide = sheet.shape[:2]
    steps = np.linspace(0, 1, GRID)
    columns, rows = np.full((height, width), -1, np.float32), np.full((height, width), -1, np.float32)
    for i in range(GRID - 1):
        for j in range(GRID - 1):
            cell = np.float32([points[i, j], points[i, j + 1], points[i + 1, j + 1], points[i + 1, j]])
            left, top = np.maximum(np.floor(cell.min(0)).astype(int) - 1, 0)
            right, bottom = np.minimum(np.ceil(cell.max(0)).astype(int) + 2, [width, height])
            if right <= left or bottom <= top:
                continue
            (x0, x1), (y0, y1) = steps[j : j + 2] * (wide - 1), steps[i : i + 2] * (tall - 1)
            matrix = cv2.getPerspectiveTransform(cell, np.float32([(x0, y0), (x1, y0), (x1, y1), (x0, y1)]))
            mask = np.zeros((bottom - top, right - left), np.uint8)
            cv2.fillConvexPoly(mask, np.round((cell - [left, top]) * 16).astype(int), 1, shift=4)
            y, x = np.nonzero(cv2.dilate(mask, np.ones((3, 3))))
            source = matrix @ np.stack([x + left, y + top, np.ones(len(x))])
            columns[y + top, x + left], rows[y + top, x + left] = source[:2] / source[2]
    seen = cv2.remap(sheet, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    shade = 1 + 0.12 * np.clip(columns / wide - 0.5, -0.5, 0.5)
    outline = np.concatenate([points[0], points[1:, -1], points[-1, -2::-1], points[-2:0:-1, 0]])
    return seen * shade[..., None], coverage(outline, width, height)


def coverage(outline, width, height):
    fine = np.zeros((height * 4, width * 4), np.uint8)
    cv2.fillPoly(fine, [np.round((4 * np.asarray(outline) + 1.5) * 16).astype(int)], 255, shift=4)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / 255


if __name__ == "__main__":
    main()
