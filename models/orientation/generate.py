#!/usr/bin/env python3
"""Draws the synthetic pages that the orientation network learns from.

Each page is a letter, a form, a table, a cover with codes, a copy of a card, columns of English, ... in one family of
fonts, then aged (faint print, bleed-through, stains, punch holes, folds, specks), turned by a quarter, scaled to 100 to
150 dpi, lit unevenly, made noisy and compressed. Nothing but fonts is read: words and layouts are in this file.

Page I of a set depends on the seed and I alone, so a smaller set is the beginning of a larger one.

Writes OUT/0000.png ... and OUT/truth.json: file, orientation (degrees by which the content is turned clockwise), skew
(degrees, clockwise), dpi, kind, tags.
"""

import argparse
import json
import math
import random
import re
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Families by where Debian's packages put them, as named by the file names up to the style.
FAMILIES = {
    "first": {
        "truetype/dejavu": "DejaVuSans DejaVuSansCondensed DejaVuSansMono DejaVuSerif DejaVuSerifCondensed",
        "opentype/inter": "Inter InterDisplay",
        "truetype/lato": "Lato",
        "truetype/noto": "NotoSans NotoSansDisplay NotoSansMono NotoSerif NotoSerifDisplay",
        "truetype/open-sans": "OpenSans",
    },
    "second": {
        "opentype/cantarell": "Cantarell",
        "truetype/crosextra": "Carlito",
        "opentype/ebgaramond": "EBGaramond08 EBGaramond12",
        "truetype/freefont": "FreeMono FreeSans FreeSerif",
        "truetype/liberation2": "LiberationMono LiberationSans LiberationSerif",
        "opentype/linux-libertine": "LinBiolinum LinLibertine",
        "truetype/roboto": "Roboto RobotoCondensed",
    },
}
# Cuts that documents are not set in.
UNUSUAL = re.compile("Thin|ExtraLight|Light|Black|Hairline|ExtraCondensed|Initials|RZ")
# A font must draw each of these, and differently.
NEEDED_LETTERS = "ếộữẫđơ"

# Pages are drawn as A4 at this resolution.
DRAWN_DPI = 200
WIDTH, HEIGHT = 1654, 2339

VIETNAMESE = """
cộng hòa xã hội chủ nghĩa việt nam độc lập tự do hạnh phúc ủy ban nhân dân tỉnh huyện phường thị trấn quyết định thông
báo tờ khai đăng ký khai sinh kết hôn giấy chứng nhận quyền sử dụng đất căn cứ luật tổ chức chính quyền địa phương
ngày tháng năm về việc phê duyệt danh mục hồ sơ được số hóa điều trưởng phòng thủ tục hành chính chịu trách nhiệm thi
hành kể từ ký nơi nhận lưu văn thư chủ tịch họ tên nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương
lý thị văn minh hương quỳnh khánh thủy sinh quán trú tại thường tạm thôn ấp xóm khu phố dân tộc kinh quốc tịch nghề
nghiệp kinh doanh giới tính nam nữ số định danh cá nhân cấp bởi cục cảnh sát quản lý hành chính trật tự cha mẹ vợ
chồng con người yêu cầu cam đoan những nội dung trên là đúng sự thật và chịu hoàn toàn trước pháp luật đề nghị cấp bản
sao trích lục xác minh tình trạng hôn nhân mục đích sử dụng diện tích thửa đất tờ bản đồ tài sản gắn liền hình thức
thời hạn nguồn gốc đất ở nông thôn trồng cây lâu năm đường sông rừng biển nước uống cơm áo gạo tiền khoản thu chi ngân
sách nhà hỗ trợ mức hưởng bảo trợ hàng tháng đối tượng khuyết tật nặng cao tuổi trẻ em mồ côi
""".split()
ENGLISH = """
the of and to in is that for it as was with be by on not he his but at are this have from or had an they which one you
were all her she there would their we him been has when who will no more if out so said what up its about than into
them can only other time new some could these two may first then do any like my now over such our man me even most
made after also did many off before must well back through years much your way down should because long each just
state those people mr how too little world very year still nation hand old life tell write become here show house both
between need mean call develop under last right move thing general school never same another begin while number part
turn real leave might want point form child few small since against ask late home interest large person end open
public follow during present without again hold govern around possible head consider word program problem however lead
system set order eye plan run keep face fact group play stand increase early course change help line
""".split()

