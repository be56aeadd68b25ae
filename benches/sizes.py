"""Stores the same pages in every way that sohoa has, with OCRmyPDF and with img2pdf, and prints a table.

  bytes   size of the PDF, a page
  CPU     user and system milliseconds a page: of sohoa's ways the encoding alone (of what is made smaller, with the
          decoding of the page that is there), of the other programs all that they do
  CER     how legible the page still is: `pdftoppm -r 300` paints it, `tesseract -l vie` reads the picture, and the edit
          distance of the text to the true one over the length of that counts, all pages together, after the
          normalisation of score.py

The other programs get the captures as they are; OCRmyPDF makes PDF/A-2 and straightens pages (`--deskew`), img2pdf wraps
the capture. sohoa's pages are straightened, cropped and evenly lit. The pages come from --eval, a folder with truth.jsonl
and score.py (default ../shared/eval: its upright scans and photos with text), or are pictures of samples/ where there is
none.
"""

import argparse
import collections
import concurrent.futures
import importlib.util
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import unicodedata

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
SAMPLES = ["quyet-dinh/1-mat-truoc.jpg", "giay-khai-sinh/ban-chinh.jpg", "to-khai/trang-2.jpg"]
PEERS = ["img2pdf", "ocrmypdf"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", help="pictures of the evaluation set, or of samples/")
    parser.add_argument("--eval", default=os.path.join(ROOT, "../shared/eval"))
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--ways", help="only these, separated by commas")
    parser.add_argument("--keep", help="a folder for the PDFs")
    arguments = parser.parse_args()
    truth, lev, norm = references(arguments.eval)
    pages = [os.path.abspath(page) for page in arguments.pages] or [page for page in truth if wanted(truth[page])]
    truth = {page: truth[page]["text"] for page in pages}
    work = arguments.keep or tempfile.mkdtemp(prefix="sohoa-sizes-")
    try:
        figures = collections.defaultdict(dict)
        for line in encodings(work, pages):
            figures[line["way"]][line["file"]] = (line["bytes"], line["ms"])
        for peer in PEERS:
            for page in pages:
                figures[peer][page] = peer_pdf(peer, page, work)
        ways = arguments.ways.split(",") if arguments.ways else list(figures)
        report(figures, ways, pages, truth, lev, norm, work, arguments.jobs)
    finally:
        if not arguments.keep:
            shutil.rmtree(work)


def references(folder):
    """True texts by absolute path, and the functions that compare texts."""
    if not os.path.exists(os.path.join(folder, "truth.jsonl")):
        from rapidfuzz.distance import Levenshtein

        def expected(page):
            path = os.path.join(ROOT, "tests/samples", os.path.splitext(page)[0] + ".expected.json")
            return {"text": "\n".join(json.load(open(path, encoding="utf-8"))["text"])}

        normal = lambda text: " ".join(unicodedata.normalize("NFC", text).split())
        return {os.path.join(ROOT, "samples", page): expected(page) for page in SAMPLES}, Levenshtein.distance, normal
    spec = importlib.util.spec_from_file_location("score", os.path.join(folder, "score.py"))
    score = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(score)
    entries = [json.loads(line) for line in open(os.path.join(folder, "truth.jsonl"), encoding="utf-8")]
    truth = {os.path.realpath(os.path.join(folder, entry["file"])): entry for entry in entries}
    return truth, score.lev, score.norm


def wanted(entry):
    """Upright scans and photos of whole papers in colour."""
    return (
        entry.get("kind") in (None, "scan", "phone")
        and entry.get("text")
        and entry.get("orientation", 0) in (0, None)
        and not {"bilevel", "bed", "motion", "cut-off"} & set(entry.get("tags", []))
    )


def encodings(work, pages):
    program = os.path.join(ROOT, "target/release/examples/encodings")
    made = subprocess.run([program, work, *pages], check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in made.stdout.splitlines()]


def pdf_of(work, way, page):
    return os.path.join(work, way, os.path.splitext(os.path.basename(page))[0] + ".pdf")


def peer_pdf(peer, page, work):
    out = pdf_of(work, peer, page)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    programs = os.path.dirname(sys.executable)
    command = {
        "img2pdf": [os.path.join(programs, "img2pdf"), "--rotation=ifvalid", page, "-o", out],
        "ocrmypdf": [
            *(os.path.join(programs, "ocrmypdf"), "-q", "--deskew", "--image-dpi", "300", "--jobs", "1"),
            *("--output-type", "pdfa-2", "-l", "vie", page, out),
        ],
    }[peer]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = sum(getattr(after, part) - getattr(before, part) for part in ("ru_utime", "ru_stime"))
    return os.path.getsize(out), used * 1e3


def read(pdf):
    with tempfile.TemporaryDirectory() as folder:
        stem = os.path.join(folder, "page")
        subprocess.run(["pdftoppm", "-r", "300", "-png", "-singlefile", pdf, stem], check=True)
        environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        command = ["tesseract", stem + ".png", "-", "-l", "vie", "--dpi", "300"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        return done.stdout


def report(figures, ways, pages, truth, lev, norm, work, jobs):
    print(f"{len(pages)} pages\n\n| way | kB a page | CPU ms a page | CER % |\n| --- | ---: | ---: | ---: |")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for way in ways:
            texts = pool.map(read, [pdf_of(work, way, page) for page in pages])
            wrong = sum(lev(norm(text), norm(truth[page])) for text, page in zip(texts, pages))
            cer = 100 * wrong / sum(len(norm(text)) for text in truth.values())
            sizes, times = zip(*(figures[way][page] for page in pages))
            kilobytes = sum(sizes) / len(pages) / 1e3
            print(f"| {way} | {kilobytes:.0f} | {sum(times) / len(pages):.0f} | {cer:.2f} |", flush=True)


if __name__ == "__main__":
    main()
