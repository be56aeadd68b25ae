"""Papers with and without marks: what each bears, and captures of them. The pages below are those of benches/reading."""

import dataclasses

import numpy as np

import capture
import make_pages
import pen
import stamp
from sheet import Style, px
from stamp import Stamp

SECRECY = (("MẬT", (20, 8)), ("TỐI MẬT", (30, 8)), ("TUYỆT MẬT", (40, 8)))
# How a mark of secrecy is met.
SECRET = ("plain", "faint", "over", "seal", "side", "print", "black", "worn", "steep", "double")
COPIES = (
    (("BẢN SAO",), (36, 11)),
    (("SAO Y",), None),
    (("SAO Y BẢN CHÍNH",), (52, 11)),
    (("SAO LỤC",), (34, 10)),
    (("TRÍCH SAO",), None),
    (("BẢN PHOTO",), (38, 11)),
    (("CHỨNG THỰC BẢN SAO", "ĐÚNG VỚI BẢN CHÍNH"), (72, 26)),
    (("CHỈ ĐỂ XUẤT TRÌNH",), (54, 11)),
    (("Chứng thực bản sao đúng", "với bản chính"), None),
)
COPY = ("plain", "over", "steep", "black", "printed", "violet")
# What is no mark though it looks or reads like one.
NEITHER = (
    "plain",
    "red title",
    "received",
    "approved",
    "urgent",
    "sentence",
    "issued",
    "two seals",
    "framed field",
    "name",
    "passed",
    "classes",
)
SENTENCES = (
    "Cán bộ, công chức có trách nhiệm bảo vệ bí mật nhà nước và bảo mật thông tin cá nhân theo quy định.",
    "Mật độ dân số của xã là 412 người trên một ki-lô-mét vuông; tài liệu mật được quản lý riêng.",
    "Hồ sơ không có tài liệu mật, tối mật, tuyệt mật; bản sao các giấy tờ được trả lại người nộp.",
    "Người nộp mang bản chính để xuất trình; bản sao y do cơ quan có thẩm quyền chứng thực.",
)


def make(number, seed):
    """One capture: what it bears, how, and the file's bytes and suffix."""
    rng = np.random.default_rng([seed, number, 7])
    kind = ("secret", "neither", "copy", "secret", "neither")[number % 5]
    turn = number // 5
    sheet, paper, _ = make_pages.set_paper(int(rng.integers(1000)), rng)
    other, _, _ = make_pages.set_paper(int(rng.integers(1000)), rng)
    if kind == "secret":
        way = SECRET[(2 * turn + (number % 5 == 3)) % len(SECRET)]
        avoided = secret(sheet, way, rng)
    elif kind == "copy":
        way = COPY[turn % len(COPY)]
        avoided = copy(sheet, way, turn, rng)
    else:
        way = NEITHER[(2 * turn + (number % 5 == 4)) % len(NEITHER)]
        neither(sheet, way, rng)
        avoided = ()
    taken = "phone" if rng.random() < 0.4 else "scan"
    shot = picture(taken, sheet, other, rng, avoided)
    name = f"g{number:03}"
    facts = {"name": name, "kind": kind, "way": way, "paper": paper, "taken": taken, "tags": shot.facts["tags"]}
    return facts, shot.data, shot.suffix


def picture(taken, sheet, other, rng, avoided):
    """A capture under any condition but those under which the mark itself is lost to the eye."""
    all_scans, all_phones = capture.SCANS, capture.PHONES
    capture.SCANS = tuple(condition for condition in all_scans if condition not in avoided)
    capture.PHONES = tuple(condition for condition in all_phones if condition not in avoided)
    try:
        return getattr(capture, taken)(np.asarray(sheet.image), np.asarray(other.image), rng)
    finally:
        capture.SCANS, capture.PHONES = all_scans, all_phones


def secret(sheet, way, rng):
    """Presses a mark of secrecy; returns the conditions under which nobody could see it."""
    text, frame = SECRECY[rng.integers(len(SECRECY))]
    mark = Stamp((text,), frame, rng.uniform(-8, 8), pick(stamp.REDS, rng), rng.uniform(0.75, 0.95), rng.uniform(12, 14.5))
    if way == "print":
        return printed(sheet, text, frame, rng)
    if way == "faint":
        mark = dataclasses.replace(mark, strength=rng.uniform(0.4, 0.55))
    if way == "worn":
        mark = dataclasses.replace(mark, strength=rng.uniform(0.55, 0.75), ink=stamp.REDS[1])
    if way == "side":
        mark = dataclasses.replace(mark, angle=float(rng.choice([90, 270])) + rng.uniform(-6, 6))
    if way == "black":
        mark = dataclasses.replace(mark, ink=pick(stamp.BLACKS, rng), strength=0.95)
    if way in ("steep", "black"):
        mark = dataclasses.replace(mark, angle=float(rng.choice([-1, 1])) * rng.uniform(8, 15))
    mark = dataclasses.replace(mark, double=way == "double")
    spot = stamp.place(sheet.image, mark, rng, over=way == "over")
    if way == "seal":
        spot = beside_seal(sheet, mark, spot, rng)
    stamp.press(sheet.image, mark, spot, rng)
    # One bit a pixel leaves out what is lighter than a threshold, weak colour among it; black stamps are scanned so.
    return () if way == "black" else ("bilevel", "faint") if way in ("faint", "worn") else ("bilevel",)


