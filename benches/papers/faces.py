"""The typefaces of the generated papers: families that benches/reading does not use, but for the Times that offices set
nearly all in; OCR-B for machine-readable zones."""

import numpy as np

import typefaces
from typefaces import PRINTED, Typeface, installed

OCR_B = "OCRB.otf"


def dejavu(name, stem, italic):
    cuts = ("", "-Bold", f"-{italic}", f"-Bold{italic}")
    return Typeface(name, tuple(f"{stem}{cut}.ttf" for cut in cuts), 2)


FACES = (
    *(face for face in PRINTED if face.name in ("TeX Gyre Termes", "FreeSerif", "Carlito")),
    dejavu("DejaVu Serif", "DejaVuSerif", "Italic"),
    dejavu("DejaVu Serif Condensed", "DejaVuSerifCondensed", "Italic"),
    dejavu("DejaVu Sans", "DejaVuSans", "Oblique"),
    dejavu("DejaVu Sans Condensed", "DejaVuSansCondensed", "Oblique"),
    Typeface("FreeSans", ("FreeSans.otf", "FreeSansBold.otf", "FreeSansOblique.otf", "FreeSansBoldOblique.otf"), 3),
    Typeface("FreeMono", ("FreeMono.otf", "FreeMonoBold.otf", "FreeMonoOblique.otf", "FreeMonoBoldOblique.otf"), 1),
    Typeface("CMU Sans Serif", ("cmunss.ttf", "cmunsx.ttf", "cmunsi.ttf", "cmunso.ttf"), 2),
    Typeface(
        "TeX Gyre Adventor",
        tuple(f"texgyreadventor-{cut}.otf" for cut in ("regular", "bold", "italic", "bolditalic")),
        2,
    ),
    Typeface(
        "TeX Gyre Heros Condensed",
        tuple(f"texgyreheroscn-{cut}.otf" for cut in ("regular", "bold", "italic", "bolditalic")),
        2,
    ),
)


def drawn(rng):
    """A family by chance."""
    weights = np.array([face.weight for face in FACES], float)
    return FACES[rng.choice(len(weights), p=weights / weights.sum())]


def check():
    """Ends the program with the names of what is missing."""
    typefaces.check()
    absent = [file for file in (OCR_B, *(file for face in FACES for file in face.files)) if file not in installed()]
    if absent:
        raise SystemExit(f"fonts are missing, run scripts/setup --compare: {' '.join(absent)}")
