"""Makes Vietnamese administrative papers as scans and phone pictures, with the truth about each.

  OUT/truth.jsonl      one line a capture: file, kind (scan, phone), text, quad, skew_deg, orientation, dpi, tags …
  OUT/words/PAGE.json  the words of the clean page in reading order, with the boxes of their ink at 300 dpi
  OUT/scan, OUT/phone  the captures

The text is what a person reads, one printed line a line, columns and table cells one after the other; leaders, seals
and signatures are left out. Papers filled in by hand have the tag `hand`. The same seed and number give the same
bytes with the same fonts and libraries, for any --count and --jobs.

--scorer copies a score.py there, which scripts/eval looks for beside truth.jsonl; benches/compare-reading needs none.
"""

import argparse
import inspect
import json
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

import capture
import forms
import letters
import pen
import typefaces
from language import Speaker
from sheet import DPI, Sheet

A4, A4_WIDE, A5_WIDE = (210, 297), (297, 210), (210, 148)
PAPERS = (
    (letters.proposal, A4),
    (forms.petition, A4),
    (letters.dispatch, A4),
    (forms.register, A4_WIDE),
    (letters.regulation, A4),
    (forms.declaration, A4),
    (letters.minutes, A4),
    (forms.receipt, A5_WIDE),
    (letters.report, A4),
    (forms.certificate, A4),
    (letters.notice, A4),
    (forms.slip, A4),
    (letters.contract, A4),
    (letters.invitation, A5_WIDE),
    (letters.contents, A4),
)
# Of five captures in a row: two phone pictures.
PHONE_TURNS = (1, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to make; it must not exist")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--scorer", type=Path, help="a score.py to put beside the truth")
    arguments = parser.parse_args()

    typefaces.check()
    for folder in ("scan", "phone", "words"):
        (arguments.out / folder).mkdir(parents=True)
    if arguments.scorer:
        shutil.copy(arguments.scorer, arguments.out / "score.py")
    numbers = range(arguments.count)
    with (
        ProcessPoolExecutor(arguments.jobs) as pool,
        open(arguments.out / "truth.jsonl", "w", encoding="utf-8") as truth,
    ):
        for entry in pool.map(make, numbers, [arguments.seed] * arguments.count, [arguments.out] * arguments.count):
            truth.write(json.dumps(entry, ensure_ascii=False) + "\n")


def make(number, seed, out):
    """Writes one capture and its words; returns its line of the truth."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, number])
    sheet, paper, written = set_paper(number, rng)
    other, _, _ = set_paper(number + 1, rng)
    taken = "phone" if (number + number // len(PAPERS)) % 5 in PHONE_TURNS else "scan"
    shot = getattr(capture, taken)(np.asarray(sheet.image), np.asarray(other.image), rng)
    name = f"r{number:03}"
    file = f"{taken}/{name}{shot.suffix}"
    (out / file).write_bytes(shot.data)
    words = {"page": name, "px": list(sheet.image.size), "dpi": DPI, "words": sheet.words}
    (out / "words" / f"{name}.json").write_text(json.dumps(words, ensure_ascii=False), encoding="utf-8")
    facts = {
        "id": name,
        "file": file,
        "origin": "synthetic",
        "blank": False,
        "outline": None,
        "text": sheet.text(),
        "qr": [],
        "quality": "ok",
        "page": name,
        "template": paper,
        "size_mm": [sheet.width, sheet.height],
        "font": sheet.face.name,
    }
    facts |= shot.facts
    facts["tags"] = sorted(facts["tags"] + (["hand"] if written else []))
    return facts


def set_paper(number, rng):
    """A clean sheet, the name of its kind, and whether it is filled in by hand."""
    fill, (width, height) = PAPERS[number % len(PAPERS)]
    weights = np.array([face.weight for face in typefaces.PRINTED], float)
    face = typefaces.PRINTED[rng.choice(len(weights), p=weights / weights.sum())]
    sheet = Sheet(width, height, face, rng, pen.Hand.drawn(rng))
    may_be_written = "written" in inspect.signature(fill).parameters
    written = may_be_written and bool(rng.random() < 0.5)
    fill(sheet, Speaker(rng), *([written] if may_be_written else []))
    return sheet, fill.__name__, written


if __name__ == "__main__":
    main()
