"""What `sohoa digitize` makes of captures, one page image each: for scripts/eval and scripts/contact-sheet."""

import glob
import json
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))
SOHOA = os.path.join(ROOT, "target", "release", "sohoa")

# Exit codes of a finished job: all well, some captures set aside, some pages to be scanned again.
FINISHED = (0, 3, 4)


def digitized(captures, work, jobs=2):
    """Capture to its page in the manifest, with the page image's file as `jpeg`, taken out of the PDF as it is there.

    A capture that was set aside is left out; of a capture of several pages the first is given.
    """
    out = os.path.join(work, "digitized")
    command = [SOHOA, "digitize", *captures, "--out", out, "--no-sign", "--ocr", "off", "--quiet", "--jobs", str(jobs)]
    done = subprocess.run(command, env=dict(os.environ, SOHOA_HOME=os.path.join(work, "home")))
    if done.returncode not in FINISHED:
        sys.exit(f"sohoa digitize ended with {done.returncode}")
    with open(os.path.join(out, "manifest.json"), encoding="utf-8") as file:
        components = json.load(file)["components"]
    pages = {}
    for component in components:
        if component["pages"]:
            prefix = os.path.join(work, component["name"])
            subprocess.run(["pdfimages", "-j", os.path.join(out, component["file"]["path"]), prefix], check=True)
            page, jpegs = component["pages"][0], sorted(glob.glob(f"{glob.escape(prefix)}-*.jpg"))
            pages[page["source"]["file"]["path"]] = page | {"jpeg": jpegs[0]}
    return {capture: pages[os.path.abspath(capture)] for capture in captures if os.path.abspath(capture) in pages}
