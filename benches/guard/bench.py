"""What the rule guard stops and warns of: benches/guard/run OUT [--seed N] [--count N] [--program SOHOA]

Makes papers with marks of secrecy, with marks of copies and with neither, as scans and phone pictures (OUT/captures, a folder each,
with OUT/truth.jsonl), runs `sohoa digitize` on them once and tells of the manifest: secret papers stopped, and none of whose files are
there; false alarms; papers with a mark of a copy that got a notice; false notices. Each miss is told with how it was made.
The same seed gives the same papers with the same fonts and libraries.
"""

import argparse
import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "reading"))

import cv2  # noqa: E402

import papers  # noqa: E402
import typefaces  # noqa: E402

SOHOA = HERE.parent.parent / "target" / "release" / "sohoa"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to make; captures that are there are taken as they are")
    parser.add_argument("--count", type=int, default=75)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--program", type=Path, default=SOHOA)
    parser.add_argument("--make-only", action="store_true")
    arguments = parser.parse_args()
    truth = captures(arguments)
    if not arguments.make_only:
        tell(truth, digitized(arguments))


def captures(arguments):
    """The truth of each capture, made where it is not there."""
    told = arguments.out / "truth.jsonl"
    if not told.exists():
        typefaces.check()
        (arguments.out / "captures").mkdir(parents=True)
        numbers = range(arguments.count)
        with ProcessPoolExecutor(arguments.jobs) as pool:
            each = pool.map(made, numbers, [arguments.seed] * len(numbers), [arguments.out] * len(numbers))
            lines = "".join(json.dumps(facts, ensure_ascii=False) + "\n" for facts in each)
        told.write_text(lines, encoding="utf-8")
    return [json.loads(line) for line in told.read_text(encoding="utf-8").splitlines()]


def made(number, seed, out):
    cv2.setNumThreads(1)
    facts, data, suffix = papers.make(number, seed)
    folder = out / "captures" / facts["name"]
    folder.mkdir()
    (folder / f"1{suffix}").write_bytes(data)
    return facts


def digitized(arguments):
    """The components of the manifest by name; ends the program where a file of a stopped one is there."""
    results = arguments.out / "results"
    settings = arguments.out / "sohoa.toml"
    settings.write_text("[sign]\nenabled = false\n", encoding="utf-8")
    command = [arguments.program, "digitize", arguments.out / "captures", "--out", results, "--transcripts", "txt"]
    command += ["--config", settings]
    done = subprocess.run([os.fspath(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    manifest = json.loads((results / "manifest.json").read_text(encoding="utf-8"))
    components = {component["name"]: component for component in manifest["components"]}
    left = [path.name for path in results.iterdir() if components.get(path.name.split(".")[0], {}).get("state") == "secret"]
    if left:
        raise SystemExit(f"files of stopped papers are there: {left}")
    print(f"sohoa digitize ended with {done.returncode}")
    return components


def tell(truth, components):
    counts = {}
    for facts in truth:
        component = components[facts["name"]]
        notices = [notice["code"] for page in component["pages"] for notice in page.get("notices", [])]
        said = "secret" if component["state"] == "secret" else "copy" if "copy-mark" in notices else "neither"
        key = (facts["kind"], said)
        counts[key] = counts.get(key, 0) + 1
        if facts["kind"] != said:
            print(f"  {facts['name']}: {facts['kind']} ({facts['way']}, {facts['taken']} {facts['tags']}) taken for {said}")
    of = {kind: sum(count for (true, _), count in counts.items() if true == kind) for kind in ("secret", "copy", "neither")}
    open_papers = of["copy"] + of["neither"]
    false_alarms = counts.get(("copy", "secret"), 0) + counts.get(("neither", "secret"), 0)
    print(f"secret papers stopped: {counts.get(('secret', 'secret'), 0)}/{of['secret']}")
    print(f"false alarms: {false_alarms}/{open_papers}")
    print(f"copy marks warned of: {counts.get(('copy', 'copy'), 0)}/{of['copy']}")
    print(f"false warnings: {counts.get(('neither', 'copy'), 0)}/{of['neither']}")


if __name__ == "__main__":
    main()
