"""Draws captures beside the pages that sohoa makes of them, one pair a cell, with what was found below.

scripts/contact-sheet OUT.jpg CAPTURE… (OUT.png works too). A capture that was set aside has an empty place beside it.
Captures in formats that Pillow does not read (HEIC, PDF) cannot be shown.
"""

import argparse
import tempfile

from page_images import digitized
from PIL import Image, ImageDraw, ImageFile, ImageFont, ImageOps

# Pixels: the box that a picture is fitted into, the space around it, the height of the label below.
BOX = 480
MARGIN = 12
LABEL = 48
DESK, INK = "#d8dade", "#202428"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", help="the sheet to write: .jpg or .png")
    parser.add_argument("captures", nargs="+")
    parser.add_argument("--columns", type=int, help="pairs side by side (default: up to 3)")
    arguments = parser.parse_args()
    captures = arguments.captures
    # A capture that broke off is shown as far as it goes.
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    columns = arguments.columns or min(3, len(captures))
    width, height = 2 * BOX + 3 * MARGIN, BOX + LABEL + 2 * MARGIN
    sheet = Image.new("RGB", (columns * width, -(-len(captures) // columns) * height), DESK)
    with tempfile.TemporaryDirectory(prefix="sohoa-contact-sheet-") as work:
        pages = digitized(captures, work)
        for number, capture in enumerate(captures):
            row, column = divmod(number, columns)
            draw_pair(sheet, column * width, row * height, capture, pages.get(capture))
    sheet.save(arguments.out, quality=88)


def draw_pair(sheet, left, top, capture, page):
    font = ImageFont.load_default(16)
    draw = ImageDraw.Draw(sheet)
    place(sheet, left + MARGIN, top + MARGIN, capture)
    if page:
        place(sheet, left + 2 * MARGIN + BOX, top + MARGIN, page["jpeg"])
    with Image.open(capture) as picture:
        size = f"{picture.width} x {picture.height}"
    below = top + MARGIN + BOX + 6
    draw.text((left + MARGIN, below), f"{'/'.join(capture.split('/')[-2:])}\n{size}", INK, font)
    draw.text((left + 2 * MARGIN + BOX, below), described(page), INK, font)


def place(sheet, left, top, file):
    with Image.open(file) as picture:
        shown = ImageOps.exif_transpose(picture).convert("RGB")
    shown.thumbnail((BOX, BOX), Image.Resampling.LANCZOS)
    sheet.paste(shown, (left + (BOX - shown.width) // 2, top + (BOX - shown.height) // 2))


def described(page):
    if not page:
        return "set aside"
    image, flags = page["image"], page["quality"]["flags"]
    paper = f"{image['size_mm']['width']:.0f} x {image['size_mm']['height']:.0f} mm at {image['dpi']:.0f} dpi"
    turned = f"turned {page['orientation']}°, skew {page['skew_deg']:.1f}°"
    state = "blank" if page["blank"] else ", ".join(flag["code"] for flag in flags) or "ok"
    return f"{image['width']} x {image['height']}, {paper}\n{turned}, {state}"


if __name__ == "__main__":
    main()
