"""Reads captures with known truth by sohoa and by tesseract in one run and prints, for each folder, four tables.

1. Characters wrong (%, edit distance over length, all pages of a kind together) and F1 of words (whatever their order)
   of `sohoa inspect`, of `tesseract -l vie` on the captures as they are, and of the same on the page images that
   `sohoa digitize` makes. Text is compared after NFC, without dot leaders. `hand` are pages filled in by hand, `poor`
   those whose truth says that they are blurred or cut off. A capture that gives no page reads as nothing.
2. CPU seconds a page, user and system, from the kernel, each on one thread, and what they are of sohoa's. sohoa's whole
   way from the capture to the text is in its figure; "reading" is what it takes more than with --ocr off.
3. Boxes of words that were read rightly, against those of words/PAGE.json: intersection over union, the same across
   alone, and the share whose true middle lies in the box. Flat pages with a known quad only. The boxes of some sets are
   as high as the line; then only the latter two say much. Beside it what became of the others, in shares of the true
   words: missed (nothing was read at their middle), misread, invented (read where no word is), and of those that were
   read rightly how many stand out of order.
4. What sohoa's confidence is worth: of the words read with a confidence in each bin, the share that stands on the page
   where it was read, letter for letter.

Then pages, worst first, with the same faults, "-" where the boxes are not known.

The folders are of the form that benches/reading/make-pages makes. One without a truth.jsonl is skipped.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from rapidfuzz.distance import Levenshtein

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
sys.path[:0] = [os.path.join(ROOT, "scripts"), os.path.join(ROOT, "benches", "reading")]
import measures  # noqa: E402
from compare import normalized  # noqa: E402
from eval import inspect, tesseract  # noqa: E402
from page_images import SOHOA, digitized  # noqa: E402

FAULTS = " missed | misread | out of order | invented |"
READERS = ("sohoa", "tesseract, capture", "tesseract, page image")


@dataclass
class Run:
    """What was read of one folder: reader to the text of each file, `sohoa inspect` lines by file, CPU seconds."""

    texts: dict = field(default_factory=dict)
    lines: dict = field(default_factory=dict)
    seconds: dict = field(default_factory=dict)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", help="hold truth.jsonl, words/ and the captures")
    parser.add_argument("--jobs", type=int, default=2, help="so many tesseracts at a time, one thread each")
    parser.add_argument("--worst", type=int, default=15, help="so many of the worst pages")
    parser.add_argument("--no-tesseract", action="store_true", help="sohoa alone, which is much quicker")
    parser.add_argument("--keep", help="a folder for NAME.jsonl, what sohoa inspect printed for each folder")
    arguments = parser.parse_args()
    start = os.getcwd()
    for folder in arguments.folders:
        os.chdir(start)
        if not os.path.exists(os.path.join(folder, "truth.jsonl")):
            print(f"{folder} has no truth.jsonl: nothing to compare, skipped", file=sys.stderr)
            continue
        keep = arguments.keep and os.path.join(os.path.abspath(arguments.keep), f"{os.path.basename(folder)}.jsonl")
        os.chdir(folder)
        with open("truth.jsonl", encoding="utf-8") as file:
            truth = [entry for entry in map(json.loads, file) if entry.get("text") and not entry["blank"]]
        run = read(truth, arguments.jobs, arguments.no_tesseract, keep)
        print(f"\n# {folder}: {len(truth)} pages with text\n")
        report_text(truth, run)
        report_time(truth, run)
        places = {entry["file"]: Places.of(entry, run.lines.get(entry["file"])) for entry in truth}
        report_words(truth, places)
        report_worst(truth, run, places, arguments.worst)


# Reading


def read(truth, jobs, alone, keep):
    """Lets all readers read; sohoa with one worker, so that every figure is that of one thread."""
    run = Run()
    files = [entry["file"] for entry in truth]
    with tempfile.TemporaryDirectory(prefix="sohoa-reading-") as work:
        results, run.seconds["sohoa"] = timed(lambda: inspect(truth, 1, work))
        with open(results, encoding="utf-8") as file:
            run.lines = {line["file"]: line for line in map(json.loads, file)}
        if keep:
            os.makedirs(os.path.dirname(keep), exist_ok=True)
            os.replace(results, keep)
        run.texts["sohoa"] = {name: line["text"] for name, line in run.lines.items()}
        blind = [SOHOA, "inspect", "--ocr", "off", "--jobs", "1", *files]
        _, seconds = timed(lambda: subprocess.run(blind, stdout=subprocess.DEVNULL))
        run.seconds["sohoa, reading"] = run.seconds["sohoa"] - seconds
        if not alone:
            images = {file: page["jpeg"] for file, page in digitized(files, work, jobs).items()}
            for reader, pictures in zip(READERS[1:], (dict(zip(files, files)), images)):
                run.texts[reader], run.seconds[reader] = timed(lambda: read_all(pictures, jobs))
    return run


def timed(work):
    """What it returns and the CPU seconds of the programs that it ran."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return result, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def read_all(pictures, jobs):
    """File to what tesseract reads on its picture."""
    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(pictures, pool.map(tesseract, pictures.values())))


# Judging


def judged(entry, text):
    """Wrong characters, true characters, then words in common, true words, read words."""
    true, read = normalized(entry["text"]), normalized(text)
    return (Levenshtein.distance(read, true), len(true), *measures.word_f1(true, read))


