"""Runs the kernels of the image stage and those of other libraries in turns on one machine, and prints two tables.

Every operation is run by sohoa, then by each library, then again, --rounds times, on one thread, so that whatever else
the machine does meets all alike; the first round is not counted. Measured is the CPU time of the process (user and
system), from pixels in memory to pixels in memory, allocating the result included; the least and the median are given,
and ratios are of the least. Libraries get their own pixel layout beforehand. The wrapper lets every program keep the
memory that it frees: fetching fresh pages for an A4 in colour takes longer than some operations, and is the system's
work. sohoa's side is examples/imaging_timings.rs.

The page is an A4 colour scan at 300 dpi (2480×3508), cut out of samples/quyet-dinh/1-mat-truoc.jpg and stored as JPEG
at quality 85 with 4:2:0; the same page turned by 2.3° for the skew, under falling light for the illumination; the
outline is looked for on a scan with its black bed (samples/giay-khai-sinh) and on a 12 MP photo
(samples/can-cuoc-ban-sao).

The second table holds the libraries' figures against those that were measured on another machine when sohoa's design
was chosen: the median of their ratios is how much slower this machine is. Sohoa's own figures divided by it can be held
against those of the design.
"""

import argparse
import gc
import io
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import version

import cv2
import kornia_rs
import leptonica
import numpy
from imaging_timings import ROOT, Sohoa, processor
from PIL import Image

PAGE = "quyet-dinh/1-mat-truoc.jpg"
SCAN = "giay-khai-sinh/ban-chinh.jpg"
PHOTO = "can-cuoc-ban-sao/to-giay-cong.jpg"

WIDTH, HEIGHT = 2480, 3508
SKEW = 2.3
# Where the corners of the rectified page lie: a page seen slightly askew, all of it in the frame.
CORNERS = [(22.0, 15.0), (2440.0, 40.0), (2462.0, 3490.0), (12.0, 3470.0)]
TURNED = CORNERS[1:] + CORNERS[:1]

# ms that the libraries took on the machine on which the design was chosen, where one function of theirs was measured: of
# recipes made of several calls it is not known what exactly was run.
DESIGN = {
    ("JPEG decode", "OpenCV"): 31, ("JPEG encode q85 4:2:0", "OpenCV"): 27,
    ("RGB to grey", "OpenCV"): 4.3, ("RGB to grey", "kornia"): 2.6,
    ("¼ reduction, grey", "OpenCV"): 3.4, ("¼ reduction, grey", "leptonica"): 3.3,
    ("warp RGB", "OpenCV"): 64, ("warp RGB", "kornia"): 84.5,
    ("warp RGB", "leptonica, nearest"): 105, ("warp RGB", "leptonica"): 193,
    ("illumination RGB", "leptonica"): 74, ("skew", "leptonica"): 7,
}
OUTLINE = ("both from the capture in colour to four corners; sohoa: colour at ⅓ and grey at ½, which later steps use, edges "
           "in colour at ⅙, lines, all plausible quads judged, further sheets sought, corners refined at ⅓ and on the full "
           "picture; OpenCV: grey at ¼, blur, Canny, dilation, largest contour, four corners or nothing, no refinement")

# sohoa's own: what the design says that a hand-written kernel can do (the JPEG codec is a library's).
DESIGN_OWN = {"warp RGB": 14, "illumination RGB": 16}


@dataclass
class Operation:
    name: str
    request: dict
    peers: dict
    # Those of `peers` that do less than the others: shown, but not called the best.
    lesser: set = field(default_factory=set)
    note: str = ""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", default="", help="operations whose names hold this")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="sohoa-compare-imaging-") as work:
        chosen = [operation for operation in operations(pictures(work)) if arguments.only in operation.name]
        if not chosen:
            sys.exit(f"no operation's name holds {arguments.only}")
        with Sohoa() as sohoa:
            times, found = measure(chosen, sohoa, arguments.rounds)
    report(chosen, times, found, arguments.rounds)


