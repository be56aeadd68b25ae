"""Identity cards of both makes and health-insurance cards, life size, and a sheet with a copy of both sides."""

import cv2
import numpy as np
from PIL import Image

import faces
import typefaces
from people import card_code, insurance_code, zone
from sheet import DPI, Style, px

BLUE, GREEN, RED = (24, 60, 120), (30, 110, 80), (170, 30, 40)


def tinted(paper, top, bottom, x=0.0, y=0.0):
    """The guilloche of a card: a run of two colours with fine waves over it."""
    width, height = round(px(85.6)), round(px(54))
    down = np.linspace(0, 1, height)[:, None, None]
    ground = np.array(top) * (1 - down) + np.array(bottom) * down
    waves = np.sin(np.arange(width)[None] / 9 + 4 * np.sin(np.arange(height)[:, None] / 40))
    picture = np.clip(ground + 5 * waves[..., None], 0, 255).astype(np.uint8)
    paper.sheet.image.paste(Image.fromarray(picture), (round(px(x)), round(px(y))))


def portrait(paper, x, y, width, height):
    """A grey head and shoulders."""
    sheet = paper.sheet
    sheet.shade(x, y, width, height, (205, 212, 220))
    for left, top, right, bottom in ((0.3, 0.15, 0.7, 0.6), (0.1, 0.62, 0.9, 1.3)):
        box = [
            px(x + left * width),
            px(y + top * height),
            px(x + right * width),
            px(min(y + bottom * height, y + height)),
        ]
        sheet.draw.ellipse(box, fill=(120, 105, 100))


def code(paper, payload, x, y, width, spoilt=False):
    """A QR code; a spoilt one has lost its modules to a bad copier."""
    modules = cv2.QRCodeEncoder.create().encode(payload)
    side = round(px(width))
    picture = cv2.resize(modules, (side, side), interpolation=cv2.INTER_NEAREST)
    if spoilt:
        picture = cv2.GaussianBlur(picture, None, side / 24)
    paper.sheet.image.paste(Image.fromarray(picture).convert("RGB"), (round(px(x)), round(px(y))))


def put(paper, text, x, y, size, width=60.0, **more):
    """Words at a place; cards are set in small type."""
    return paper.sheet.paragraph(text, x, y, width, leading=1.15, style=Style(size=size, **more))


def both(vi, en, colon=":"):
    """A label in two languages."""
    return f"{vi} / <i>{en}{colon}</i>"


def expiry(paper, who):
    """The day to which a card is good, of the year at which its owner is 25, 40 or 60, or none."""
    day, month, year = who.born
    ages = [year + age for age in (25, 40, 60) if year + age > 2026]
    return (day, month, ages[0]) if ages else None


def six(day):
    return "{2:02}{1:02}{0:02}".format(day[0], day[1], day[2] % 100) if day else "991231"


def issued(paper):
    return "{:02}/{:02}/{}".format(paper.say.number(1, 28), paper.say.number(1, 12), paper.say.number(2021, 2025))


def owner(paper):
    return paper.someone(young=1950, old=2008)


def said(paper, who, names=("id_number", "owner", "birth_date", "sex")):
    """Notes what is known of a card's owner."""
    known = {
        "id_number": (who.identity, "text"),
        "owner": (who.name, "name"),
        "birth_date": (who.birth, "day"),
        "sex": (who.sex, "text"),
        "residence": (who.address, "near"),
    }
    for name in names:
        paper.fact(name, *known[name])


