"""Reads captures with known truth with each step of the preparation left out in turn.

Prints for each folder a table: with all steps and without each, the characters that are wrong (%, edit distance over
length, all pages of a kind together) and the CPU milliseconds a page of reading, on one thread. Text is compared as
benches/compare-reading compares it; its kinds are those there. What evens out the light of the page image is not among
the steps. The folders are of the form that benches/reading/make-pages makes.
"""

import argparse
import json
import os
import subprocess
import sys

from rapidfuzz.distance import Levenshtein

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
sys.path[:0] = [os.path.join(ROOT, "benches", "reading")]
import measures  # noqa: E402
from compare import normalized  # noqa: E402

PROGRAM = os.path.join(ROOT, "target", "release", "examples", "ablation")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", help="hold truth.jsonl and the captures")
    parser.add_argument("--models", default=os.path.join(ROOT, "models"))
    arguments = parser.parse_args()
    models = os.path.abspath(arguments.models)
    for folder in arguments.folders:
        with open(os.path.join(folder, "truth.jsonl"), encoding="utf-8") as file:
            truth = [entry for entry in map(json.loads, file) if entry.get("text") and not entry["blank"]]
        print(f"\n# {folder}: {len(truth)} pages with text\n")
        report(truth, read(folder, truth, models))


def read(folder, truth, models):
    """Left-out step to file to what was read."""
    command = [PROGRAM, models, *(entry["file"] for entry in truth)]
    done = subprocess.run(command, cwd=folder, check=True, stdout=subprocess.PIPE)
    readings = {}
    for line in map(json.loads, done.stdout.splitlines()):
        readings.setdefault(line["without"], {})[line["file"]] = line
    return readings


def report(truth, readings):
    kinds = sorted({measures.group(entry) for entry in truth}) + ["all"]
    print("| without |" + "".join(f" {kind} |" for kind in kinds) + " CPU ms/page |\n|-|" + "-:|" * (len(kinds) + 1))
    for step, lines in readings.items():
        counts = {kind: [0, 0] for kind in kinds}
        for entry in truth:
            true = normalized(entry["text"])
            wrong = Levenshtein.distance(normalized(lines[entry["file"]]["text"]), true)
            for kind in (measures.group(entry), "all"):
                counts[kind][0] += wrong
                counts[kind][1] += len(true)
        cells = "".join(f" {100 * wrong / length:.2f} |" for wrong, length in counts.values())
        mean = sum(line["ms"] for line in lines.values()) / len(lines)
        print(f"| {step or 'nothing'} |{cells} {mean:.0f} |")


if __name__ == "__main__":
    main()