def rates(counts):
    wrong, length, common, true, read = counts
    return 100 * wrong / length, 2 * common / (true + read) if true + read else 0.0


@dataclass
class Places:
    """The true and the read words of a page on the clean page, and which are the same."""

    true: list
    read: list
    pairs: list

    @classmethod
    def of(cls, entry, line):
        """None where the place of the words is not known."""
        words = os.path.join("words", f"{entry.get('page')}.json")
        if not line or not entry.get("quad") or entry.get("outline") or not os.path.exists(words):
            return None
        with open(words, encoding="utf-8") as file:
            page = json.load(file)
        true, read = measures.true_words(page), measures.read_words(line, entry["quad"], page["px"])
        return cls(true, read, measures.matched(true, read))

    def faults(self):
        return measures.faults(self.true, self.read, self.pairs)

    def boxes(self):
        """Overlap, overlap across and whether the true middle is inside, of each word read rightly."""
        rows = []
        for index, other in self.pairs:
            a, b = self.true[index], self.read[other]
            rows.append((*measures.overlap(a.box, b.box), measures.holds(b.box, a.centre())))
        return rows

    def confidences(self):
        """Confidence and rightness of each read word."""
        right = {other for _, other in self.pairs}
        return [(word.confidence, index in right) for index, word in enumerate(self.read)]


# Reports


def report_text(truth, run):
    rows = {}
    for entry in truth:
        for name in (measures.group(entry), "all"):
            row = rows.setdefault(name, {reader: [0] * 5 for reader in run.texts} | {"pages": 0})
            row["pages"] += 1
            for reader, texts in run.texts.items():
                counts = judged(entry, texts.get(entry["file"], ""))
                row[reader] = [a + b for a, b in zip(row[reader], counts)]
    print("| kind | pages |" + "".join(f" {reader}: CER % | F1 |" for reader in run.texts))
    print("|-|-:|" + "-:|-:|" * len(run.texts))
    for name, row in sorted(rows.items(), key=lambda item: (item[0] == "all", item[0])):
        cells = (rates(row[reader]) for reader in run.texts)
        print(f"| {name} | {row['pages']} |" + "".join(f" {cer:.2f} | {f1:.4f} |" for cer, f1 in cells))


def report_time(truth, run):
    print("\n| CPU s/page, one thread | | of sohoa's |\n|-|-:|-:|")
    for reader, seconds in run.seconds.items():
        print(f"| {reader} | {seconds / len(truth):.3f} | {seconds / run.seconds['sohoa']:.2f} |")


def report_words(truth, places):
    """Boxes and confidence, pages of print and pages of handwriting apart."""
    kinds, sure = {}, {}
    for entry in truth:
        place = places[entry["file"]]
        if place:
            kinds.setdefault(measures.group(entry), []).append(place)
            sure.setdefault("hand" if "hand" in entry["tags"] else "print", []).extend(place.confidences())
    if kinds:
        report_boxes(kinds)
        report_confidence(sure)


def report_boxes(kinds):
    print("\n| boxes | true words | right | IoU | across | middle inside |" + FAULTS + "\n|-|" + "-:|" * 9)
    for name, pages in sorted(kinds.items()):
        number = sum(len(place.true) for place in pages)
        rows = [row for place in pages for row in place.boxes()]
        means = [sum(column) / len(rows) for column in zip(*rows)] or [0.0] * 3
        cells = f"{len(rows) / number:.4f} | {means[0]:.3f} | {means[1]:.3f} | {means[2]:.4f}"
        faults = [sum(counts) / number for counts in zip(*(place.faults() for place in pages))]
        print(f"| {name} | {number} | {cells} |" + "".join(f" {share:.4f} |" for share in faults))


def report_confidence(sure):
    for name, words in sorted(sure.items(), reverse=True):
        print(f"\n| confidence, {name} | words | mean | right |\n|-|-:|-:|-:|")
        for low, high, number, mean, right in measures.calibration(words):
            print(f"| {low:.2f}–{high:.2f} | {number} | {mean:.3f} | {right:.4f} |")
        above = [right for confidence, right in words if confidence > 0.9]
        wrong = [right for _, right in words].count(False)
        share = above.count(False) / wrong if wrong else 0.0
        print(
            f"\nabove 0.9: {len(above)} of {len(words)} words, {sum(above) / max(1, len(above)):.4f} right; "
            f"{share:.2f} of the {wrong} wrong words are among them"
        )


def report_worst(truth, run, places, number):
    print("\n| worst pages |" + "".join(f" {reader}: CER % | F1 |" for reader in run.texts) + FAULTS + " what |")
    print("|-|" + "-:|-:|" * len(run.texts) + "-:|-:|-:|-:|-|")
    pages = []
    for entry in truth:
        cells = [rates(judged(entry, texts.get(entry["file"], ""))) for texts in run.texts.values()]
        pages.append((cells[0][0], entry, cells))
    for _, entry, cells in sorted(pages, key=lambda page: -page[0])[:number]:
        figures = "".join(f" {cer:.1f} | {f1:.3f} |" for cer, f1 in cells)
        what = " ".join([entry.get("template") or "", entry.get("font") or "", *entry["tags"]])
        place = places[entry["file"]]
        counts = place.faults() if place else "----"
        print(f"| {entry['id']} |{figures}" + "".join(f" {count} |" for count in counts) + f" {what.strip()} |")


if __name__ == "__main__":
    main()