def face_of_2021(paper, who, issue, x=0.0, y=0.0, spoilt=False):
    """The front of a card with a chip (TT 06/2021/TT-BCA)."""
    tinted(paper, (226, 240, 244), (240, 226, 220), x, y)
    put(paper, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", x + 18, y + 3, 6, bold=True)
    put(paper, "Độc lập - Tự do - Hạnh phúc", x + 24, y + 5.6, 6, bold=True)
    put(paper, "CĂN CƯỚC CÔNG DÂN", x + 23, y + 10.5, 10, ink=RED, bold=True)
    put(paper, "<i>Citizen Identity Card</i>", x + 30, y + 14.5, 6, ink=RED)
    code(paper, card_code(who, issue), x + 69, y + 3, 14, spoilt)
    portrait(paper, x + 3, y + 19, 20, 27)
    at = x + 26
    put(paper, f"{both('Số', 'No.')} <b>{who.identity}</b>", at, y + 18.5, 9, 58)
    put(paper, both("Họ và tên", "Full name"), at, y + 23, 5.5, 58)
    put(paper, f"<b>{who.name.upper()}</b>", at, y + 25.4, 8, 58)
    put(paper, f"{both('Ngày sinh', 'Date of birth')} <b>{who.birth}</b>", at, y + 29.4, 6.5, 58)
    put(paper, f"{both('Giới tính', 'Sex')} <b>{who.sex}</b>", at, y + 32.5, 6.5, 26)
    put(paper, f"{both('Quốc tịch', 'Nationality')} <b>Việt Nam</b>", at + 24, y + 32.5, 6.5, 36)
    put(paper, both("Quê quán", "Place of origin"), at, y + 35.6, 5.5, 58)
    put(paper, f"<b>{paper.say.ward()}, {paper.say.province}</b>", at, y + 37.8, 6.5, 58)
    put(paper, both("Nơi thường trú", "Place of residence"), at, y + 41, 5.5, 58)
    put(paper, f"<b>{who.address}</b>", at, y + 43.2, 6.5, 58)
    good = expiry(paper, who)
    text = "{:02}/{:02}/{}".format(*good) if good else "Không thời hạn"
    put(paper, f"<i>Có giá trị đến / Date of expiry: {text}</i>", x + 3, y + 48, 5, 24)
    if good:
        paper.fact("valid_until", text, "day")


def zone_at(paper, rows, x, y):
    """The machine-readable zone in OCR-B: ten letters an inch."""
    sheet = paper.sheet
    font = typefaces.font(faces.OCR_B, round(DPI / 10 / 0.6))
    for number, row in enumerate(rows):
        for place, letter in enumerate(row):
            sheet.draw.text(
                (px(x + place * 2.54), px(y + number * 4.23)), letter, font=font, fill=(20, 20, 22), anchor="ls"
            )


def back_of_2021(paper, who, issue, x=0.0, y=0.0):
    """The back of a card with a chip."""
    tinted(paper, (236, 240, 226), (224, 234, 244), x, y)
    put(
        paper,
        f"{both('Đặc điểm nhân dạng', 'Personal identification')} "
        f"<b>Nốt ruồi cách {paper.say.number(1, 4)}cm dưới mép trái</b>",
        x + 3,
        y + 3,
        5.5,
        80,
    )
    put(paper, f"{both('Ngày, tháng, năm', 'Date, month, year')} <b>{issue}</b>", x + 3, y + 9, 6, 50)
    put(paper, "CỤC TRƯỞNG CỤC CẢNH SÁT", x + 3, y + 12.5, 5.5, 45, bold=True)
    put(paper, "QUẢN LÝ HÀNH CHÍNH VỀ TRẬT TỰ XÃ HỘI", x + 3, y + 15, 5.5, 45, bold=True)
    put(paper, f"<b>{paper.say.person()}</b>", x + 12, y + 29, 6, 40)
    for left in (54, 69):
        paper.sheet.frame(x + left, y + 9, 13, 16)
    zone_at(paper, zone(who, six(expiry(paper, who))), x + 4.7, y + 41)


def front(paper):
    """A front with its QR code."""
    paper.kind, who, issue = "can-cuoc", owner(paper), issued(paper)
    said(paper, who, ("id_number", "owner", "birth_date", "sex", "residence"))
    paper.fact("date", issue, "day")
    paper.marked = True
    face_of_2021(paper, who, issue)


def back(paper):
    """A back with its machine-readable zone; names in it have no marks."""
    paper.kind, who, issue = "can-cuoc", owner(paper), issued(paper)
    said(paper, who, ("id_number", "birth_date", "sex"))
    paper.fact("owner", who.name, "letters")
    paper.fact("date", issue, "day")
    good = expiry(paper, who)
    if good:
        paper.fact("valid_until", "{:02}/{:02}/{}".format(*good), "day")
    paper.marked = False
    back_of_2021(paper, who, issue)


def copied(paper):
    """Both sides on a sheet whose copier has spoilt the code."""
    paper.kind, who, issue = "can-cuoc", owner(paper), issued(paper)
    said(paper, who)
    paper.fact("date", issue, "day")
    paper.marked = False
    x = paper.say.number(25, 95)
    face_of_2021(paper, who, issue, x, 30, spoilt=True)
    back_of_2021(paper, who, issue, x, 110)


def new_front(paper):
    """The front of a card by the law of 2023, which has no code."""
    paper.kind, who = "can-cuoc", owner(paper)
    said(paper, who)
    paper.marked = False
    tinted(paper, (222, 238, 240), (236, 244, 226))
    put(paper, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 22, 3, 6.5, bold=True)
    put(paper, "Độc lập - Tự do - Hạnh phúc", 29, 6, 6.5, bold=True)
    put(paper, "CĂN CƯỚC", 35, 10, 11, ink=RED, bold=True)
    put(paper, "<b>IDENTITY CARD</b>", 35, 14.5, 6.5, ink=RED)
    portrait(paper, 3, 19, 20, 27)
    put(paper, both("Số định danh cá nhân", "Personal identification number"), 26, 19, 5.5, 58)
    put(paper, f"<b>{who.identity}</b>", 26, 21.4, 9.5, 58)
    put(paper, both("Họ, chữ đệm và tên khai sinh", "Full name", ""), 26, 26, 5.5, 58)
    put(paper, f"<b>{who.name.upper()}</b>", 26, 28.3, 8.5, 58)
    put(paper, both("Ngày, tháng, năm sinh", "Date of birth", ""), 26, 33, 5.5, 34)
    put(paper, f"<b>{who.birth}</b>", 26, 35.3, 7.5, 34)
    put(paper, both("Giới tính", "Sex", ""), 62, 33, 5.5, 22)
    put(paper, f"<b>{who.sex}</b>", 62, 35.3, 7.5, 22)
    put(paper, both("Quốc tịch", "Nationality", ""), 26, 40, 5.5, 34)
    put(paper, "<b>Việt Nam</b>", 26, 42.3, 7.5, 34)


def new_back(paper):
    """The back of such a card: a QR code and the zone."""
    paper.kind, who, issue = "can-cuoc", owner(paper), issued(paper)
    said(paper, who, ("id_number", "owner", "birth_date", "sex", "residence"))
    paper.fact("date", issue, "day")
    paper.marked = True
    tinted(paper, (236, 240, 226), (222, 232, 244))
    put(paper, both("Nơi cư trú", "Place of residence", ""), 3, 3, 5.5, 60)
    put(paper, f"<b>{who.address}</b>", 3, 5.4, 6.5, 60)
    put(paper, both("Nơi đăng ký khai sinh", "Place of birth", ""), 3, 12, 5.5, 60)
    put(paper, f"<b>{paper.say.ward()}, {paper.say.province}</b>", 3, 14.4, 6.5, 60)
    put(paper, both("Ngày, tháng, năm cấp", "Date of issue", ""), 3, 20, 5.5, 34)
    put(paper, f"<b>{issue}</b>", 3, 22.4, 6.5, 30)
    put(paper, both("Ngày, tháng, năm hết hạn", "Date of expiry", ""), 3, 26, 5.5, 36)
    good = expiry(paper, who)
    put(paper, f"<b>{'{:02}/{:02}/{}'.format(*good) if good else 'Không thời hạn'}</b>", 3, 28.4, 6.5, 30)
    put(paper, "BỘ CÔNG AN", 42, 27, 6.5, bold=True)
    code(paper, card_code(who, issue), 66, 4, 16)
    zone_at(paper, zone(who, six(good)), 4.7, 41)


def insurance(paper):
    """Thẻ bảo hiểm y tế, front."""
    say = paper.say
    paper.kind, who = "the-bhyt", owner(paper)
    number = str(say.number(1000000000, 9999999999))
    since = "{:02}/{:02}/{}".format(1, say.number(1, 12), say.number(2021, 2025))
    paper.fact("insurance_number", number)
    said(paper, who, ("owner", "birth_date", "sex", "residence"))
    paper.fact("valid_from", since, "day")
    clinic = f"Trạm y tế {say.ward()}"
    paper.fact("clinic", clinic, "near")
    paper.marked = True
    tinted(paper, (232, 244, 250), (250, 250, 250))
    put(paper, "BẢO HIỂM XÃ HỘI VIỆT NAM", 22, 3, 7, ink=BLUE, bold=True)
    put(paper, "THẺ BẢO HIỂM Y TẾ", 24, 6.5, 10, ink=RED, bold=True)
    y = 14.0
    rows = (
        ("Mã số:", number),
        ("Họ và tên:", who.name.upper()),
        ("Ngày sinh:", who.birth),
        ("Địa chỉ:", who.address),
        ("Nơi đăng ký KCB BĐ:", clinic),
        ("Giá trị sử dụng: từ ngày", since),
    )
    for label, answer in rows:
        below = put(paper, f"{label} <b>{answer}</b>", 4, y, 7, 58)
        if label == "Ngày sinh:":
            put(paper, f"Giới tính: <b>{who.sex}</b>", 38, y, 7, 24)
        y = below + 0.8
    code(paper, insurance_code(who, number, since), 63, 26, 20)
