"""CPU time and memory of the whole image stage for one scan and one photo at several sizes, and prints a table.

The stage is page::process without OCR: the bytes of a capture to the bytes of a straight, evenly lit, checked page
image. The captures are an A4 colour scan at 300 dpi (samples/quyet-dinh/1-mat-truoc.jpg) and a 12 MP photo
(samples/can-cuoc-ban-sao/to-giay-cong.jpg), each as it is and resampled to the sizes of --megapixels; a resampled scan
says its own resolution. Pages are written with at most 300 dpi, so larger captures end in pages of one size.

  CPU      user and system ms of one thread (examples/imaging_timings.rs), least and median of --rounds, all captures in
           turns
  ms/MP    the least over the megapixels of the capture
  peak     largest resident size of `sohoa inspect --ocr off` on the capture alone, MiB, the program itself included
  a page   what a second page in work at the same time adds: the peak of six captures with two jobs less that with one
  bytes    that of "a page" over the capture's pixels
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from imaging_timings import ROOT, Sohoa, processor
from PIL import Image

SCAN = "quyet-dinh/1-mat-truoc.jpg"
PHOTO = "can-cuoc-ban-sao/to-giay-cong.jpg"
SOHOA = os.path.join(ROOT, "target", "release", "sohoa")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--megapixels", default="3,8,12,48")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sohoa-cost-by-size-") as work:
        captures = []
        for name, sample in (("A4 scan", SCAN), ("photo", PHOTO)):
            original = os.path.join(ROOT, "samples", sample)
            captures.append((name, original))
            for megapixels in map(float, arguments.megapixels.split(",")):
                captures.append((name, resampled(original, megapixels, work)))
        times, sizes = {}, {}
        with Sohoa() as sohoa:
            for number in range(arguments.rounds + 1):
                for _, file in captures:
                    ms, sizes[file] = sohoa({"step": "page", "file": file})
                    if number:
                        times.setdefault(file, []).append(ms)
        report(captures, times, sizes, arguments.rounds)


def resampled(original, megapixels, work):
    picture = Image.open(original)
    factor = (megapixels * 1e6 / (picture.width * picture.height)) ** 0.5
    small = picture.resize((round(picture.width * factor), round(picture.height * factor)), Image.Resampling.LANCZOS)
    # A photo says no resolution.
    density = {"dpi": [round(dpi * factor) for dpi in picture.info["dpi"]]} if "dpi" in picture.info else {}
    file = os.path.join(work, f"{megapixels:g}-{os.path.basename(original)}")
    small.save(file, quality=90, subsampling=2, **density)
    return file


def report(captures, times, sizes, rounds):
    print("| capture | MP | page MP | CPU ms, least / median | ms/MP | peak MiB | a page MiB | bytes/pixel |")
    print("|-|" + "-:|" * 7)
    costs = {}
    for name, file in captures:
        with Image.open(file) as picture:
            megapixels = picture.width * picture.height / 1e6
        width, height = sizes[file]
        least = min(times[file])
        costs.setdefault(name, []).append((megapixels, least))
        alone = peak_mib([file], 1)
        more = peak_mib([file] * 6, 2) - peak_mib([file] * 6, 1)
        row = [name, f"{megapixels:.1f}", f"{width * height / 1e6:.1f}",
               f"{least:.0f} / {statistics.median(times[file]):.0f}", f"{least / megapixels:.1f}",
               f"{alone:.0f}", f"{more:.0f}", f"{more * 1.048576 / megapixels:.1f}"]
        print(f"| {' | '.join(row)} |", flush=True)
    print()
    for name, measured in costs.items():
        (small, fast), (large, slow) = min(measured), max(measured)
        print(f"{name}: {large / small:.1f} times the pixels take {slow / fast:.1f} times the time")
    print(f"\nLeast and median of {rounds}; {processor()}")


def peak_mib(files, jobs):
    """The kernel's own high-water mark of the program's memory, read until it ends.

    Not wait4's: that also counts this process, which the program was forked from.
    """
    command = [SOHOA, "inspect", "--ocr", "off", "--jobs", str(jobs), *files]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = 0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as status:
                peak = max([peak, *(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))])
        except OSError:
            break
        time.sleep(0.002)
    if process.wait():
        sys.exit(f"{' '.join(command)}: {process.stderr.read().decode('utf-8', 'replace')}")
    return peak / 1024


if __name__ == "__main__":
    main()
