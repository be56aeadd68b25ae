"""Runs sohoa, the tesseract program and OCRmyPDF on the same pages, one after the other, and prints a table.

Every tool gets the same pictures (default: the upright A4 colour scans of samples/ at 300 dpi) and makes one PDF with a
text layer of all of them; OCRmyPDF, which takes one picture or one PDF, gets them wrapped unchanged into a PDF first,
and that wrapping is not timed. sohoa also signs, hashes and writes its manifest within its time.

  CPU     user and system seconds of the tool and all its children, from the kernel (wait4)
  wall    seconds from start to end
  peak    largest sum of the proportional set sizes of the process tree, looked at ten times a second
  bytes   size of the PDF
  CER     edit distance of the text that `pdftotext` finds in the PDF to the true text, over the length of that, all
          pages together, after NFC, without dot leaders (three or more of . ... _ and the like), white space as one
          space; once with -raw, which keeps the order in which the tool wrote its text, once with pdftotext's own order,
          which takes columns for one; every tool is compared at the better of its two

The true text comes from --truth, JSON lines with "file" and "text" matched by file name, or for samples/ from
tests/samples/. Pages without one count for all but CER.
"""

import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unicodedata

import img2pdf
from rapidfuzz.distance import Levenshtein

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
DEFAULT_PAGES = ["quyet-dinh/1-mat-truoc.jpg", "giay-khai-sinh/ban-chinh.jpg", "can-cuoc-ban-sao/ban-quet.jpg"]
PICTURES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="pictures, or folders of them")
    parser.add_argument("--truth", action="append", default=[], help="JSON lines with file and text")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=1, help="repeat everything; the least of each figure counts")
    parser.add_argument("--tools", default="sohoa,ocrmypdf-full,ocrmypdf-plain,tesseract")
    parser.add_argument("--keep", help="a folder for what the tools made")
    arguments = parser.parse_args()

    pages = find_pages(arguments.pages)
    truth = find_truth(pages, arguments.truth)
    work = arguments.keep or tempfile.mkdtemp(prefix="sohoa-compare-")
    os.makedirs(work, exist_ok=True)
    try:
        capture_folder, wrapped = prepare(pages, work)
        commands = tool_commands(arguments.jobs, capture_folder, wrapped, work)
        figures = {}
        for round_number in range(arguments.rounds):
            for tool in arguments.tools.split(","):
                print(f"round {round_number + 1}: {tool}", file=sys.stderr, flush=True)
                once = measure(tool, commands[tool], pages, truth, work)
                before = figures.get(tool, once)
                figures[tool] = {key: min(once[key], before[key]) for key in once}
        report(figures, pages, truth, arguments, commands)
    finally:
        if not arguments.keep:
            shutil.rmtree(work)


def find_pages(given):
    if not given:
        return [os.path.join(ROOT, "samples", page) for page in DEFAULT_PAGES]
    pages = []
    for path in given:
        if os.path.isdir(path):
            pages += sorted(f for f in glob.glob(os.path.join(path, "**"), recursive=True) if f.endswith(PICTURES))
        else:
            pages.append(path)
    return [os.path.abspath(page) for page in pages]


def find_truth(pages, files):
    by_name = {}
    for file in files:
        for line in open(file, encoding="utf-8"):
            if line.strip():
                entry = json.loads(line)
                by_name[os.path.basename(entry["file"])] = entry.get("text") or ""
    truth = {}
    for page in pages:
        expected = os.path.splitext(page.replace(f"{ROOT}/samples/", f"{ROOT}/tests/samples/"))[0] + ".expected.json"
        if os.path.basename(page) in by_name:
            truth[page] = by_name[os.path.basename(page)]
        elif os.path.exists(expected):
            truth[page] = "\n".join(json.load(open(expected, encoding="utf-8")).get("text", []))
    return {page: text for page, text in truth.items() if text}


def prepare(pages, work):
    """The pages as one folder, numbered in order, and as one PDF that holds the untouched pictures."""
    folder = os.path.join(work, "captures", "pages")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for number, page in enumerate(pages, 1):
        shutil.copyfile(page, os.path.join(folder, f"{number:04}{os.path.splitext(page)[1]}"))
    wrapped = os.path.join(work, "pages.pdf")
    with open(wrapped, "wb") as file:
        file.write(img2pdf.convert(sorted(glob.glob(os.path.join(folder, "*")))))
    return folder, wrapped


def tool_commands(jobs, folder, wrapped, work):
    """Tool name to the function of an output folder that yields its command and the place of its PDF."""
    ocrmypdf = [os.path.join(os.path.dirname(sys.executable), "ocrmypdf"), "-l", "vie", "--jobs", str(jobs)]
    list_file = os.path.join(work, "pages.txt")
    with open(list_file, "w", encoding="utf-8") as file:
        file.writelines(f"{picture}\n" for picture in sorted(glob.glob(os.path.join(folder, "*"))))
    sohoa = os.path.join(ROOT, "target", "release", "sohoa")
    full = ["--deskew", "--rotate-pages", "--clean", "--output-type", "pdfa-2"]
    return {
        "sohoa": lambda out: [sohoa, "digitize", os.path.dirname(folder), "--out", out, "--jobs", str(jobs)],
        "ocrmypdf-full": lambda out: [*ocrmypdf, *full, wrapped, f"{out}/pages.pdf"],
        "ocrmypdf-plain": lambda out: [*ocrmypdf, "--output-type", "pdf", wrapped, f"{out}/pages.pdf"],
        "tesseract": lambda out: ["tesseract", list_file, f"{out}/pages", "-l", "vie", "pdf"],
    }


