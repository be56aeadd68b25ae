#!/usr/bin/env python3
"""Fits the weights that rank the plausible outlines of a sheet, and the chance that the first of them is right.

Ranking: listwise logistic regression. The candidates of a capture share a softmax over their weighted sums of measures;
the mean overlap (to a high power) of a candidate drawn from it with the truth is made as great as possible, with a pull
towards a guess by hand. Confidence: logistic regression on a few measures of the winner, right being an overlap above
0.9. Photos and scans apart.

Sheets beside the main one: logistic regression on the measures of what lies beside it, right being an overlap above 0.9
with any sheet of the capture. Desks that are heaps of papers teach nothing here.

Prints the tables of src/imaging/bounds/evidence.rs, and how often the first candidate is right when the ranking was
fitted to the other half of the captures.
"""

import argparse
import json
import re
from pathlib import Path

import cv2
import numpy as np

# Measures in the order of Evidence::new, with the guess by hand.
MEASURES = {
    "support, mean of the sides": 1.0,
    "support, weakest side": 0.7,
    "support, second weakest side": 0.3,
    "local contrast, mean": 0.3,
    "local contrast, weakest side": 0.3,
    "going on beyond corners, mean": -0.4,
    "going on beyond corners, most": -0.2,
    "logarithm of the share of the frame covered": 0.25,
    "sides that are edges of the frame": -0.3,
    "inside: spread of chroma between sides": -0.2,
    "inside: spread of luma between sides": -0.3,
    "inside: unevenness along sides": -0.3,
    "brighter inside than outside": 0.2,
    "inside: luma": 0.2,
    "largest cosine of a corner": 0.0,
    "colours of the two sides apart, mean": 0.2,
    "colours of the two sides apart, least": 0.2,
    "outside: unevenness along sides": 0.0,
    "share of clear edges lying outside": -0.5,
    "edges that are flanks of drawn lines, mean": -0.5,
    "edges that are flanks of drawn lines, least": -0.5,
    "drawn lines by their darkness, mean": -0.5,
    "surfaces some way off apart, least": 0.0,
    "drawn lines that lie inside": -0.1,
}
NAMES = list(MEASURES)
# In the order of Evidence::confidence, after the score and before the constant.
CONFIDENCE = [NAMES[i] for i in (18, 19, 7, 16, 12, 8, 21, 22)]

EVIDENCE = Path(__file__).resolve().parents[2] / "src/imaging/bounds/evidence.rs"

# In the order of BESIDE in evidence.rs: measures of the quad, then those of Evidence::beside.
BESIDE = [NAMES[i] for i in (0, 1, 5, 9, 12, 16, 19)]
BESIDE_MORE = ["print", "darker than the main sheet", "differs from the main sheet in colour", "colourful",
               "smaller than the main sheet", "the other side of a card"]

# Overlaps below this are all the same to the ranking, and how much a good one counts over a fair one.
LEAST_OVERLAP, OVERLAP_POWER = 0.5, 6
# Captures without a candidate this near the truth teach the ranking nothing.
WORTH_RANKING = 0.9
# The guess by hand is scaled by this; then gradient ascent (Adam) with a pull back to it.
SHARPNESS, PULL, STEPS, RATE = 3, 0.02, 500, 0.06
# The same where the compiled weights are the guess and only some are fitted: these may go farther.
PULL_AGAIN, RATE_AGAIN = 0.005, 0.03
RIGHT = 0.9
RIDGE = 0.5


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders with truth.json and candidates.jsonl")
    parser.add_argument("--confidence-only", type=Path, nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--again", type=int, nargs="*", metavar="MEASURE",
                        help="numbers of the measures to rank by that are fitted, the others as compiled")
    arguments = parser.parse_args()

    captures, more = load(arguments.folders), load(arguments.confidence_only)
    rankings, confidences, besides = [], [], []
    for scanned in (False, True):
        these = [c for c in captures if c.scanned == scanned]
        sheets = [c for c in these if not c.empty]
        half = len(sheets) // 2
        again = None if arguments.again is None else (compiled_weights(scanned), arguments.again)
        halves = [first_right(rest, rank(part, again)) for part, rest in
                  ((sheets[:half], sheets[half:]), (sheets[half:], sheets[:half]))]
        ranking = rank(sheets, again)
        print(f"{'scans' if scanned else 'photos'}: {len(sheets)} with a sheet, {len(these) - len(sheets)} without; "
              f"first above 0.95: {halves[0]:.3f} and {halves[1]:.3f} of the half not fitted to; "
              f"any candidate: {np.mean([c.overlap.max(initial=0) > 0.95 for c in sheets]):.3f}")
        rankings.append(ranking)
        besides.append(likelihood_beside([c for c in captures + more if c.scanned == scanned]))
        alone = [c for c in captures + more if c.scanned == scanned and not c.several]
        confidences.append(likelihood(alone, ranking))
    print_table("WEIGHTS", NAMES, *rankings)
    print_table("CONFIDENCE", ["score", *CONFIDENCE, "constant"], *confidences)
    print_table("BESIDE", [*BESIDE, *BESIDE_MORE, "constant"], *besides)


class Capture:
    def __init__(self, truth, candidates, beside):
        self.scanned, self.empty, self.several = truth["scanned"], truth["quad"] is None, bool(truth["others"])
        self.measures = np.array([c["measures"] for c in candidates]).reshape(-1, len(NAMES))
        frame = truth["width"], truth["height"]
        quads = [[(p["x"], p["y"]) for p in c["quad"]] for c in candidates]
        self.overlap = np.array([0.0 if self.empty else overlap(quad, truth["quad"], frame) for quad in quads])
        # What lies beside the main sheet: measures, and whether it is a sheet.
        self.beside = []
        sheets = [] if self.empty else [truth["quad"], *truth["others"]]
        for candidate in beside if "papers" not in truth["tags"] else []:
            quad = [(p["x"], p["y"]) for p in candidate["quad"]]
            own, more = candidate["measures"][: len(NAMES)], candidate["measures"][len(NAMES) :]
            right = any(overlap(quad, sheet, frame) > RIGHT for sheet in sheets)
            self.beside.append(([own[NAMES.index(name)] for name in BESIDE] + more, right))


