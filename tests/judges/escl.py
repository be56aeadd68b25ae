#!/usr/bin/env python3
"""A network scanner for tests: speaks eSCL (Mopria Scan Specification 2.9) on loopback, and fails as scanners do.

    escl.py PAGE.jpg [--pages N] [--fail KIND] [--after N] [--log FILE]

Prints its port, then serves until its standard input ends. It has a flatbed and a feeder for both sides with N sheets in
it. After N good pages it fails: jam, cover, hang (the page never comes), cut (the connection closes in the middle of a
page), short (a page that is cut off but said to be whole), gone (the server stops answering) or busy (no job is taken).
"""

import argparse
import http.server
import sys
import threading
import time

NAMES = (
    'xmlns:scan="http://schemas.hp.com/imaging/escl/2011/05/03" xmlns:pwg="http://www.pwg.org/schemas/2010/12/sm"'
)

# The sizes are in 1/300 inch: 2550 x 3508 is a bed of 216 x 297 mm.
INPUT = """<scan:{name}InputCaps>
  <scan:MinWidth>16</scan:MinWidth><scan:MaxWidth>2550</scan:MaxWidth>
  <scan:MinHeight>16</scan:MinHeight><scan:MaxHeight>3508</scan:MaxHeight>
  <scan:MaxScanRegions>1</scan:MaxScanRegions>
  <scan:SettingProfiles><scan:SettingProfile>
    <scan:ColorModes><scan:ColorMode>RGB24</scan:ColorMode><scan:ColorMode>Grayscale8</scan:ColorMode></scan:ColorModes>
    <scan:DocumentFormats><pwg:DocumentFormat>image/jpeg</pwg:DocumentFormat>
      <scan:DocumentFormatExt>image/jpeg</scan:DocumentFormatExt></scan:DocumentFormats>
    <scan:SupportedResolutions><scan:DiscreteResolutions>{resolutions}</scan:DiscreteResolutions></scan:SupportedResolutions>
  </scan:SettingProfile></scan:SettingProfiles>
</scan:{name}InputCaps>"""

RESOLUTION = "<scan:DiscreteResolution><scan:XResolution>{0}</scan:XResolution>" \
    "<scan:YResolution>{0}</scan:YResolution></scan:DiscreteResolution>"


def capabilities():
    resolutions = "".join(RESOLUTION.format(dpi) for dpi in (75, 150, 200, 300))
    flatbed, front, back = (INPUT.format(name=name, resolutions=resolutions) for name in
                            ("Platen", "AdfSimplex", "AdfDuplex"))
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<scan:ScannerCapabilities {NAMES}>
<pwg:Version>2.63</pwg:Version><pwg:MakeAndModel>Loopback MFP</pwg:MakeAndModel>
<scan:Platen>{flatbed}</scan:Platen>
<scan:Adf>{front}{back}<scan:FeederCapacity>50</scan:FeederCapacity>
<scan:AdfOptions><scan:AdfOption>DetectPaperLoaded</scan:AdfOption><scan:AdfOption>Duplex</scan:AdfOption></scan:AdfOptions>
</scan:Adf>
</scan:ScannerCapabilities>"""


class Scanner:
    """The state of the device."""

    def __init__(self, arguments):
        self.page = open(arguments.page, "rb").read()
        self.sheets, self.fail, self.after = arguments.pages, arguments.fail, arguments.after
        self.log = arguments.log
        self.job = self.left = self.done = 0
        self.feeds = self.failed = False

    def adf_state(self):
        if self.failed and self.fail in ("jam", "cover"):
            return {"jam": "ScannerAdfJam", "cover": "ScannerAdfDoorOpen"}[self.fail]
        return "ScannerAdfLoaded" if self.sheets else "ScannerAdfEmpty"

    def start(self, settings):
        self.feeds = "Feeder" in settings
        duplex = "<scan:Duplex>true" in settings
        self.left = (self.sheets if self.feeds else 1) * (2 if duplex else 1)
        self.job, self.done = self.job + 1, 0
        return self.job

    def write(self, text):
        if self.log:
            with open(self.log, "a", encoding="utf-8") as log:
                log.write(text + "\n")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    scanner = None

    def log_message(self, *arguments):
        self.scanner.write(arguments[0] % arguments[1:])

    def answer(self, code, kind="text/xml", body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        if body:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        scanner = self.scanner
        if self.path.endswith("/ScannerCapabilities"):
            self.answer(200, body=capabilities().encode())
        elif self.path.endswith("/ScannerStatus"):
            state = "Processing" if scanner.left else "Idle"
            if scanner.fail == "busy":
                state = "Processing"
            if scanner.failed:
                state = "Stopped"
            self.answer(200, body=f"""<?xml version="1.0" encoding="UTF-8"?>
<scan:ScannerStatus {NAMES}><pwg:Version>2.63</pwg:Version><pwg:State>{state}</pwg:State>
<scan:AdfState>{scanner.adf_state()}</scan:AdfState></scan:ScannerStatus>""".encode())
        elif self.path.endswith("/NextDocument"):
            self.next_document()
        else:
            self.answer(404)

    def next_document(self):
        scanner = self.scanner
        if scanner.left == 0:
            self.answer(404)
            return
        if scanner.fail and scanner.done >= scanner.after:
            scanner.failed = True
            if scanner.fail == "hang":
                time.sleep(600)
            elif scanner.fail == "cut":
                self.send_response(200)
                self.send_header("Content-Type", "image/jpeg")
                self.send_header("Content-Length", str(len(scanner.page)))
                self.end_headers()
                self.wfile.write(scanner.page[: len(scanner.page) // 2])
                self.close_connection = True
            elif scanner.fail == "short":
                scanner.done, scanner.left = scanner.done + 1, scanner.left - 1
                self.answer(200, "image/jpeg", scanner.page[: len(scanner.page) // 2])
            elif scanner.fail == "gone":
                self.close_connection = True
                self.connection.close()
            else:
                self.answer(409 if scanner.fail in ("jam", "cover") else 503)
            return
        scanner.done, scanner.left = scanner.done + 1, scanner.left - 1
        if scanner.feeds and scanner.left == 0:
            scanner.sheets = 0
        self.answer(200, "image/jpeg", scanner.page)

    def do_POST(self):
        scanner = self.scanner
        settings = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        scanner.write(settings)
        if scanner.fail == "busy":
            self.answer(503)
        elif "Feeder" in settings and not scanner.sheets:
            self.answer(409)
        else:
            port = self.server.server_address[1]
            self.answer(201, Location=f"http://127.0.0.1:{port}/eSCL/ScanJobs/{scanner.start(settings)}")

    def do_DELETE(self):
        self.scanner.left = 0
        self.answer(200)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("page")
    parser.add_argument("--pages", type=int, default=10)
    parser.add_argument("--fail", choices=["jam", "cover", "hang", "cut", "short", "gone", "busy"])
    parser.add_argument("--after", type=int, default=0)
    parser.add_argument("--log")
    Handler.scanner = Scanner(parser.parse_args())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_address[1], flush=True)
    sys.stdin.read()


main()
