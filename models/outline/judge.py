#!/usr/bin/env python3
"""Judges what was found on generated captures: `judge.py FOLDER...`, after outline_candidates.

Photos and scans apart, prints the overlap of the main sheet with the truth (any sheet of the capture may be the main
one), outlines found where there is no sheet, how often outlines of each confidence are right (overlap above 0.95; above
0.9 for sheets beside the main one, which need no more to be announced), how many of the other sheets were found and how
many were not there, and the same for the two sides of cards.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from fit import overlap

BINS = [0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 1.0001]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders with truth.json and candidates.jsonl")
    parser.add_argument("--list", type=float, metavar="OVERLAP", help="name captures whose main sheet overlaps less")
    arguments = parser.parse_args()
    captures = [capture for folder in arguments.folders for capture in load(folder)]
    for scanned in (False, True):
        these = [c for c in captures if c["scanned"] == scanned]
        if these:
            print("scans" if scanned else "photos", len(these))
            judge(these, arguments.list)


def load(folder):
    truth = {t["file"]: t for t in json.loads((folder / "truth.json").read_text())}
    for line in (folder / "candidates.jsonl").read_text().splitlines():
        found = json.loads(line)
        capture = truth[found["file"]]
        frame = capture["width"], capture["height"]
        sheets = [capture["quad"], *capture["others"]] if capture["quad"] else []
        quads = [[(p["x"], p["y"]) for p in sheet["quad"]] for sheet in found["found"]]
        table = np.array([[overlap(quad, sheet, frame) for sheet in sheets] for quad in quads])
        table = table.reshape(len(quads), len(sheets))
        yield {**capture, "folder": folder.name, "sheets": len(sheets), "overlaps": table, "found_card": found["card"],
               "confidences": [sheet["confidence"] for sheet in found["found"]]}


def judge(captures, listed):
    with_sheet = [c for c in captures if c["sheets"]]
    first = np.array([c["overlaps"][0].max() if len(c["overlaps"]) else 0.0 for c in with_sheet])
    found = np.array([len(c["overlaps"]) > 0 for c in with_sheet])
    empty = [c for c in captures if not c["sheets"]]
    if with_sheet:
        print(f"  main sheet: {len(first)}, mean overlap {first.mean():.4f}, above 0.95 {(first > 0.95).mean():.4f}, "
              f"not found {(~found).sum()}, of those found above 0.95 {(first[found] > 0.95).mean():.4f}")
    print(f"  no sheet: {len(empty)}, outlines all the same {sum(len(c['overlaps']) > 0 for c in empty)}")
    if listed:
        for c, o in zip(with_sheet, first):
            if o < listed:
                print(f"    {c['folder']}/{c['file']} {o:.3f} {c['confidences'][:1]} {' '.join(c['tags'])}")
    reliability("main", [(c["confidences"][0], c["sheets"] > 0 and c["overlaps"][0].max() > 0.95)
                         for c in captures if c["confidences"]])
    others, true, right, false = [], 0, 0, []
    for c in captures:
        hits = [bool(c["sheets"]) and row.max() > 0.9 for row in c["overlaps"][1:]]
        others += zip(c["confidences"][1:], hits)
        true, right = true + max(0, c["sheets"] - 1), right + sum(hits)
        false += [f"{c['folder']}/{c['file']} {' '.join(c['tags'])}" for hit in hits if not hit]
    print(f"  other sheets: {true}, found {right}, not there {len(false)}")
    for name in false if listed else []:
        print("    not there:", name)
    reliability("other", others)
    pairs = [(c["card"], c["found_card"] is not None) for c in captures]
    print(f"  cards: {sum(t for t, _ in pairs)}, found {sum(t and f for t, f in pairs)}, "
          f"not there {sum(f and not t for t, f in pairs)}")


def reliability(name, pairs):
    for low, high in zip(BINS, BINS[1:]):
        part = [right for confidence, right in pairs if low <= confidence < high]
        if part:
            print(f"  {name}, confidence {low:.2f} to {min(high, 1):.2f}: {len(part)}, right {np.mean(part):.3f}")


if __name__ == "__main__":
    main()