def pictures(work):
    """Name to file of the pictures that are worked on."""
    files = {name: os.path.join(work, f"{name}.jpg") for name in ("page", "dim", "skewed")}
    sample = Image.open(os.path.join(ROOT, "samples", PAGE)).convert("RGB")
    left, top = (sample.width - WIDTH) // 2, (sample.height - HEIGHT) // 2
    page = sample.crop((left, top, left + WIDTH, top + HEIGHT))
    light = 1 - 0.4 * numpy.add.outer(numpy.linspace(0, 0.5, HEIGHT), numpy.linspace(0, 0.5, WIDTH))
    dim = Image.fromarray((numpy.asarray(page) * light[..., None]).astype(numpy.uint8))
    skewed = page.rotate(-SKEW, Image.Resampling.BICUBIC, fillcolor="white")
    for name, picture in (("page", page), ("dim", dim), ("skewed", skewed)):
        picture.save(files[name], quality=85, subsampling=2, dpi=(300, 300))
    return files | {"scan": os.path.join(ROOT, "samples", SCAN), "photo": os.path.join(ROOT, "samples", PHOTO)}


def operations(files):
    jpeg = {name: open(file, "rb").read() for name, file in files.items()}
    rgb = {name: numpy.ascontiguousarray(Image.open(file).convert("RGB")) for name, file in files.items()}
    pix = {name: leptonica.read(jpeg[name]) for name in ("page", "dim", "skewed")}
    page, page_picture = rgb["page"], Image.fromarray(rgb["page"])
    gray, gray_pix = cv2.cvtColor(page, cv2.COLOR_RGB2GRAY), leptonica.gray(pix["page"])
    skewed_gray = leptonica.gray(pix["skewed"])
    skewed_bits = leptonica.otsu(skewed_gray)
    quarter_request = warp_request("warp-gray", files["page"], WIDTH // 4, HEIGHT // 4, frame(WIDTH, HEIGHT))
    upright, turned = new_to_old(WIDTH, HEIGHT, CORNERS), new_to_old(HEIGHT, WIDTH, TURNED)
    lit = numpy.empty_like(page)
    jpeg_settings = [cv2.IMWRITE_JPEG_QUALITY, 85]
    turbo = kornia_rs.io
    return [
        Operation("JPEG decode", {"step": "decode", "file": files["page"]}, {
            "OpenCV": lambda: cv2.imdecode(numpy.frombuffer(jpeg["page"], numpy.uint8), cv2.IMREAD_COLOR_RGB),
            "kornia": lambda: turbo.decode_image_jpegturbo(jpeg["page"], "rgb"),
            "Pillow": lambda: Image.open(io.BytesIO(jpeg["page"])).load(),
        }, note=f"{len(jpeg['page']) / 1e6:.2f} MB; all libjpeg-turbo"),
        Operation("RGB to grey", {"step": "luma", "file": files["page"]}, {
            "OpenCV": lambda: cv2.cvtColor(page, cv2.COLOR_RGB2GRAY),
            "kornia": lambda: kornia_rs.imgproc.gray_from_rgb(page),
            "leptonica": lambda: leptonica.gray(pix["page"]),
        }),
        Operation("⅓ reduction, RGB", {"step": "proxy", "file": files["page"]}, {
            "OpenCV": lambda: reduce_opencv(page, 3),
            "leptonica": lambda: leptonica.scale(pix["page"], 1 / 3),
            "Pillow": lambda: page_picture.reduce(3),
        }, note="means of 3×3; what the outline is estimated on"),
        Operation("¼ reduction, grey", quarter_request, {
            "OpenCV": lambda: reduce_opencv(gray, 4),
            "leptonica": lambda: leptonica.scale(gray_pix, 1 / 4),
            "kornia": lambda: kornia_rs.imgproc.pyrdown(kornia_rs.imgproc.pyrdown(gray[..., None])),
        }, note="sohoa: its warp, which first takes means of 4×4; kornia: two steps of a Gaussian pyramid"),
        Operation("warp RGB", warp_request("warp", files["page"], WIDTH, HEIGHT, CORNERS), {
            "OpenCV": lambda: warp_opencv(page, upright, WIDTH, HEIGHT),
            "kornia": lambda: warp_kornia(page, upright, WIDTH, HEIGHT),
            "leptonica": lambda: leptonica.project(pix["page"], upright.ravel()),
            "leptonica, nearest": lambda: leptonica.project_sampled(pix["page"], upright.ravel()),
        }, lesser={"leptonica, nearest"}, note="bilinear, a mild perspective"),
        Operation("warp RGB, turned by 90°", warp_request("warp", files["page"], HEIGHT, WIDTH, TURNED), {
            "OpenCV": lambda: warp_opencv(page, turned, HEIGHT, WIDTH),
            "kornia": lambda: warp_kornia(page, turned, HEIGHT, WIDTH),
        }, note="the same; leptonica's result cannot have other sides than its picture"),
        Operation("illumination RGB", {"step": "illumination", "file": files["dim"]}, {
            "OpenCV": lambda: even_light_opencv(rgb["dim"], lit),
            "leptonica": lambda: leptonica.normalize_background(pix["dim"]),
        }, note="OpenCV: means of 16×16, closing, blur, division into a ready buffer; leptonica: its usual settings"),
        Operation("skew", {"step": "skew", "file": files["skewed"]}, {
            "leptonica": lambda: leptonica.find_skew(skewed_bits),
        }, note="sohoa: ±45°, from grey at 120 dpi; leptonica: ±7°, from a bitmap at 300 dpi; neither's making timed"),
        Operation("skew, from grey at 300 dpi", {"step": "skew-from-gray", "file": files["skewed"]}, {
            "leptonica": lambda: leptonica.find_skew(leptonica.otsu(skewed_gray)),
        }, note="the same with the reduction here and Otsu's threshold there"),
        *(Operation(f"outline, {name}", {"step": "outline", "file": files[name], "scanned": name == "scan"}, {
            "OpenCV": lambda name=name: outline_opencv(rgb[name]),
        }, note=OUTLINE) for name in ("scan", "photo")),
        Operation("JPEG encode q85 4:2:0", {"step": "encode", "file": files["page"]}, {
            "OpenCV": lambda: cv2.imencode(".jpg", page, jpeg_settings),
            "kornia": lambda: turbo.encode_image_jpegturbo(page, 85, "4:2:0"),
            "Pillow": lambda: page_picture.save(io.BytesIO(), "jpeg", quality=85, subsampling=2),
        }),
    ]


def frame(width, height):
    """Corners of a picture, clockwise from the top left; pixel centres lie at whole numbers."""
    return [(-0.5, -0.5), (width - 0.5, -0.5), (width - 0.5, height - 0.5), (-0.5, height - 0.5)]


def new_to_old(width, height, corners):
    return cv2.getPerspectiveTransform(numpy.float32(frame(width, height)), numpy.float32(corners))


def warp_request(step, file, width, height, corners):
    points = [{"x": x, "y": y} for x, y in corners]
    return {"step": step, "file": file, "size": [width, height], "corners": points}


def reduce_opencv(picture, factor):
    """Without the rest at the right and below, with which OpenCV would take its slow way."""
    width, height = picture.shape[1] // factor, picture.shape[0] // factor
    return cv2.resize(picture[:height * factor, :width * factor], (width, height), interpolation=cv2.INTER_AREA)


def warp_opencv(picture, new_to_old, width, height):
    return cv2.warpPerspective(picture, new_to_old, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def warp_kornia(picture, new_to_old, width, height):
    old_to_new = numpy.linalg.inv(new_to_old).ravel().tolist()
    return kornia_rs.imgproc.warp_perspective(picture, old_to_new, (height, width), "bilinear")


def even_light_opencv(picture, out):
    height, width = picture.shape[:2]
    paper = cv2.morphologyEx(reduce_opencv(picture, 16), cv2.MORPH_CLOSE, numpy.ones((9, 9), numpy.uint8))
    paper = cv2.GaussianBlur(paper, (9, 9), 0)
    return cv2.divide(picture, cv2.resize(paper, (width, height)), dst=out, scale=246)


def outline_opencv(picture):
    """The usual recipe of document scanners; corners at full size, or None when the largest contour has not four."""
    gray = reduce_opencv(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), 4)
    edges = cv2.dilate(cv2.Canny(cv2.GaussianBlur(gray, (5, 5), 0), 50, 150), numpy.ones((3, 3), numpy.uint8))
    contours, _ = cv2.findContours(edges, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    largest = max(contours, key=cv2.contourArea, default=None)
    if largest is None:
        return None
    corners = cv2.approxPolyDP(largest, 0.02 * cv2.arcLength(largest, True), True)
    return (corners.reshape(-1, 2) * 4.0 + 1.5).tolist() if len(corners) == 4 else None


def measure(chosen, sohoa, rounds):
    """Per operation and program the ms of every round, and what was found in the last."""
    times, found = {}, {}
    gc.disable()
    for number in range(rounds + 1):
        for operation in chosen:
            for name in ("sohoa", *operation.peers):
                ms, made = sohoa(operation.request) if name == "sohoa" else cpu_ms(operation.peers[name])
                if number:
                    times.setdefault((operation.name, name), []).append(ms)
                found[operation.name, name] = made
        gc.collect()
    return times, found


def cpu_ms(call):
    start = time.process_time_ns()
    made = call()
    return (time.process_time_ns() - start) / 1e6, made


def report(chosen, times, found, rounds):
    least = {key: min(values) for key, values in times.items()}
    print(f"ms of CPU, least / median of {rounds}; last: the best library's least over sohoa's\n")
    print("| operation | sohoa | OpenCV | leptonica | kornia | Pillow | best / sohoa |")
    print("|-|" + "-:|" * 6)
    for operation in chosen:
        row = [operation.name]
        for name in ("sohoa", "OpenCV", "leptonica", "kornia", "Pillow"):
            values = times.get((operation.name, name))
            row.append(f"{min(values):.2f} / {statistics.median(values):.2f}" if values else "–")
        best, peer = min((least[operation.name, peer], peer) for peer in set(operation.peers) - operation.lesser)
        row.append(f"{peer} {best / least[operation.name, 'sohoa']:.2f}")
        print(f"| {' | '.join(row)} |")
    print()
    for operation in chosen:
        if operation.note:
            print(f"- {operation.name}: {operation.note}")
    for operation in chosen:
        if operation.name.startswith(("skew", "outline")):
            results = (f"{name} {shown(found[operation.name, name])}" for name in ("sohoa", *operation.peers))
            print(f"- {operation.name}, found: {'; '.join(results)}")
    report_machine(least)
    print(f"\nOpenCV {cv2.__version__}, {leptonica.version()}, kornia_rs {version('kornia_rs')}, "
          f"Pillow {Image.__version__}; {processor()}")


def report_machine(least):
    measured = {key: ms for key, ms in DESIGN.items() if key in least}
    if not measured:
        return
    print("\n| library, operation | ms here | ms there | here / there |\n|-|-:|-:|-:|")
    factors = []
    for (operation, library), there in measured.items():
        here = least[operation, library]
        factors.append(here / there)
        print(f"| {library}: {operation} | {here:.1f} | {there} | {here / there:.2f} |")
    machine = statistics.median(factors)
    low, _, high = statistics.quantiles(factors, n=4) if len(factors) > 1 else [machine] * 3
    print(f"\nThis machine / that machine: {machine:.2f}, median of {len(factors)} (quartiles {low:.2f}, {high:.2f})")
    for operation, there in DESIGN_OWN.items():
        if (operation, "sohoa") in least:
            here = least[operation, "sohoa"]
            print(f"{operation}: {here:.1f} ms here is {here / machine:.1f} there; designed for {there}")


def shown(found):
    if isinstance(found, float):
        return f"{found:.2f}°"
    if found is None:
        return "nothing"
    return " ".join(f"({x:.0f}, {y:.0f})" for x, y in found)


if __name__ == "__main__":
    main()
