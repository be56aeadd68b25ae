"""The typefaces of the generated pages: free Debian packages (scripts/setup --compare) with every Vietnamese letter.

None of them draws letters as Liberation or its metric twins do, which most test pages of this project are set in.
"""

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import ImageFont

ROOTS = ("/usr/share/fonts", "/usr/share/texmf/fonts")

# Every precomposed letter of Vietnamese, and what else the papers are set with.
NEEDED = frozenset(range(0x1EA0, 0x1EFA)) | frozenset(map(ord, "ĂÂĐÊÔƠƯăâđêôơưÀÁÃÈÉÌÍÒÓÙÚÝĨŨàáãèéìíòóùúýĩũ–“”…§%&@/"))


@dataclass(frozen=True)
class Typeface:
    """Four files of one family, and how often it is met among the pages: offices set nearly all in a Times."""

    name: str
    files: tuple
    weight: int

    def file(self, bold, italic):
        return self.files[2 * italic + bold]


def gyre(name, weight):
    files = tuple(f"texgyre{name}-{cut}.otf" for cut in ("regular", "bold", "italic", "bolditalic"))
    return Typeface(f"TeX Gyre {name.capitalize()}", files, weight)


def hyphened(name, stem, weight):
    return Typeface(name, tuple(f"{stem}-{cut}.ttf" for cut in ("Regular", "Bold", "Italic", "BoldItalic")), weight)


PRINTED = (
    gyre("termes", 6),
    Typeface("FreeSerif", ("FreeSerif.otf", "FreeSerifBold.otf", "FreeSerifItalic.otf", "FreeSerifBoldItalic.otf"), 3),
    gyre("pagella", 1),
    gyre("bonum", 1),
    gyre("schola", 1),
    gyre("heros", 2),
    gyre("cursor", 1),
    hyphened("Charis SIL", "CharisSIL", 1),
    hyphened("Carlito", "Carlito", 2),
    hyphened("Open Sans", "OpenSans", 1),
    hyphened("Vollkorn", "Vollkorn", 1),
    Typeface("CMU Serif", ("cmunrm.ttf", "cmunbx.ttf", "cmunti.ttf", "cmunbi.ttf"), 1),
)

# Hands: one that has the Vietnamese letters, and one whose marks `pen.py` adds as a writer does.
HAND_COMPLETE = "setofont.ttf"
HAND_LATIN = "Breip.ttf"


def check():
    """Ends the program with the names of what is missing, where a file is absent or lacks a letter."""
    wanted = [file for face in PRINTED for file in face.files] + [HAND_COMPLETE]
    absent = [file for file in (*wanted, HAND_LATIN) if file not in installed()]
    if absent:
        raise SystemExit(f"fonts are missing, run scripts/setup --compare: {' '.join(absent)}")
    for file in wanted:
        lacking = NEEDED - TTFont(installed()[file], lazy=True).getBestCmap().keys()
        if lacking:
            raise SystemExit(f"{file} lacks {''.join(map(chr, sorted(lacking)))}")


@functools.cache
def installed():
    """File name to path of every font below the usual folders."""
    found = {}
    for root in ROOTS:
        for folder, _, files in os.walk(root):
            found |= {file: str(Path(folder, file)) for file in files if file.endswith((".otf", ".ttf"))}
    return found


@functools.lru_cache(maxsize=512)
def font(file, pixels):
    """The font at so many pixels an em; loaded once a size."""
    return ImageFont.truetype(installed()[file], pixels, layout_engine=ImageFont.Layout.RAQM)
