"""The same dossiers by `sohoa batch` and by OCRmyPDF driven by GNU parallel: wall time, CPU, failures, and what a kill costs.

The archive is that of benches/batch: dossiers of ten pages, no two files the same. OCRmyPDF gets each dossier as img2pdf makes it a
PDF, one dossier a job, one job a core and one thread in each (`parallel --jobs N --joblog`); `--full` has it straighten, turn and clean
pages and write PDF/A-2, as sohoa does, without it the captures are only read. Failures are dossiers without a PDF, and for sohoa captures set aside.

With --kill each is then killed with all that it started when half of its work is done, and started anew (`parallel --resume`, `sohoa batch run`):
how many pages were made again that were finished, or stood in a dossier that was in work. sohoa runs unsigned.
"""

import argparse
import glob
import importlib.machinery
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.join(HERE, "..")


def load(name):
    """A bench without a name that Python imports."""
    loader = importlib.machinery.SourceFileLoader(name, os.path.join(HERE, name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


batch = load("batch")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--pictures", default=os.path.join(ROOT, "samples"))
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--kill", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sohoa-backlog-") as work:
        source = os.path.join(work, "source")
        batch.archive(arguments.pictures, arguments.pages, source)
        print("| | wall s | CPU s/page | failed | killed once: made again | wall s with the kill |\n|-|-:|-:|-:|-:|-:|")
        for name, start, state in programs(arguments, work, source):
            measure(name, start, state, arguments)


def programs(arguments, work, source):
    """Name, start of a run into a folder, and what is there of it: pages done, pages made again, failures."""
    dossiers = sorted(glob.glob(os.path.join(source, "*", "*", "*", "")))
    sohoa = os.path.join(ROOT, "target", "release", "sohoa")
    binaries = os.path.dirname(sys.executable)
    environment = dict(os.environ, OMP_THREAD_LIMIT="1", PATH=binaries + os.pathsep + os.environ["PATH"])
    full = "--deskew --rotate-pages --clean --output-type pdfa-2" if arguments.full else "--output-type pdf"

    def run_sohoa(out):
        os.makedirs(out, exist_ok=True)
        log = open(os.path.join(out, "events.jsonl"), "a", encoding="utf-8")
        command = [sohoa, "batch", "run", source, "--out", os.path.join(out, "batch"), "--jobs", str(arguments.jobs), "--no-sign", "--json"]
        return subprocess.Popen(command, stdout=log, stderr=subprocess.DEVNULL)

    def of_sohoa(out):
        lines = open(os.path.join(out, "events.jsonl"), encoding="utf-8", errors="replace").read().splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        pages = [event for event in events if event["event"] == "page"]
        place = lambda event: (event["dossier"], event["component"], event["number"])
        made = [place(event) for event in pages if not event["kept"]]
        ended = [event for event in events if event["event"] == "done"]
        failed = ended[-1]["failed"] + ended[-1]["set_aside"] if ended else None
        return len({place(event) for event in pages}), len(made) - len(set(made)), failed

    def run_parallel(out):
        os.makedirs(out, exist_ok=True)
        script = os.path.join(out, "one")
        with open(script, "w") as file:
            file.write('#!/bin/bash\nset -o pipefail\n'
                       f'echo "$1" >> "{out}/begun"\ncd "$1"\n'
                       f'img2pdf --rotation=ifvalid $(ls -v *.jpg) | ocrmypdf -l vie --jobs 1 {full} - "{out}/$2.pdf"\n')
        os.chmod(script, 0o755)
        command = ["parallel", "--will-cite", "--jobs", str(arguments.jobs), "--resume", "--joblog", os.path.join(out, "joblog"), script, "{}", "{#}", ":::", *dossiers]
        log = open(os.path.join(out, "log"), "ab")
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def of_parallel(out):
        begun = count(os.path.join(out, "begun")) * batch.OF_A_DOSSIER
        done = max(count(os.path.join(out, "joblog")) - 1, 0) * batch.OF_A_DOSSIER
        return done, max(begun - arguments.pages, 0), len(dossiers) - len(glob.glob(os.path.join(out, "*.pdf")))

    folder = lambda name: lambda kind: os.path.join(work, f"{name}-{kind}")
    version = subprocess.run([os.path.join(binaries, "ocrmypdf"), "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    yield "sohoa batch", (run_sohoa, folder("sohoa")), of_sohoa
    yield f"OCRmyPDF {version}{' full' if arguments.full else ''}, parallel", (run_parallel, folder("ocrmypdf")), of_parallel


def count(file):
    return len(open(file, encoding="utf-8").read().splitlines()) if os.path.exists(file) else 0


def measure(name, start, state, arguments):
    run, folder = start
    wall, cpu = finished(run(folder("whole")))
    failed = state(folder("whole"))[2]
    row = [name, f"{wall:.0f}", f"{cpu / arguments.pages:.2f}", str(failed)]
    if arguments.kill:
        begun = time.monotonic()
        child = run(folder("killed"))
        while state(folder("killed"))[0] < arguments.pages / 2 and child.poll() is None:
            time.sleep(0.2)
        for pid in [child.pid, *descendants(child.pid)]:
            os.kill(pid, signal.SIGKILL)
        child.wait()
        finished(run(folder("killed")))
        row += [str(state(folder("killed"))[1]), f"{time.monotonic() - begun:.0f}"]
        assert state(folder("killed"))[2] == failed, "other failures after the kill"
    else:
        row += ["–", "–"]
    print("| " + " | ".join(row) + " |", flush=True)


def descendants(pid):
    """Processes that this one started, and those that they started."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            parent = int(open(stat).read().rsplit(")", 1)[1].split()[1])
        except FileNotFoundError:
            continue
        children.setdefault(parent, []).append(int(stat.split("/")[2]))
    found = children.get(pid, [])
    for child in found:
        found.extend(children.get(child, []))
    return found


def finished(child):
    """Wall and CPU seconds of a child and its children."""
    begun = time.monotonic()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - begun, usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