def load(folders):
    captures = []
    for folder in folders:
        truth = {t["file"]: t for t in json.loads((folder / "truth.json").read_text())}
        for line in (folder / "candidates.jsonl").read_text().splitlines():
            found = json.loads(line)
            captures.append(Capture(truth[found["file"]], found["candidates"], found["beside"]))
    return captures


def overlap(one, other, frame):
    """Intersection over union of two quads within the frame."""
    right, bottom = frame[0] - 0.5, frame[1] - 0.5
    corners = np.float32([(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)])
    seen = [cv2.intersectConvexConvex(cv2.convexHull(np.float32(q)), corners) for q in (one, other)]
    if any(part is None or area <= 0 for area, part in seen):
        return 0.0
    both = cv2.intersectConvexConvex(seen[0][1], seen[1][1])[0]
    return both / (seen[0][0] + seen[1][0] - both)


def compiled_weights(scanned):
    """The table that is compiled now."""
    table = re.search(r"const WEIGHTS.*?\];", EVIDENCE.read_text(), re.DOTALL)[0]
    return np.array(re.findall(r"scan: (\S+) }" if scanned else r"photo: (\S+),", table), float)


def rank(captures, again=None):
    """Weights of the measures; with `again`, all weights of a former fit and the numbers of those that are fitted."""
    captures = [c for c in captures if c.overlap.max(initial=0) > WORTH_RANKING]
    every = np.concatenate([c.measures for c in captures])
    mean, spread = every.mean(0), every.std(0) + 1e-6
    guess, free, pull, rate = np.array(list(MEASURES.values())) * spread * SHARPNESS, slice(None), PULL, RATE
    if again:
        guess, free, pull, rate = again[0] * spread, again[1], PULL_AGAIN, RATE_AGAIN
    fitted = np.zeros_like(guess)
    fitted[free] = 1
    weights, first, second = guess.copy(), np.zeros_like(guess), np.zeros_like(guess)
    lists = [((c.measures - mean) / spread, np.maximum(c.overlap, LEAST_OVERLAP) ** OVERLAP_POWER) for c in captures]
    for step in range(1, STEPS + 1):
        gradient = np.zeros_like(weights)
        for measures, worth in lists:
            score = measures @ weights
            chance = np.exp(score - score.max())
            chance /= chance.sum()
            gained = chance * worth
            gradient += (gained / gained.sum() - chance) @ measures
        gradient = (gradient / len(lists) - pull * (weights - guess)) * fitted
        first = 0.9 * first + 0.1 * gradient
        second = 0.99 * second + 0.01 * gradient * gradient
        weights += rate * first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
    return weights / spread


def first_right(captures, weights):
    tops = [c.overlap[np.argmax(c.measures @ weights)] if len(c.overlap) else 0 for c in captures]
    return np.mean(np.array(tops) > 0.95)


def likelihood(captures, weights):
    """Weights of the score, of some measures and of the constant in the log-odds that the first candidate is right."""
    winners, right = [], []
    for capture in captures:
        if len(capture.overlap):
            scores = capture.measures @ weights
            best = np.argmax(scores)
            winners.append([scores[best], *(capture.measures[best][NAMES.index(name)] for name in CONFIDENCE)])
            right.append(capture.overlap[best] > RIGHT)
    return logistic(np.array(winners), np.array(right, float))


def likelihood_beside(captures):
    """The same for sheets beside the main one."""
    beside = [pair for capture in captures for pair in capture.beside]
    inputs, right = np.array([measures for measures, _ in beside]), np.array([right for _, right in beside], float)
    half = len(right) // 2
    inputs = inputs.reshape(len(right), -1)
    print(f"beside the main sheet: {len(right)}, of them sheets {right.sum():.0f}")
    for part, rest in ((slice(half), slice(half, None)), (slice(half, None), slice(half))):
        weights = logistic(inputs[part], right[part])
        sure = inputs[rest] @ weights[:-1] + weights[-1] > np.log(0.8 / 0.2)
        print(f"  fitted to the other half, surer than 0.8: {sure.sum()}, of them sheets {right[rest][sure].sum():.0f} "
              f"of {right[rest].sum():.0f}")
    return logistic(inputs, right)


def logistic(measured, right):
    """Weights of logistic regression with a ridge, the constant last."""
    mean, spread = measured.mean(0), measured.std(0)
    spread[spread == 0] = 1
    inputs = np.c_[(measured - mean) / spread, np.ones(len(measured))]
    fitted = np.zeros(inputs.shape[1])
    for _ in range(100):
        odds = 1 / (1 + np.exp(-inputs @ fitted))
        curvature = (inputs * (odds * (1 - odds))[:, None]).T @ inputs + RIDGE * np.eye(len(fitted))
        fitted += np.linalg.solve(curvature, inputs.T @ (right - odds) - RIDGE * fitted)
    slopes = fitted[:-1] / spread
    return np.append(slopes, fitted[-1] - slopes @ mean)


def print_table(name, labels, photo, scan):
    print(f"const {name}: [Weight; {len(labels)}] = [")
    for label, p, s in zip(labels, photo, scan):
        print(f"    Weight {{ photo: {p:.2f}, scan: {s:.2f} }}, // {label}")
    print("];")


if __name__ == "__main__":
    main()
