"""Scores sohoa on a folder of captures with known truth (truth.jsonl and score.py) and prints four reports.

1. What score.py says of `sohoa inspect`: --strict, by kind.
2. Size of the paper: by how much width and height of the page differ from the truth's size_mm, millimetres, for every
   scan that has one, blank, cut off or not; and the same for the outline as it was seen, before a size within 3 mm of
   a known format is taken for that format. Pages more than 1 mm off are named.
3. Characters that the plain tesseract program gets wrong (-l vie, all else as it comes, one thread) on the captures as
   they are and on the page images out of the PDFs that sohoa makes of them, in one run; beside it what sohoa reads
   itself. Only printed pages whose quality is ok or not judged; text is compared as score.py does; the rate is that of
   all characters of a kind together. A capture that gave no page counts as one that reads as nothing. Tesseract turns
   no page that lies on its side or its head, hence a row without the captures that do.
4. How straight the text lines of curled pages are, laid flat by their true corners alone and by sohoa: how far words
   are off the straight line nearest to theirs, in heights of the line (straightness.py); and the pages that sohoa
   bent though the truth has no curl.
"""

import argparse
import importlib.util
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import straightness
from page_images import SOHOA, digitized


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", help="holds truth.jsonl, score.py and the captures")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--worst", type=int, default=0, help="let score.py name so many of the worst")
    arguments = parser.parse_args()

    os.chdir(arguments.folder)
    with open("truth.jsonl", encoding="utf-8") as file:
        truth = [json.loads(line) for line in file if line.strip()]
    with tempfile.TemporaryDirectory(prefix="sohoa-eval-") as work:
        results = inspect(truth, arguments.jobs, work)
        score = ["score.py", "truth.jsonl", results, "--strict", "--by", "kind", "--worst", str(arguments.worst)]
        subprocess.run([sys.executable, *score], check=True)
        pages = digitized([entry["file"] for entry in truth], work, arguments.jobs)
        report_sizes(truth, pages)
        with open(results, encoding="utf-8") as file:
            lines = {line["file"]: line for line in map(json.loads, file)}
        report_text(truth, pages, {file: line["text"] for file, line in lines.items()}, arguments.jobs)
        straightness.report(truth, lines)


def inspect(truth, jobs, work):
    results = os.path.join(work, "results.jsonl")
    with open(results, "wb") as out:
        command = [SOHOA, "inspect", "--jobs", str(jobs), *(entry["file"] for entry in truth)]
        code = subprocess.run(command, stdout=out).returncode
    if code not in (0, 3):
        sys.exit(f"sohoa inspect ended with {code}")
    return results


def report_sizes(truth, pages):
    scans = [entry for entry in truth if entry["kind"] == "scan" and entry.get("size_mm") and entry["file"] in pages]
    if not scans:
        return
    print("\n== size of the paper on scans, mm off on a side")
    written = [(entry, off(entry, pages[entry["file"]]["image"]["size_mm"].values())) for entry in scans]
    edged = [entry for entry in scans if pages[entry["file"]]["quad"]]
    seen = [(entry, off(entry, outline_mm(entry, pages[entry["file"]]))) for entry in edged]
    for name, errors in (("page", written), ("outline", seen)):
        sides = [side for _, both in errors for side in both]
        within = sum(side <= 1 for side in sides) / len(sides)
        print(f"   {name:8} n={len(errors)} of={len(scans)} mean={statistics.fmean(sides):.2f} "
              f"median={statistics.median(sides):.2f} max={max(sides):.2f} within_1={within:.2f}")
    for entry, (width, height) in written:
        if max(width, height) > 1:
            print(f"   {entry['id']}: {width:.1f} × {height:.1f} off; {' '.join([entry['quality'], *entry['tags']])}")


def off(entry, size):
    return [abs(measured - true) for measured, true in zip(size, entry["size_mm"])]


def outline_mm(entry, page):
    """Width and height of the outline on the scan, which starts at the content's top left."""
    corners = [(corner["x"], corner["y"]) for corner in page["quad"]]
    top, right, bottom, left = (math.dist(corners[i], corners[(i + 1) % 4]) for i in range(4))
    return [(top + bottom) / 2 / entry["dpi"] * 25.4, (left + right) / 2 / entry["dpi"] * 25.4]


def report_text(truth, pages, read, jobs):
    score = load_score()
    printed = [entry for entry in truth
               if entry.get("text") and not entry["blank"] and "hand" not in entry["tags"]
               and entry.get("quality") in (None, "ok")]
    with ThreadPoolExecutor(jobs) as pool:
        raw = list(pool.map(lambda entry: tesseract(entry["file"]), printed))
        jpegs = [pages.get(entry["file"], {}).get("jpeg") for entry in printed]
        flat = list(pool.map(lambda jpeg: tesseract(jpeg) if jpeg else "", jpegs))
    counts = {}
    for entry, *texts in zip(printed, raw, flat, (read.get(entry["file"], "") for entry in printed)):
        expected = score.norm(entry["text"])
        upright = entry["orientation"] == 0 and entry["exif"] == 1
        for kind in (entry["kind"], "all", *(["all upright captures"] if upright else [])):
            row = counts.setdefault(kind, [0, 0, 0, 0, 0])
            row[0] += 1
            row[1] += len(expected)
            for column, text in enumerate(texts, 2):
                row[column] += score.lev(score.norm(text), expected)
    print("\n== wrong characters, % (tesseract on the capture, on sohoa's page image, sohoa itself)\n")
    print("| kind | pages | tesseract, capture | tesseract, page | gain | sohoa |\n|-|-:|-:|-:|-:|-:|")
    for kind, (number, length, *wrong) in sorted(counts.items(), key=lambda item: (item[0].startswith("all"), item[0])):
        before, after, own = (100 * errors / length for errors in wrong)
        gain = f"{before / after:.1f}×" if after else "–"
        print(f"| {kind} | {number} | {before:.2f} | {after:.2f} | {gain} | {own:.2f} |")
    version = subprocess.run(["tesseract", "--version"], stdout=subprocess.PIPE, text=True).stdout.splitlines()[0]
    print(f"\n{version}: tesseract PICTURE - -l vie")


def load_score():
    """The folder's own score.py, for its normalisation and edit distance."""
    specification = importlib.util.spec_from_file_location("score", "score.py")
    score = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(score)
    return score


def tesseract(picture):
    environment = dict(os.environ, OMP_THREAD_LIMIT="1")
    command = ["tesseract", picture, "-", "-l", "vie"]
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    main()
