"""Asks examples/imaging_timings.rs for the CPU time of steps of the image stage."""

import json
import os
import subprocess
import sys

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), ".."))


class Sohoa:
    """The running program, one request at a time: `sohoa(request)` is the ms and what was found."""

    def __enter__(self):
        program = os.path.join(ROOT, "target", "release", "examples", "imaging_timings")
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def __call__(self, request):
        print(json.dumps(request), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"imaging_timings gave up on {request}")
        answer = json.loads(line)
        return answer["ms"], answer.get("found")


def processor():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown processor")
