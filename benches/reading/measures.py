"""How well words were read: which true word each read word is, how its box lies, and what its confidence is worth.

All boxes are (left, top, right, bottom) on the clean page, pixels at the resolution of its words file; `on_clean_page`
takes them there from the capture.
"""

import bisect
import collections
import math
import os
import sys
from dataclasses import dataclass

import cv2
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from compare import normalized  # noqa: E402

# A word of the same letters whose middle is further off than so many heights of the true word is another one.
REACH = 2.0
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True)
class Placed:
    """A word with its box; `confidence` of read words only."""

    text: str
    box: tuple
    confidence: float = 1.0

    def centre(self):
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2


def true_words(page):
    """The words of a words file."""
    placed = (Placed(normalized(w["t"]), (w["x"], w["y"], w["x"] + w["w"], w["y"] + w["h"])) for w in page["words"])
    return [word for word in placed if word.text]


def read_words(line, quad, size):
    """The words of one line of `sohoa inspect`, on the clean page of this size whose true corners are `quad`."""
    matrix = on_clean_page(quad, size)
    words = []
    for word in line["words"]:
        text = normalized(word["text"])
        corners = cv2.perspectiveTransform(np.array([word["quad"]], np.float64), matrix)[0]
        if text:
            words.append(Placed(text, (*corners.min(0), *corners.max(0)), word["confidence"]))
    return words


def on_clean_page(quad, size):
    """The map from pixels of the capture, counted from their middles, to the edges of the clean page."""
    width, height = size
    page = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    return cv2.getPerspectiveTransform(np.array(quad, np.float32), page)


def matched(true, read):
    """Indices of a true and a read word of equal text, one to one, the nearest first; sorted.

    They are near when they are within REACH, or when the read one is too wide but holds the middle of the true one.
    """
    by_text = collections.defaultdict(list)
    for index, word in enumerate(read):
        by_text[word.text].append(index)
    near = []
    for index, word in enumerate(true):
        limit = REACH * (word.box[3] - word.box[1])
        for other in by_text[word.text]:
            distance = math.dist(word.centre(), read[other].centre())
            if distance <= limit or holds(read[other].box, word.centre()):
                near.append((distance, index, other))
    pairs, taken_true, taken_read = [], set(), set()
    for _, index, other in sorted(near):
        if index not in taken_true and other not in taken_read:
            taken_true.add(index)
            taken_read.add(other)
            pairs.append((index, other))
    return sorted(pairs)


def faults(true, read, pairs):
    """Counts of true words that were missed (nothing was read where their middle is), misread, and read rightly but out
    of order (as few as must be moved), then of read words that stand on no true word's middle."""
    found, used = {index for index, _ in pairs}, {other for _, other in pairs}
    lost = [word for index, word in enumerate(true) if index not in found]
    misread = sum(any(holds(other.box, word.centre()) for other in read) for word in lost)
    spare = [word for index, word in enumerate(read) if index not in used]
    invented = sum(not any(holds(word.box, other.centre()) for other in true) for word in spare)
    moved = len(pairs) - longest_rise([other for _, other in pairs])
    return len(lost) - misread, misread, moved, invented


def longest_rise(numbers):
    """Length of the longest increasing subsequence."""
    ends = []
    for number in numbers:
        at = bisect.bisect_left(ends, number)
        ends[at : at + 1] = [number]
    return len(ends)


def overlap(a, b):
    """Intersection over union of two boxes, and that of their extents across alone."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, width) * max(0.0, height)
    across = max(0.0, width) / (max(a[2], b[2]) - min(a[0], b[0]))
    area = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return both / (area - both), across


def holds(box, point):
    return box[0] <= point[0] <= box[2] and box[1] <= point[1] <= box[3]


def group(entry):
    """The row of a page: its kind, apart where a hand or the picture is what is hard about it."""
    if entry.get("quality") not in (None, "ok"):
        return f"{entry['kind']}, poor"
    return f"{entry['kind']}, hand" if "hand" in entry["tags"] else entry["kind"]


def word_f1(true, read):
    """Counts of words in common, true words and read words, whatever their order."""
    true, read = true.split(), read.split()
    common = sum((collections.Counter(true) & collections.Counter(read)).values())
    return common, len(true), len(read)


def calibration(judged):
    """Rows of (from, to, words, mean confidence, share right) over pairs of a confidence and whether it was right."""
    rows = []
    for low, high in zip(BINS, BINS[1:]):
        inside = [(sure, right) for sure, right in judged if low <= sure < high or sure == high == BINS[-1]]
        if inside:
            sure, right = zip(*inside)
            rows.append((low, high, len(inside), sum(sure) / len(sure), sum(right) / len(right)))
    return rows
