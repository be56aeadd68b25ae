"""Makes papers as communes have them, of twenty-two kinds, as scans and phone pictures with the truth of their data.

  OUT/truth.jsonl      one line a capture: file, kind (scan, phone), tags, paper (the kind of paper), fields …
  OUT/scan, OUT/phone  the captures

`fields` has for each value of the paper its text and how it is compared (text, name, day, near); a field that the paper
does not have is not judged. `hand` are those filled in by hand. `marked` says of cards whether they have a QR code that
can be read. All people, places and numbers are invented: identification numbers have the structure of NĐ
137/2015/NĐ-CP, machine-readable zones right check digits. The same seed and number give the same bytes with the same
fonts and libraries, for any --count and --jobs.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

import cards
import civil
import faces
import office
import pen
import private
import taken
from paper import Paper

A4, CARD = (210, 297), (85.6, 54)
# What is made in turn, with its size; cards more often, since they come in several forms.
PAPERS = (
    (civil.birth, A4),
    (office.decision, A4),
    (cards.front, CARD),
    (civil.marriage, A4),
    (office.dispatch, A4),
    (private.authority, A4),
    (cards.back, CARD),
    (civil.live_birth, A4),
    (office.notice, A4),
    (private.contract, A4),
    (cards.new_back, CARD),
    (civil.status, A4),
    (office.proposal, A4),
    (private.petition, A4),
    (cards.insurance, CARD),
    (civil.extract, A4),
    (office.minutes, A4),
    (private.land, A4),
    (cards.copied, A4),
    (civil.declaration, A4),
    (office.report, A4),
    (private.slip, A4),
    (cards.new_front, CARD),
    (office.invitation, A4),
    (office.certificate, A4),
)
# Of five captures in a row: two phone pictures.
PHONE_TURNS = (1, 3)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to make; it must not exist")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--offices", type=int, default=0, help="so many communes, each with two who sign")
    arguments = parser.parse_args()

    faces.check()
    for folder in ("scan", "phone"):
        (arguments.out / folder).mkdir(parents=True)
    numbers = range(arguments.count)
    same = (arguments.seed, arguments.out, arguments.offices)
    with (
        ProcessPoolExecutor(arguments.jobs) as pool,
        open(arguments.out / "truth.jsonl", "w", encoding="utf-8") as truth,
    ):
        for entry in pool.map(make, numbers, *([one] * arguments.count for one in same)):
            truth.write(json.dumps(entry, ensure_ascii=False) + "\n")


def make(number, seed, out, offices=0):
    """Writes one capture; returns its line of the truth."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng([seed, number, 7])
    fill, (width, height) = PAPERS[number % len(PAPERS)]
    paper = Paper(width, height, faces.drawn(rng), rng, pen.Hand.drawn(rng))
    if offices:
        paper.belong(number % offices)
    fill(paper)
    device = "phone" if (number + number // len(PAPERS)) % 5 in PHONE_TURNS else "scan"
    shot = getattr(taken, device)(np.asarray(paper.sheet.image), rng)
    name = f"p{number:03}"
    file = f"{device}/{name}.jpg"
    (out / file).write_bytes(shot.data)
    return {
        "id": name,
        "file": file,
        "origin": "synthetic",
        "kind": device,
        "tags": shot.tags,
        "font": paper.sheet.face.name,
        "template": fill.__name__,
        "paper": paper.kind,
        "fields": paper.fields,
        "hand": paper.by_hand,
        "marked": paper.marked,
        "quality": "ok",
    }


if __name__ == "__main__":
    main()