def beside_seal(sheet, mark, spot, rng):
    """A round seal on the page, and the mark so near that it may touch its ring."""
    x = np.clip(spot[0], px(30), sheet.image.size[0] - px(62))
    y = np.clip(spot[1], px(30), sheet.image.size[1] - px(30))
    pen.seal(sheet, x / px(1), y / px(1), "Ủy ban nhân dân phường Hải Châu * thành phố Đà Nẵng *", rng)
    across, _ = stamp.reach(mark)
    return x + px(17.5) + across - px(rng.uniform(0.5, 4)), y + px(rng.uniform(-8, 8))


def printed(sheet, text, frame, rng):
    """A mark printed with the paper, black in a frame below the number of a letter."""
    mark = Stamp((text,), frame, 0.0, (22, 22, 24), 1.0, 13)
    stamp.press(sheet.image, mark, stamp.place(sheet.image, mark, rng, over=False), rng)
    return ()


def copy(sheet, way, turn, rng):
    """Presses or prints a mark of a copy."""
    lines, frame = COPIES[turn % len(COPIES)]
    if way == "printed":
        # Where forms have it: a line of its own in the corner above.
        sheet.paragraph(" ".join(lines), 25, 5, 110, style=Style(size=12, bold=True))
        return ()
    angle = rng.uniform(8, 15) * rng.choice([-1, 1]) if way == "steep" else rng.uniform(-8, 8)
    ink = {"black": pick(stamp.BLACKS, rng), "violet": stamp.VIOLET}.get(way, pick(stamp.REDS, rng))
    if way == "black" and frame is None:
        frame = (60, 14 * len(lines))
    mark = Stamp(lines, frame, angle, ink, rng.uniform(0.75, 0.95), rng.uniform(13, 18))
    stamp.press(sheet.image, mark, stamp.place(sheet.image, mark, rng, over=way == "over"), rng)
    return () if way == "black" else ("bilevel",)


def neither(sheet, way, rng):
    """A paper that may be digitised."""
    red = pick(stamp.REDS, rng)

    def pressed(lines, frame, size=13.0, ink=red, angle=None):
        turned = rng.uniform(-12, 12) if angle is None else angle
        mark = Stamp(lines, frame, turned, ink, rng.uniform(0.7, 0.95), size)
        stamp.press(sheet.image, mark, stamp.place(sheet.image, mark, rng, over=False), rng)

    if way == "red title":
        sheet.paragraph("GIẤY CHỨNG NHẬN", 30, 4, 150, align="center", style=Style(size=20, bold=True, ink=red))
    elif way == "received":
        day = f"Ngày: {rng.integers(1, 29):02}/{rng.integers(1, 13):02}/2025"
        pressed(("CÔNG VĂN ĐẾN", f"Số: {rng.integers(10, 2400)}", day), (50, 21), 10)
    elif way == "approved":
        pressed((str(rng.choice(["ĐÃ DUYỆT", "ĐÃ KIỂM TRA", "ĐỒNG Ý", "ĐÃ THU PHÍ", "BẢN CHÍNH"])),), (38, 10))
    elif way == "urgent":
        pressed((str(rng.choice(["KHẨN", "HỎA TỐC", "THƯỢNG KHẨN"])),), (34, 9))
    elif way == "passed":
        pressed((str(rng.choice(["ĐẠT", "MẪU", "LƯU", "NHẬT"])),), (22, 9))
    elif way == "sentence":
        sheet.paragraph(SENTENCES[rng.integers(len(SENTENCES))], 25, 3, 160, style=Style(size=12))
    elif way == "issued":
        sheet.paragraph("TRÍCH LỤC KHAI SINH", 25, 3, 160, align="center", style=Style(size=15, bold=True))
        sheet.paragraph("(BẢN SAO)", 25, 10, 160, align="center", style=Style(size=13, bold=True))
    elif way == "two seals":
        for x in (60, 140):
            pen.seal(sheet, x, rng.uniform(150, 180) if sheet.height > 200 else 90, "Ủy ban nhân dân xã Phú Mỹ *", rng)
    elif way == "framed field":
        pressed((str(rng.choice(["Mẫu số 02", "MST: 0101", "Số 7", "A12", "BM.01"])),), (30, 9), 12, (22, 22, 24), 0.0)
    elif way == "name":
        sheet.paragraph("NGUYỄN VĂN MẬT", 120, 3, 70, align="center", style=Style(size=13, bold=True))
    elif way == "classes":
        rows = [["Độ mật", "Số lượng", "Bản sao"], ["Thường", "12", "3"], ["Không mật", "4", "0"]]
        sheet.table(25, 3, [40, 40, 40], rows, aligns=["center"] * 3, style=Style(size=9))


def pick(choices, rng):
    return choices[rng.integers(len(choices))]