KINDS = ["letter", "letter", "form", "form", "table", "cover", "sparse", "idcopy", "eng2col", "short", "dense"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write, made if missing")
    parser.add_argument("--pages", type=int, default=260)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--families", choices=sorted(FAMILIES), default="first", help="two lists without a common font")
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts"), help="root of the font folders")
    parser.add_argument("--skewed", action="store_true", help="not deskewed: up to 8, sometimes 45 degrees")
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    families = find_families(arguments.fonts, FAMILIES[arguments.families])
    arguments.out.mkdir(parents=True, exist_ok=True)
    truth = []
    for i in range(arguments.pages):
        gray, facts = capture(families, arguments.seed * 100003 + i, arguments.skewed)
        file = f"{i:04d}.png"
        cv2.imwrite(str(arguments.out / file), gray, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        truth.append({"file": file, **facts})
    (arguments.out / "truth.json").write_text(json.dumps(truth, indent=1) + "\n")


def find_families(root, wanted):
    """Font files of each family, sorted; stops when a family is missing, for the pages would be others."""
    families = {}
    for folder, names in wanted.items():
        files = sorted(str(path) for path in (root / folder).rglob("*.?tf"))
        for name in names.split():
            fonts = [f for f in files if family_of(f) == name and not UNUSUAL.search(f) and draws_vietnamese(f)]
            if not fonts:
                raise SystemExit(f"no font of {name} in {root / folder}: see README.md for the packages")
            families[name] = fonts
    return [families[name] for name in sorted(families)]


def family_of(font):
    return re.sub("(Bold|Oblique|Italic)+$", "", re.split("[-_.]", Path(font).name)[0])


def draws_vietnamese(path):
    font = ImageFont.truetype(path, 40)
    missing = bytes(font.getmask("\ufffe"))
    drawn = {bytes(font.getmask(letter)) for letter in NEEDED_LETTERS}
    return len(drawn) == len(NEEDED_LETTERS) and missing not in drawn and all(any(mask) for mask in drawn)


class Page:
    """An upright clean page in one family of fonts."""

    def __init__(self, choices, families):
        self.random = choices
        fonts = choices.choice(families)
        self.vietnamese = choices.random() < 0.75
        self.regular = [f for f in fonts if not re.search("Bold|Italic|Oblique|RI|RB|Medium", f)] or fonts
        self.bold = [f for f in fonts if re.search("Bold|RB", f)] or self.regular
        self.italic = [f for f in fonts if re.search("Italic|Oblique|RI", f)] or self.regular
        self.image = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
        self.draw = ImageDraw.Draw(self.image)
        black = choices.random() < 0.9
        self.ink = tuple(choices.randint(0, 50) for _ in range(3)) if black else (40, 40, 120)
        self.kind = choices.choice(KINDS)
        getattr(self, f"draw_{self.kind}")(choices.randint(120, 220))

    def pixels(self):
        return np.array(self.image).astype(np.float32)

    # Kinds of pages. Each begins at the given height.

    def draw_letter(self, y):
        r = self.random
        y = self.letterhead(y)
        points, left = r.uniform(10.5, 14), r.randint(150, 260)
        while y < HEIGHT - 700:
            lines, cut, spacing = r.randint(1, 6), r.choice("rrri"), r.uniform(1.2, 1.6)
            justified = r.random() < 0.7
            y = self.paragraph(left, WIDTH - 150, y, lines, points, cut, justified, spacing) + 15
        self.closing(y)

    def draw_form(self, y):
        y = self.letterhead(y)
        self.closing(self.fields(y, self.random.randint(6, 20)))

    def draw_table(self, y):
        y = self.letterhead(y)
        y = self.table(y, self.random.randint(4, 32))
        if y < HEIGHT - 450:
            self.closing(y)

    def draw_cover(self, y):
        r = self.random
        if r.random() < 0.8:
            self.draw.rectangle((110, 110, WIDTH - 110, HEIGHT - 110), outline=self.ink, width=r.choice([2, 4, 6]))
        self.centered(WIDTH / 2, y + 60, self.words(6).upper(), self.font("b", 13))
        self.centered(WIDTH / 2, y + 220, "BÌA HỒ SƠ", self.font("b", 26))
        self.qr_code(700, y + 340, 29, 8)
        if r.random() < 0.7:
            self.barcode(480, y + 650, 690, 110)
        y = self.fields(y + 850, r.randint(2, 5))
        self.table(y + 20, r.randint(2, 5))

    def draw_sparse(self, y):
        r = self.random
        for _ in range(r.randint(1, 3)):
            y = r.randint(150, HEIGHT - 600)
            left, right = r.randint(150, 400), WIDTH - r.randint(150, 500)
            self.paragraph(left, right, y, r.randint(1, 3), r.uniform(10, 14))
        if r.random() < 0.5:
            self.closing(y + 100)

    def draw_idcopy(self, y):
        r = self.random
        self.centered(WIDTH / 2, y, self.words(4).upper(), self.font("b", 13))
        self.card(r.randint(300, 600), y + 120)
        if r.random() < 0.6:
            self.card(r.randint(300, 600), y + 620)
        self.paragraph(150, WIDTH - 200, y + 1150, 1, 11)
        self.closing(y + 1300)

    def draw_eng2col(self, y):
        r = self.random
        self.vietnamese = False
        self.centered(WIDTH / 2, y, self.words(5), self.font("b", 20))
        points = r.uniform(8.5, 10.5)
        for left in (130, 860):
            bottom = y + 120
            while bottom < HEIGHT - 300:
                bottom = self.paragraph(left, left + 660, bottom, r.randint(3, 12), points, spacing=1.2)

    def draw_short(self, y):
        y = self.letterhead(y)
        self.closing(self.paragraph(200, WIDTH - 150, y, self.random.randint(2, 5), 13))

    def draw_dense(self, y):
        r = self.random
        points = r.uniform(8.5, 10.5)
        while y < HEIGHT - 250:
            y = self.paragraph(130, WIDTH - 120, y, r.randint(2, 9), points, spacing=1.25) + 8

    # Parts of pages. Those that fill a stretch of the page return where it ends.

    def font(self, cut, points):
        """A regular (r), bold (b) or italic (i) cut of the family."""
        path = self.regular[0] if cut == "r" else self.random.choice({"b": self.bold, "i": self.italic}[cut])
        return ImageFont.truetype(path, max(8, int(points * DRAWN_DPI / 72)))

    def words(self, count, capital=True):
        r = self.random
        words = []
        for i in range(count):
            what = r.random()
            if what < 0.07:
                words.append(str(r.randint(0, 9999)))
            elif what < 0.1:
                words.append(f"{r.randint(1, 28):02d}/{r.randint(1, 12):02d}/{r.randint(1950, 2026)}")
            else:
                word = r.choice(VIETNAMESE if self.vietnamese else ENGLISH)
                if r.random() < 0.2 or (i == 0 and capital):
                    word = word[:1].upper() + word[1:]
                if r.random() < 0.08:
                    word += r.choice(",.;:")
                words.append(word)
        return " ".join(words)

    def text(self, x, y, text, font, fill=None, anchor="la"):
        """Draws a line and returns its length."""
        self.draw.text((x, y), text, font=font, fill=fill or self.ink, anchor=anchor)
        return self.draw.textlength(text, font=font)

    def centered(self, x, y, text, font):
        return self.text(x, y, text, font, anchor="ma")

    def paragraph(self, left, right, y, lines, points, cut="r", justified=True, spacing=1.3):
        font = self.font(cut, points)
        for i in range(lines):
            start, last = left + (points * 8 if i == 0 else 0), i == lines - 1
            room = (right - start) * (self.random.uniform(0.2, 0.9) if last else 1)
            words, used = [], 0
            while True:
                word = self.words(1, capital=i == 0 and not words)
                length = self.draw.textlength(word + " ", font=font)
                if used + length > room:
                    break
                words.append(word)
                used += length
            if justified and not last and len(words) > 2:
                lengths = [self.draw.textlength(word, font=font) for word in words]
                gap, x = (right - start - sum(lengths)) / (len(words) - 1), start
                for word, length in zip(words, lengths):
                    self.draw.text((x, y), word, font=font, fill=self.ink)
                    x += length + gap
            elif words:
                self.text(start, y, " ".join(words), font)
            y += points * DRAWN_DPI / 72 * spacing
        return y

    def letterhead(self, y):
        r = self.random
        if r.random() < 0.6:
            bold, regular = self.font("b", r.uniform(10, 13)), self.font("r", r.uniform(10, 13))
            self.centered(480, y, self.words(4).upper(), regular)
            state = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" if self.vietnamese else self.words(5).upper()
            self.centered(1150, y, state, bold)
            y += 45
            self.centered(480, y, self.words(5).upper(), bold)
            length = self.centered(1150, y, "Độc lập - Tự do - Hạnh phúc", bold)
            y += 42
            self.draw.line((1150 - length / 2, y, 1150 + length / 2, y), fill=self.ink, width=2)
            self.draw.line((420, y, 540, y), fill=self.ink, width=2)
            y += 20
            self.centered(480, y, f"Số: {r.randint(1, 999)}/QĐ-UBND", regular)
            self.centered(1150, y, self.words(7), self.font("i", 12))
            y += 90
        self.centered(WIDTH / 2, y, self.words(r.randint(2, 5)).upper(), self.font("b", r.uniform(13, 18)))
        return y + r.randint(70, 120)

    def fields(self, y, count):
        r = self.random
        points = r.uniform(10, 13.5)
        font = self.font("r", points)
        pitch, left = points * DRAWN_DPI / 72 * r.uniform(1.4, 2), r.randint(150, 260)
        style = r.choice(["dots", "line", "none"])
        for _ in range(count):
            x = left + self.text(left, y, self.words(r.randint(2, 6)) + ":", font) + 12
            right = min(r.choice([WIDTH - 160, WIDTH - 160, x + r.randint(200, 600)]), WIDTH - 140)
            if style == "dots" and right > x + 30:
                dots = "." * int((right - x) / max(3, self.draw.textlength(".", font=font)))
                self.draw.text((x, y), dots, font=font, fill=self.ink)
            elif style == "line" and right > x:
                self.draw.line((x, y + points * 2.9, right, y + points * 2.9), fill=self.ink, width=r.choice([1, 2]))
            if r.random() < 0.7:
                base, answer = y - r.randint(0, 1), self.words(r.randint(1, 6))
                self.text(x + 10, base, answer, self.font("r", points), fill=r.choice([self.ink, (30, 40, 140)]))
            y += pitch
            if y > HEIGHT - 250:
                break
        return y

    def table(self, y, rows):
        r = self.random
        columns = r.randint(3, 7)
        left, right = r.randint(120, 220), WIDTH - r.randint(120, 220)
        edges = [left, *sorted(r.randint(left + 60, right - 60) for _ in range(columns - 1)), right]
        points = r.uniform(8.5, 12)
        pitch = points * DRAWN_DPI / 72 * r.uniform(1.4, 2)
        rows = int(min(rows, (HEIGHT - 250 - y) / pitch))
        width, regular = r.choice([1, 2, 3]), self.font("r", points)
        for i in range(rows + 1):
            if r.random() < 0.95:
                self.draw.line((left, y + i * pitch, right, y + i * pitch), fill=self.ink, width=width)
        if r.random() < 0.85:
            for x in edges:
                self.draw.line((x, y, x, y + rows * pitch), fill=self.ink, width=width)
        contents = [
            lambda: str(r.randint(1, 99)),
            lambda: f"{r.randint(0, 10**12):012d}",
            lambda: self.words(3),
            lambda: self.words(2),
        ]
        for i in range(rows):
            for start, end in zip(edges, edges[1:]):
                text = r.choice(contents)()
                font = self.font("b", points) if i == 0 else regular
                while text and self.draw.textlength(text, font=font) > end - start - 10:
                    text = text[:-1]
                if text:
                    self.text(start + 6, y + i * pitch + pitch * 0.15, text, font)
        return y + rows * pitch + 50

    def qr_code(self, x, y, modules, size):
        """Looks like a QR code; holds nothing."""
        dark = np.array([[self.random.random() < 0.5 for _ in range(modules)] for _ in range(modules)])
        for top, left in ((0, 0), (0, modules - 7), (modules - 7, 0)):
            for inset, value in ((0, 1), (1, 0), (2, 1)):
                dark[top + inset : top + 7 - inset, left + inset : left + 7 - inset] = value
        for i, j in zip(*np.nonzero(dark)):
            left, top = x + int(j) * size, y + int(i) * size
            self.draw.rectangle((left, top, left + size - 1, top + size - 1), fill=self.ink)

    def barcode(self, x, y, width, height):
        while width > 0:
            bar, gap = self.random.randint(1, 4) * 3, self.random.randint(1, 4) * 3
            self.draw.rectangle((x, y, x + bar - 1, y + height), fill=self.ink)
            x += bar + gap
            width -= bar + gap

    def seal(self, x, y, radius):
        color = (*self.random.choice([(200, 30, 50), (220, 60, 80), (60, 60, 60), (180, 40, 40)]), 210)
        center, inner = radius + 4, radius * 0.45
        layer = Image.new("RGBA", (2 * radius + 8, 2 * radius + 8), (0, 0, 0, 0))
        draw = ImageDraw.Draw(layer)
        draw.ellipse((4, 4, 2 * radius + 4, 2 * radius + 4), outline=color, width=6)
        draw.ellipse((inner, inner, 2 * radius + 8 - inner, 2 * radius + 8 - inner), outline=color, width=2)
        font, text = self.font("b", 8), self.words(7).upper()[:30]
        for i, letter in enumerate(text):
            angle = math.pi * 0.8 + i / len(text) * math.pi * 1.5
            glyph = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
            ImageDraw.Draw(glyph).text((20, 20), letter, font=font, fill=color, anchor="mm")
            glyph = glyph.rotate(-math.degrees(angle) - 90, resample=Image.BICUBIC)
            left = max(0, int(center + radius * 0.75 * math.cos(angle) - 20))
            top = max(0, int(center + radius * 0.75 * math.sin(angle) - 20))
            layer.alpha_composite(glyph, (left, top))
        star = []
        for i in range(10):
            reach, angle = radius * (0.35 if i % 2 == 0 else 0.14), -math.pi / 2 + i * math.pi / 5
            star.append((center + reach * math.cos(angle), center + reach * math.sin(angle)))
        draw.polygon(star, fill=color)
        layer = layer.rotate(self.random.uniform(-25, 25), resample=Image.BICUBIC)
        self.image.paste(layer, (int(x - radius), int(y - radius)), layer)

    def signature(self, x, y, width=260, height=90):
        r = self.random
        color, bends = r.choice([(20, 30, 140), (10, 10, 30), (40, 60, 180)]), r.randint(6, 12)
        xs = np.linspace(x, x + width, bends) + [r.uniform(-20, 20) for _ in range(bends)]
        ys = np.array([y + r.uniform(-height / 2, height / 2) for _ in range(bends)])
        along, smooth = np.linspace(0, bends - 1, 200), np.ones(15) / 15
        xs, ys = (np.convolve(np.interp(along, range(bends), v), smooth, "valid") for v in (xs, ys))
        self.draw.line(list(zip(xs, ys)), fill=color, width=r.choice([3, 4, 5]))

    def card(self, x, y):
        width, height = 674, 425
        fill = self.random.choice([(225, 225, 225), (215, 235, 225)])
        self.draw.rectangle((x, y, x + width, y + height), fill=fill, outline=(120, 120, 120))
        self.draw.rectangle((x + 25, y + 140, x + 190, y + 360), fill=(170, 170, 175))
        self.draw.ellipse((x + 70, y + 180, x + 150, y + 270), fill=(110, 100, 95))
        self.draw.ellipse((x + 50, y + 270, x + 170, y + 370), fill=(60, 60, 90))
        font = self.font("b", 7)
        self.centered(x + width / 2, y + 20, self.words(6).upper(), font)
        self.centered(x + width / 2, y + 48, self.words(5), self.font("r", 6.5))
        for i in range(9):
            self.text(x + 215, y + 95 + i * 34, self.words(self.random.randint(2, 5)), self.font("rb"[i % 2], 6.5))
        self.qr_code(x + width - 130, y + 20, 29, 4)

    def closing(self, y):
        r = self.random
        y = min(y + 30, HEIGHT - 420)
        self.centered(1150, y, self.words(2).upper(), self.font("b", 12))
        self.centered(1150, y + 42, f"({self.words(5)})", self.font("i", 10))
        if r.random() < 0.7:
            self.signature(1040, y + 150)
        if r.random() < 0.6:
            self.seal(1060 + r.randint(-60, 60), y + 150, r.randint(100, 140))
        self.centered(1150, y + 250, self.words(3), self.font("b", 12))


def capture(families, seed, skewed):
    """A page as the orientation is guessed from: grey, 100 to 150 dpi, any way up."""
    r, fields = random.Random(seed), np.random.default_rng(seed)
    page = Page(r, families)
    paper, tags = age(page.pixels(), r, fields, families)
    dpi = r.choice([100, 110, 120, 130, 150, 150])
    skew = 0.0
    if r.random() >= 0.05:
        skew = r.uniform(-8, 8) if r.random() < 0.75 else r.uniform(-44.5, 44.5)
    orientation = r.choice([0, 90, 180, 270])
    if not skewed:
        skew = r.gauss(0, 0.15)
    scale = dpi / DRAWN_DPI
    paper = cv2.GaussianBlur(paper, (0, 0), 0.5 / scale * 0.8 + r.choice([0, 0, 0.3, 1.0]))
    picture = turn(paper, scale, skew, orientation)
    height, width = picture.shape[:2]
    if r.random() < 0.3:
        tags.append("light")
        rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
        towards = r.uniform(0, 6.28)
        ramp = np.cos(towards) * (columns / width - 0.5) + np.sin(towards) * (rows / height - 0.5)
        picture *= (1 - r.uniform(0.1, 0.5) * np.clip(0.5 + ramp, 0, 1))[..., None]
    picture += fields.normal(0, r.choice([1, 2, 3, 5, 8]), picture.shape)
    gray = cv2.cvtColor(np.clip(picture, 0, 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
    if r.random() < 0.06:
        tags.append("bilevel")
        gray = ((gray > r.randint(120, 190)) * 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, r.choice([40, 60, 75, 85, 92])])
    gray = cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)
    return gray, {"orientation": orientation, "skew": skew, "dpi": dpi, "kind": page.kind, "tags": tags}


def age(paper, r, fields, families):
    """What happens to paper: the aged page, and the names of what happened."""
    tags = []
    if r.random() < 0.15:
        tags.append("faint")
        paper = 255 - (255 - paper) * r.uniform(0.3, 0.6)
    if r.random() < 0.2:
        tags.append("bleed")
        back = cv2.GaussianBlur(Page(r, families).pixels()[:, ::-1], (0, 0), r.uniform(1.2, 4))
        paper = np.minimum(paper, 255 - (255 - back) * r.uniform(0.03, 0.16))
    if r.random() < 0.5:
        paper *= np.array([r.uniform(0.82, 1), r.uniform(0.88, 1), r.uniform(0.9, 1)])
    if r.random() < 0.4:
        tags.append("stain")
        amount = r.uniform(0.5, 2)
        clouds = fields.normal(0, 1, (8, 6)).astype(np.float32)
        clouds = cv2.resize(clouds, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        paper *= (1 - np.clip(clouds - 1, 0, 1) * 0.12 * amount)[..., None] * np.array([0.95, 1, 1])
    if r.random() < 0.3:
        tags.append("holes")
        x = r.randint(20, 60) + 30
        for y in (HEIGHT * 0.35, HEIGHT * 0.65):
            cv2.circle(paper, (x, int(y)), 24, (r.choice([15.0, 60.0, 235.0]),) * 3, -1, cv2.LINE_AA)
    if r.random() < 0.3:
        tags.append("fold")
        for _ in range(r.randint(1, 2)):
            y = r.randint(500, 1800)
            paper[y : y + 2] *= r.uniform(0.85, 0.97)
            paper[y + 2 : y + 6] *= 0.985
    if r.random() < 0.3:
        tags.append("specks")
        for _ in range(r.randint(5, 80)):
            place = (r.randint(0, WIDTH - 1), r.randint(0, HEIGHT - 1))
            cv2.circle(paper, place, r.choice([0, 0, 1, 1, 2]), (r.uniform(30, 150),) * 3, -1)
    return np.clip(paper, 0, 255), tags


def turn(paper, scale, skew, orientation):
    """The page scaled and turned clockwise about its middle, on ground of its own colour."""
    width, height = WIDTH * scale, HEIGHT * scale
    if orientation % 180:
        width, height = height, width
    width, height = int(width), int(height)
    angle = math.radians(skew + orientation)
    cosine, sine = math.cos(angle), math.sin(angle)
    matrix = np.array([[scale * cosine, -scale * sine, 0], [scale * sine, scale * cosine, 0]])
    middle = matrix[:, :2] @ np.array([WIDTH / 2 - 0.5, HEIGHT / 2 - 0.5])
    matrix[:, 2] = np.array([width / 2 - 0.5, height / 2 - 0.5]) - middle
    ground = tuple(float(v) for v in np.median(paper.reshape(-1, 3)[::997], axis=0))
    border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": ground}
    return cv2.warpAffine(paper, matrix, (width, height), flags=cv2.INTER_CUBIC, **border)


if __name__ == "__main__":
    main()