def measure(tool, command, pages, truth, work):
    out = os.path.join(work, f"out-{tool}")
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    environment = dict(os.environ, SOHOA_HOME=os.path.join(work, "home"))
    if tool != "sohoa":
        # One thread inside tesseract, in their favour: more only burn CPU; tesseract's wall time is that of one job.
        environment["OMP_THREAD_LIMIT"] = "1"
    # OCRmyPDF finds the programs of its own environment.
    environment["PATH"] = os.path.dirname(sys.executable) + os.pathsep + environment["PATH"]
    log = open(os.path.join(work, f"{tool}.log"), "wb")
    start = time.monotonic()
    process = subprocess.Popen(command(out), env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    tree = MemoryOfTree(process.pid)
    tree.start()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    tree.stop()
    made = sorted(glob.glob(os.path.join(out, "**", "*.pdf"), recursive=True))
    # sohoa's 4: finished, some pages should be scanned again; they are in the PDF all the same.
    if process.returncode not in ((0, 4) if tool == "sohoa" else (0,)) or len(made) != 1:
        with open(log.name, encoding="utf-8", errors="replace") as text:
            print(text.read()[-3000:], file=sys.stderr)
        sys.exit(f"{tool} ended with {process.returncode} and {len(made)} PDFs")
    raw, flowed = (error_rate(made[0], pages, truth, order) for order in (["-raw"], []))
    return {
        "cpu": (usage.ru_utime + usage.ru_stime) / len(pages),
        "wall": wall / len(pages),
        "peak": tree.peak,
        "bytes": os.path.getsize(made[0]) / len(pages),
        "raw": raw,
        "flowed": flowed,
        "cer": min(raw, flowed),
    }


def error_rate(pdf, pages, truth, order):
    errors = length = 0
    for number, page in enumerate(pages, 1):
        if page in truth:
            command = ["pdftotext", *order, "-f", str(number), "-l", str(number), pdf, "-"]
            text = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode("utf-8", "replace")
            true = normalized(truth[page])
            errors += Levenshtein.distance(normalized(text), true)
            length += len(true)
    return errors / length if length else float("nan")


class MemoryOfTree(threading.Thread):
    """Keeps the largest sum of proportional set sizes, in MiB, seen over a process and its descendants."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.root, self.peak, self.done = pid, 0.0, threading.Event()

    def run(self):
        while not self.done.wait(0.1):
            self.peak = max(self.peak, sum(map(proportional_mib, descendants(self.root))))

    def stop(self):
        self.done.set()
        self.join()


def descendants(root):
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                    parent = int(stat.read().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            children.setdefault(parent, []).append(int(entry))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def proportional_mib(pid):
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
            return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:")) / 1024
    except (OSError, StopIteration):
        return 0.0


def normalized(text):
    text = unicodedata.normalize("NFC", text).replace("\f", " ")
    return " ".join(re.sub("[.\u2026_\u00b7]{3,}|\u2026", " ", text).split())


def report(figures, pages, truth, arguments, commands):
    print(f"{len(pages)} pages ({len(truth)} with a true text), {arguments.jobs} jobs, least of {arguments.rounds}:\n")
    units = [("cpu", "CPU s/page", 1, 3), ("wall", "wall s/page", 1, 3), ("peak", "peak MiB", 1, 0),
             ("bytes", "kB/page", 1e-3, 0), ("raw", "CER % -raw", 100, 2), ("flowed", "CER % own order", 100, 2)]
    print("| tool |" + "".join(f" {name} |" for _, name, _, _ in units))
    print("|-|" + "-:|" * len(units))
    for tool, figure in figures.items():
        print(f"| {tool} |" + "".join(f" {figure[key] * scale:.{digits}f} |" for key, _, scale, digits in units))
    if "sohoa" in figures:
        units = [*units[:4], ("cer", "CER", 1, 2)]
        print("\nTimes what sohoa needs (CER: times sohoa's errors, each at the better order):\n")
        print("| tool |" + "".join(f" {name.split(' ')[0].split('/')[0]} |" for _, name, _, _ in units))
        print("|-|" + "-:|" * len(units))
        for tool, figure in figures.items():
            ratios = (figure[key] / figures["sohoa"][key] if figures["sohoa"][key] else float("inf") for key, *_ in units)
            print(f"| {tool} |" + "".join(f" {ratio:.2f} |" for ratio in ratios))
    print()
    for tool in figures:
        command = " ".join(os.path.basename(word) if "/" in word else word for word in commands[tool]("OUT"))
        print(f"{tool}: {version(commands[tool]('OUT')[0])}: {command}")


def version(program):
    answer = subprocess.run([program, "--version"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return answer.stdout.splitlines()[0] if answer.stdout else "?"


if __name__ == "__main__":
    main()
