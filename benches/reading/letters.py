"""Papers that an office issues: each function fills a sheet, in reading order."""

from dataclasses import replace

import pen
from language import WORDS, capitalised
from sheet import Style

MOTTO = ("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "Độc lập - Tự do - Hạnh phúc")
ROMAN = "I II III IV V VI VII".split()
VIOLET = (92, 60, 150)


# Parts


def motto(sheet, say, x, y, width, size=12):
    """The national title and the motto, underlined in one of three ways."""
    style = sheet.fitting(MOTTO[0], Style(size=size, bold=True), width)
    y = sheet.paragraph(MOTTO[0], x, y, width, align="center", style=style)
    way = say.number(0, 2)
    text = f"<u>{MOTTO[1]}</u>" if way == 0 else MOTTO[1]
    y = sheet.paragraph(text, x, y, width, align="center", style=replace(style, size=style.size + 1))
    if way == 1:
        sheet.rule(x + width * 0.18, y + 0.6, x + width * 0.82, y + 0.6)
    return y + 1.5


def letterhead(sheet, say, kind, margin=25, top=18, about=None, stamp=False):
    """Issuer and number on the left, then motto, place and date on the right, then the stamp of incoming post."""
    left, right = 70, sheet.width - 15 - 84
    y = sheet.paragraph(
        f"ỦY BAN NHÂN DÂN {say.ward().upper()}",
        margin - 4,
        top,
        left,
        align="center",
        style=Style(size=12, bold=kind == ""),
    )
    if kind:
        y = sheet.paragraph(
            say.word("office").upper(), margin - 4, y, left, align="center", style=Style(size=12, bold=True)
        )
    sheet.rule(margin + 18, y + 0.7, margin + 44, y + 0.7)
    y = sheet.paragraph(f"Số: {say.symbol(kind)}", margin - 4, y + 2.5, left, align="center", style=Style(size=13))
    if about:
        y = sheet.paragraph(f"V/v {about}", margin - 2, y, left - 4, align="center", style=Style(size=12))
    side = motto(sheet, say, right, top, 84)
    where = f"<i>{say.ward_name}, {say.long_date()}</i>"
    style = sheet.fitting(where, Style(size=13), 84)
    side = sheet.paragraph(where, right, side + 1, 84, align="center", style=style)
    if stamp:
        y = arrival(sheet, say, margin + 6, y + 3)
    return max(y, side) + 5


def arrival(sheet, say, x, y):
    """The stamp of incoming post, number and day filled in by hand."""
    ink = Style(size=10, ink=VIOLET)
    sheet.frame(x, y, 50, 21, 0.5, VIOLET)
    y = sheet.paragraph("<b>CÔNG VĂN ĐẾN</b>", x, y + 1, 50, align="center", style=ink)
    y = sheet.paragraph(f"Số: <h>{say.number(10, 2400)}</h>", x + 2, y + 0.5, 46, style=ink)
    return sheet.paragraph(f"Ngày: <h>{say.date()}</h>", x + 2, y + 1, 46, style=ink) + 3


def heading(sheet, text, y, about=None, margin=25, size=15):
    width = sheet.width - margin - 15
    y = sheet.paragraph(text, margin, y, width, align="center", style=Style(size=size, bold=True))
    if about:
        y = sheet.paragraph(about, margin + 12, y, width - 24, align="center", style=Style(size=13, bold=True))
        sheet.rule(sheet.width / 2 - 12, y + 1, sheet.width / 2 + 22, y + 1)
    return y + 4


def body(sheet, text, y, margin=25, size=13.0, indent=11, **more):
    width = sheet.width - margin - 15
    return sheet.paragraph(text, margin, y, width, align="justify", indent=indent, style=Style(size=size), **more) + 1.6


def fits(sheet, y, needed):
    """Whether so many millimetres are left above the foot."""
    return y + needed < sheet.height - 18


def signatures(sheet, say, y, margin=25, sealed=True, recipients=True):
    """Recipients on the left, then the signer on the right under a signature and a seal."""
    if recipients:
        below = sheet.paragraph("<b><i>Nơi nhận:</i></b>", margin, y, 60, style=Style(size=12))
        for line in ("Như trên;", f"{say.word('office')};", f"Lưu: VT, {say.pick(('KTHT', 'VHXH', 'TCKT', 'NC'))}."):
            below = sheet.paragraph(f"- {line}", margin, below, 62, leading=1.15, style=Style(size=11))
    x, width = sheet.width - 15 - 78, 76
    title = say.word("title").upper()
    deputy = say.chance(0.4)
    top = sheet.paragraph(
        f"{'KT' if deputy else 'TM'}. {'CHỦ TỊCH' if deputy else 'ỦY BAN NHÂN DÂN'}",
        x,
        y,
        width,
        align="center",
        style=Style(size=13, bold=True),
    )
    top = sheet.paragraph(title, x, top, width, align="center", style=Style(size=13, bold=True))
    pen.signature(sheet, x + 22, top + 13, 34, sheet.rng)
    end = sheet.paragraph(say.person(), x, top + 23, width, align="center", style=Style(size=13, bold=True))
    if sealed:
        name = f"Ủy ban nhân dân {say.ward()} * tỉnh {say.province} *"
        pen.seal(sheet, x + 20 + say.number(-4, 4), top + 10 + say.number(-3, 5), name, sheet.rng)
    return end


# Papers


def proposal(sheet, say):
    """Tờ trình."""
    y = letterhead(sheet, say, "TTr")
    y = heading(sheet, "TỜ TRÌNH", y, f"Về việc {say.word('subject')}")
    y = (
        sheet.paragraph(
            f"Kính gửi: {say.word('office')} {say.ward()}", 25, y, 170, align="center", style=Style(size=13)
        )
        + 3
    )
    y = body(sheet, f"<i>{say.legal_basis()}</i>", y)
    y = body(sheet, f"<i>{say.legal_basis()}</i>", y)
    for number, title in enumerate(("Sự cần thiết", "Nội dung đề nghị", "Tổ chức thực hiện")):
        y = body(sheet, f"<b>{ROMAN[number]}. {title.upper()}</b>", y, indent=0)
        y = body(sheet, f"{number + 1}.1. {say.prose(2)}", y)
        if fits(sheet, y, 75):
            y = body(
                sheet,
                f"{number + 1}.2. <b>{capitalised(say.word('action'))}</b> {say.word('thing')}: {say.clause()}.",
                y,
            )
        if not fits(sheet, y, 85):
            break
    signatures(sheet, say, y + 3)


def dispatch(sheet, say):
    """Công văn, registered on arrival."""
    y = letterhead(sheet, say, "", about=say.word("subject"), stamp=True)
    y = sheet.paragraph("Kính gửi:", 55, y, 40, style=Style(size=13))
    for office in say.some(WORDS["office"], say.number(2, 3)):
        y = sheet.paragraph(f"- {office};", 72, y, 115, style=Style(size=13))
    y += 4
    while fits(sheet, y, 88):
        y = body(sheet, say.prose(say.number(1, 3)), y)
    y = body(
        sheet,
        f"Mọi vướng mắc xin liên hệ ông (bà) {say.person()}, điện thoại {say.phone()}, thư điện tử {say.email()}./.",
        y,
    )
    signatures(sheet, say, y + 2)


def notice(sheet, say):
    """Thông báo, with dashes, times and an underlined warning."""
    y = letterhead(sheet, say, "TB")
    y = heading(sheet, "THÔNG BÁO", y, f"Về việc {say.word('subject')}")
    y = body(sheet, say.prose(2), y)
    for letter in "abcd"[: say.number(2, 4)]:
        y = body(sheet, f"{letter}) {say.word('hour')} {say.date()}: {say.clause()};", y, size=13)
    for _ in range(3):
        y = body(
            sheet,
            f"- {capitalised(say.word('people'))} mang căn cước, {say.word('thing')} và bản sao số {say.symbol()};",
            y,
        )
    y = body(sheet, f"<u>Lưu ý:</u> <b><i>{say.sentence()}</i></b>", y)
    if fits(sheet, y, 80):
        y = body(sheet, say.prose(2), y)
    signatures(sheet, say, y + 3)


def minutes(sheet, say):
    """Biên bản, of those present and of what was said; two signatures."""
    y = motto(sheet, say, 25, 16, 170) + 3
    y = heading(sheet, "BIÊN BẢN", y, f"Kiểm tra hiện trạng {say.word('thing')}")
    y = body(
        sheet,
        f"Hôm nay, hồi {say.clock()}, {say.long_date()}, tại {say.address()}, chúng tôi gồm:",
        y,
    )
    for number in range(1, say.number(3, 5)):
        y = (
            sheet.paragraph(f"{number}. Ông (bà): {say.person()}", 33, y, 85, style=Style(size=13))
            - 13 / 72 * 25.4 * 1.25
        )
        y = sheet.paragraph(f"Chức vụ: {say.word('title')}", 120, y, 75, style=Style(size=13)) + 1.2
    y = body(sheet, "<b>Nội dung làm việc:</b>", y + 1, indent=0)
    while fits(sheet, y, 72):
        y = body(sheet, f"- {say.prose(say.number(1, 2))}", y)
    y = body(sheet, f"Biên bản lập thành {say.number(2, 5):02} bản, đã đọc cho mọi người nghe và cùng ký tên.", y)
    for x, name in ((25, "ĐẠI DIỆN CÁC HỘ"), (115, "NGƯỜI GHI BIÊN BẢN")):
        below = sheet.paragraph(name, x, y + 2, 75, align="center", style=Style(size=13, bold=True))
        below = sheet.paragraph("(Ký, ghi rõ họ tên)", x, below, 75, align="center", style=Style(size=12, italic=True))
        pen.signature(sheet, x + 20, below + 9, 32, sheet.rng)
        sheet.paragraph(say.person(), x, below + 17, 75, align="center", style=Style(size=13))


def contract(sheet, say):
    """Hợp đồng: two parties, articles; a page from the middle has its number on top."""
    y = motto(sheet, say, 28, 15, 165) + 2
    y = heading(sheet, "HỢP ĐỒNG CHO THUÊ TÀI SẢN", y, f"(Số: {say.number(1, 99):02}/{say.year}/HĐ-TTS)", margin=28)
    for side, article in (("A", "cho thuê"), ("B", "thuê")):
        y = sheet.paragraph(
            f"<b>BÊN {side} (bên {article}):</b> Ông/Bà <s>{say.person()}</s>", 28, y, 165, style=Style(size=12)
        )
        y = sheet.paragraph(
            f"Sinh ngày: {say.birth()} – CCCD số: {say.identity()} cấp ngày {say.date()}",
            28,
            y,
            165,
            style=Style(size=12),
        )
        y = sheet.paragraph(f"Thường trú: {say.address()}", 28, y, 165, style=Style(size=12))
        y = sheet.paragraph(f"Điện thoại: {say.phone()} – Email: {say.email()}", 28, y, 165, style=Style(size=12)) + 2
    number = 1
    while fits(sheet, y, 62):
        title = say.word("clause_title")
        y = body(sheet, f"<b>Điều {number}. {title}</b>", y, margin=28, size=12, indent=0)
        for point in range(1, say.number(2, 3)):
            y = body(sheet, f"{number}.{point}. {say.sentence()}", y, margin=28, size=12, indent=8, leading=1.15)
        number += 1
    for x, name in ((28, "BÊN A"), (112, "BÊN B")):
        below = sheet.paragraph(name, x, y + 1, 75, align="center", style=Style(size=12, bold=True))
        pen.signature(sheet, x + 22, below + 10, 30, sheet.rng)
        sheet.paragraph(say.person(), x, below + 19, 75, align="center", style=Style(size=12))
    sheet.paragraph(
        f"Trang {say.number(1, 3)}/3", 150, sheet.height - 14, 43, align="right", style=Style(size=10, italic=True)
    )


def regulation(sheet, say):
    """Quy định in two columns with a running head, a note under a rule and a page number."""
    sheet.paragraph(f"QUY ĐỊNH SỐ {say.symbol('QC')}", 18, 11, 90, style=Style(size=9, italic=True))
    sheet.paragraph(f"{say.year}", 150, 11, 42, align="right", style=Style(size=9, italic=True))
    sheet.rule(18, 16.5, 192, 16.5)
    y = heading(sheet, f"<s>Quy định về {say.word('subject')}</s>", 21, margin=20, size=14)
    article, foot = say.number(1, 12), sheet.height - 42
    for x in (18, 108):
        below = y
        while below < foot - 24:
            below = sheet.paragraph(
                f"<b>Điều {article}.</b> {say.word('article')}",
                x,
                below,
                84,
                style=Style(size=11),
            )
            for clause in range(1, say.number(2, 3)):
                if below < foot - 14:
                    below = sheet.paragraph(
                        f"{clause}. {say.sentence()}",
                        x,
                        below,
                        84,
                        align="justify",
                        indent=5,
                        leading=1.2,
                        style=Style(size=11),
                    )
            article, below = article + 1, below + 2
    if say.chance(0.5):
        sheet.rule(105, y, 105, foot)
    sheet.rule(18, sheet.height - 30, 62, sheet.height - 30)
    sheet.paragraph(f"(1) {say.sentence()}", 18, sheet.height - 28, 174, leading=1.15, style=Style(size=9))
    sheet.paragraph(f"– {say.number(2, 40)} –", 85, sheet.height - 14, 40, align="center", style=Style(size=10))


def report(sheet, say):
    """Báo cáo: a middle page, numbered on top, with a table of figures and bullets."""
    sheet.paragraph(str(say.number(2, 9)), 95, 10, 20, align="center", style=Style(size=13))
    y = body(sheet, say.prose(2), 20, indent=0)
    y = body(sheet, f"<b>{say.number(2, 5)}. Kết quả {say.word('subject')}</b>", y, indent=0)
    y = body(sheet, say.prose(2), y)
    y = (
        sheet.paragraph(
            f"<i>Biểu {say.number(1, 9)}. Số liệu {say.number(3, 9)} tháng đầu năm {say.year} (đơn vị: triệu đồng)</i>",
            25,
            y + 1,
            170,
            align="center",
            style=Style(size=12),
        )
        + 1
    )
    rows = [["TT", "Chỉ tiêu", "Kế hoạch", "Thực hiện", "Tỷ lệ (%)"]]
    rows += [
        [str(number), capitalised(say.word("thing")), say.money(), say.money(), say.decimal()]
        for number in range(1, say.number(6, 10))
    ]
    y = (
        sheet.table(
            25,
            y,
            [11, 73, 29, 29, 28],
            rows,
            aligns=["center", "left", "right", "right", "right"],
            tone=say.pick((None, (225, 228, 232))),
            rules=say.pick(("all", "rows")),
        )
        + 4
    )
    while fits(sheet, y, 26):
        y = body(sheet, f"{say.pick('•+–')} {say.prose(say.number(1, 2))}", y, indent=6)


def invitation(sheet, say):
    """Giấy mời on half a sheet, in a double frame."""
    sheet.frame(6, 6, sheet.width - 12, sheet.height - 12, 0.9)
    sheet.frame(7.6, 7.6, sheet.width - 15.2, sheet.height - 15.2, 0.25)
    y = motto(sheet, say, 20, 12, sheet.width - 40, 11)
    y = heading(sheet, "GIẤY MỜI", y + 1, margin=20, size=20)
    lines = (
        f"<i>Trân trọng kính mời:</i> <b>{say.person()}</b>",
        f"Đến dự: <b>Hội nghị {say.word('subject')}</b>",
        f"Thời gian: {say.word('hour')}, {say.long_date()}",
        f"Địa điểm: Hội trường {say.word('office')}, {say.street_address()}, {say.ward()}",
        f"<i>{say.sentence()}</i>",
        f"Xin vui lòng xác nhận trước ngày {say.date(mark='-')} qua số {say.phone()} hoặc {say.email()}.",
    )
    for line in lines:
        y = sheet.paragraph(line, 20, y, sheet.width - 38, style=Style(size=12)) + 0.8
    signatures(sheet, say, y + 1, margin=20, recipients=False)


def contents(sheet, say):
    """Mục lục hồ sơ with leaders to page numbers; a note in the margin."""
    y = heading(sheet, "MỤC LỤC", 22, f"Hồ sơ số {say.dossier()}")
    page = 1
    for number in range(1, say.number(15, 20)):
        title = f"{number}. {say.word('paper')} số {say.symbol()} {say.pick(('về', 'v/v'))} {say.word('subject')}"
        y = sheet.entry(title, str(page), 38, y, 150, Style(size=12)) + 2.2
        page += say.number(1, 14)
    note = sheet.paragraph("<i>Ghi chú:</i>", 12, y + 4, 22, style=Style(size=9))
    y = sheet.paragraph(say.sentence(), 12, note, 22, style=Style(size=9))
    sheet.paragraph(
        f"Người lập: {say.person()} – {say.date()}", 25, y + 8, 165, align="right", style=Style(size=12, italic=True)
    )
