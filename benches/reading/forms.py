"""Papers that people fill in, and lists: each function fills a sheet, in reading order.

`value` is how an answer is marked up: written by hand on the papers that are, typed on the others.
"""

import pen
from language import capitalised, thousands
from letters import body, fits, heading, letterhead, motto
from sheet import Style, px


def field(sheet, label, answer, x, y, width, size=13.0):
    """A label and the answer to it on a dotted leader."""
    if "<h>" not in answer:
        end = sheet.paragraph(f"{label} {answer}", x, y, width, style=Style(size=size))
        last = sheet.words[-1]
        right = px(x + width)
        sheet.dots(min(right, last["x"] + last["w"] + px(2)), right, px(end - 1.0))
        return end + 1.6
    return sheet.paragraph(f"{label} {answer}", x, y, width, leading=1.5, style=Style(size=size)) + 0.6


def filled(written):
    """The mark-up of answers."""
    return (lambda text: f"<h>{text}</h>") if written else (lambda text: text)


def closing(sheet, say, y, value, role, x=112):
    """Place, day, role and name of the one who signs."""
    y = sheet.paragraph(
        f"<i>{say.ward_name}, {say.long_date()}</i>", x, y + 2, 80, align="center", style=Style(size=13)
    )
    y = sheet.paragraph(role, x, y, 80, align="center", style=Style(size=13, bold=True))
    y = sheet.paragraph("(Ký và ghi rõ họ tên)", x, y, 80, align="center", style=Style(size=12, italic=True))
    pen.signature(sheet, x + 22, y + 10, 32, sheet.rng)
    return sheet.paragraph(value(say.person()), x, y + 18, 80, align="center", style=Style(size=13), leader=False)


def petition(sheet, say, written):
    """Đơn đề nghị with leaders."""
    value = filled(written)
    y = motto(sheet, say, 25, 16, 170, 13) + 4
    y = heading(sheet, "ĐƠN ĐỀ NGHỊ", y, f"(V/v {say.word('subject')})")
    y = field(sheet, "Kính gửi:", value(f"{say.committee()}"), 40, y, 140)
    y = field(sheet, "Tôi tên là:", value(say.person()), 25, y, 170)
    y = field(sheet, "Sinh ngày:", value(say.birth()), 25, y, 80) - (
        13 / 72 * 25.4 * (1.5 if written else 1.25) + (0.6 if written else 1.6)
    )
    y = field(sheet, "Dân tộc:", value(say.word("ethnic")), 110, y, 85)
    y = field(sheet, "Số căn cước:", value(say.identity()), 25, y, 170)
    y = field(sheet, "Nơi cư trú:", value(say.address()), 25, y, 170)
    y = field(sheet, "Nghề nghiệp:", value(say.word("job")), 25, y, 170)
    y = field(sheet, "Nội dung đề nghị:", value(say.sentence()), 25, y, 170)
    if not written:
        y = body(sheet, say.prose(3), y + 1)
    y = field(sheet, "Giấy tờ kèm theo:", value(f"bản sao hợp đồng số {say.symbol()}"), 25, y, 170)
    y = body(
        sheet,
        "Tôi xin cam đoan những lời khai trên là đúng; nếu sai, tôi hoàn toàn chịu trách nhiệm trước pháp luật.",
        y + 1,
    )
    if say.chance(0.5):
        for _ in range(2):
            sheet.leader(25, y + 5, 170)
            y += 8
    closing(sheet, say, y, value, "NGƯỜI LÀM ĐƠN")


def declaration(sheet, say, written):
    """Tờ khai: a form number, digits in boxes, squares to tick, a table of the household."""
    value = filled(written)
    sheet.paragraph(f"Mẫu số {say.number(1, 9):02}/TK-CT", 150, 9, 45, align="right", style=Style(size=10, italic=True))
    y = motto(sheet, say, 25, 15, 170) + 2
    y = heading(sheet, "TỜ KHAI THAY ĐỔI THÔNG TIN CƯ TRÚ", y)
    y = field(
        sheet, "1. Họ, chữ đệm và tên:", value(say.person().upper() if not written else say.person()), 25, y, 170, 12
    )
    y = digits(sheet, "2. Số định danh cá nhân:", say.identity(), written, 25, y)
    y = choice(sheet, "3. Giới tính:", ("Nam", "Nữ"), say, 25, y)
    y = field(sheet, "4. Ngày, tháng, năm sinh:", value(say.birth()), 25, y, 170, 12)
    y = field(sheet, "5. Nơi thường trú:", value(say.address()), 25, y, 170, 12)
    y = field(sheet, "6. Số điện thoại:", value(say.phone()), 25, y, 80, 12) - (
        12 / 72 * 25.4 * (1.5 if written else 1.25) + (0.6 if written else 1.6)
    )
    y = field(sheet, "7. Email:", value(say.email()), 110, y, 85, 12)
    y = choice(sheet, "8. Nội dung:", ("Đăng ký thường trú", "Tạm trú", "Xóa đăng ký"), say, 25, y)
    y = sheet.paragraph("9. Những thành viên trong hộ gia đình cùng thay đổi:", 25, y, 170, style=Style(size=12)) + 1.5
    rows = [["TT", "Họ, chữ đệm và tên", "Ngày sinh", "Giới tính", "Số định danh cá nhân", "Quan hệ"]]
    for number in range(1, say.number(4, 7)):
        relation = say.word("relation")
        rows.append(
            [
                str(number),
                value(say.person()),
                value(say.birth()),
                value(say.pick(("Nam", "Nữ"))),
                value(say.identity()),
                value(relation),
            ]
        )
    y = (
        sheet.table(
            25,
            y,
            [10, 50, 27, 17, 41, 25],
            rows,
            aligns=["center", "left", "center", "center", "center", "left"],
            style=Style(size=11),
        )
        + 3
    )
    for x, role in ((25, "Ý KIẾN CỦA CHỦ HỘ"), (112, "NGƯỜI KÊ KHAI")):
        below = sheet.paragraph(role, x, y, 80, align="center", style=Style(size=12, bold=True))
        below = sheet.paragraph("(Ký, ghi rõ họ tên)", x, below, 80, align="center", style=Style(size=11, italic=True))
        pen.signature(sheet, x + 24, below + 8, 30, sheet.rng)
        sheet.paragraph(value(say.person()), x, below + 15, 80, align="center", style=Style(size=12), leader=False)


def digits(sheet, label, number, written, x, y, size=12):
    """A number with each digit in a box of its own; read as one word."""
    style = Style(size=size)
    sheet.paragraph(label, x, y + 1, 60, style=style)
    last = sheet.words[-1]
    left, pitch = (last["x"] + last["w"]) * 25.4 / 300 + 3, 6.4
    first = len(sheet.words)
    for place, digit in enumerate(number):
        sheet.frame(left + place * pitch, y, pitch, 7)
        sheet.line(
            [sheet.measured(f"<h>{digit}</h>" if written else digit, style)[0]],
            px(left + place * pitch),
            px(y + 5.2),
            px(pitch),
            "center",
            False,
        )
    sheet.join_words(first)
    return y + 8.5


def choice(sheet, label, answers, say, x, y, size=12):
    """A label and answers, each after a square, one of them ticked."""
    style = Style(size=size)
    sheet.paragraph(label, x, y, 60, style=style)
    at = (sheet.words[-1]["x"] + sheet.words[-1]["w"]) * 25.4 / 300 + 5
    right = say.number(0, len(answers) - 1)
    for number, answer in enumerate(answers):
        sheet.box(at, y + 0.8, ticked=number == right)
        sheet.paragraph(answer, at + 5.5, y, 60, style=style)
        at = (sheet.words[-1]["x"] + sheet.words[-1]["w"]) * 25.4 / 300 + 9
    return y + size / 72 * 25.4 * 1.25 + 1.8


def register(sheet, say, written):
    """Danh sách of many columns on a page that lies on its side."""
    y = letterhead(sheet, say, "DS", margin=18, top=12)
    y = heading(
        sheet,
        f"DANH SÁCH {say.pick(('HỘ ĐƯỢC HỖ TRỢ', 'CỬ TRI', 'CÔNG DÂN ĐỦ ĐIỀU KIỆN'))} NĂM {say.year}",
        y,
        f"(Kèm theo Thông báo số {say.symbol('TB')})",
        margin=18,
        size=14,
    )
    rows = [
        [
            "STT",
            "Họ và tên",
            "Năm sinh",
            "Số căn cước",
            "Thôn, xóm",
            "Dân tộc",
            "Nghề nghiệp",
            "Số tiền (đồng)",
            "Ký nhận",
        ]
    ]
    value, size = filled(written), say.pick((9, 10, 10.5))
    total = 0
    for number in range(1, say.number(9, 14)):
        amount = say.number(200, 9800)
        total += amount
        rows.append(
            [
                str(number),
                value(say.person()),
                value(say.birth()),
                value(say.identity()),
                value(capitalised(say.word("hamlet"))),
                value(say.word("ethnic")),
                value(say.word("job")),
                value(thousands(amount)),
                "",
            ]
        )
    rows.append(["", "<b>Cộng</b>", "", "", "", "", "", f"<b>{thousands(total)}</b>", ""])
    aligns = ["center", "left", "center", "center", "left", "center", "left", "right", "left"]
    y = (
        sheet.table(
            15,
            y,
            [11, 45, 25, 31, 40, 18, 36, 32, 29],
            rows,
            aligns=aligns,
            style=Style(size=size),
            tone=say.pick((None, (232, 232, 225))),
        )
        + 2
    )
    y = sheet.paragraph(f"<i>Bằng chữ: {say.in_words(total)}./.</i>", 18, y, 200, style=Style(size=11))
    sheet.paragraph("NGƯỜI LẬP BIỂU", 30, y, 80, align="center", style=Style(size=12, bold=True))
    sheet.paragraph("THỦ TRƯỞNG ĐƠN VỊ", 190, y, 80, align="center", style=Style(size=12, bold=True))
    pen.signature(sheet, 212, y + 13, 34, sheet.rng)


def receipt(sheet, say, written):
    """Biên lai on half a sheet: serial numbers, a table of goods, the sum in words."""
    value = filled(written)
    y = sheet.paragraph(f"{say.word('office').upper()}", 12, 10, 100, style=Style(size=11, bold=True))
    y = sheet.paragraph(f"Địa chỉ: {say.street_address()}, {say.ward()}", 12, y, 105, style=Style(size=10))
    side = sheet.paragraph(
        f"Ký hiệu: {say.pick(('AA', 'KT', 'BL'))}/{say.year % 100}E", 150, 10, 48, style=Style(size=10)
    )
    side = sheet.paragraph(
        f"Số: <b>{say.number(1, 9999999):07}</b>", 150, side, 48, style=Style(size=11, ink=(190, 30, 40))
    )
    y = heading(sheet, "BIÊN LAI THU TIỀN", max(y, side) + 2, margin=12, size=16)
    y = field(sheet, "Họ tên người nộp:", value(say.person()), 12, y - 2, 185, 11)
    y = field(sheet, "Địa chỉ:", value(say.address()), 12, y, 185, 11)
    rows, total = [["STT", "Nội dung thu", "ĐVT", "Số lượng", "Đơn giá", "Thành tiền"]], 0
    for number in range(1, say.number(3, 4)):
        count, price = say.number(1, 12), say.number(5, 480)
        total += count * price
        fee = say.word("fee")
        row = [
            str(number),
            value(fee),
            value(say.pick(("bản", "trang", "hộ", "tháng"))),
            value(str(count)),
            value(thousands(price)),
            value(thousands(count * price)),
        ]
        rows.append(row)
    rows.append(["", "<b>Tổng cộng</b>", "", "", "", value(thousands(total))])
    y = (
        sheet.table(
            12,
            y + 1,
            [12, 70, 20, 22, 28, 33],
            rows,
            aligns=["center", "left", "center", "right", "right", "right"],
            style=Style(size=10.5),
        )
        + 2
    )
    y = field(sheet, "Số tiền bằng chữ:", value(say.in_words(total)), 12, y, 185, 11)
    for x, role in ((15, "Người nộp tiền"), (115, "Người thu tiền")):
        below = sheet.paragraph(role, x, y + 1, 70, align="center", style=Style(size=11, bold=True))
        pen.signature(sheet, x + 20, below + 8, 30, sheet.rng)
    if say.chance(0.6):
        pen.seal(sheet, 135, y + 12, f"{say.committee()} * {say.province} *", sheet.rng, radius=15)


def certificate(sheet, say, written):
    """Giấy xác nhận: a citizen's half and an office's half, a seal over the text."""
    value = filled(written)
    y = letterhead(sheet, say, "GXN")
    y = heading(sheet, "GIẤY XÁC NHẬN", y, "Tình trạng nhà ở, đất ở")
    y = body(sheet, f"{say.committee()}, tỉnh {say.province} xác nhận:", y)
    y = field(sheet, "Ông/Bà:", value(say.person()), 25, y, 170)
    y = field(sheet, "Sinh năm:", value(say.birth()), 25, y, 170)
    y = field(sheet, "Giấy tờ tùy thân:", value(f"CCCD số {say.identity()}"), 25, y, 170)
    y = field(sheet, "Cấp ngày:", value(say.date()), 25, y, 170)
    y = field(sheet, "Hiện cư trú tại:", value(say.address()), 25, y, 170)
    y = field(
        sheet,
        "Thửa đất số:",
        value(f"{say.number(1, 900)}, tờ bản đồ số {say.number(1, 60)}, diện tích {say.decimal()} m2"),
        25,
        y,
        170,
    )
    y = body(sheet, say.prose(3), y + 1)
    y = body(sheet, f"Giấy này có giá trị {say.pick(('sáu', 'mười hai', 'hai mươi bốn'))} tháng kể từ ngày ký.", y)
    x = 112
    y = sheet.paragraph(say.word("title").upper(), x, y + 4, 80, align="center", style=Style(size=13, bold=True))
    pen.signature(sheet, x + 20, y + 12, 36, sheet.rng)
    sheet.paragraph(say.person(), x, y + 22, 80, align="center", style=Style(size=13, bold=True))
    pen.seal(sheet, x + 14 + say.number(0, 6), y + 13, f"{say.committee()} * tỉnh {say.province} *", sheet.rng)


def slip(sheet, say, written):
    """Giấy tiếp nhận hồ sơ: answers in a frame, a numbered list of papers, times by hand."""
    value = filled(written)
    y = letterhead(sheet, say, "BPTN", top=14)
    y = heading(sheet, "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ", y, f"Mã hồ sơ: {say.dossier()}", size=14)
    sheet.shade(25, y, 170, 27, (238, 241, 246))
    sheet.frame(25, y, 170, 27, 0.3)
    for label, answer in (
        ("Tiếp nhận hồ sơ của:", say.person()),
        ("Địa chỉ:", say.address()),
        ("Số điện thoại:", f"{say.phone()}   Email: {say.email()}"),
        ("Nội dung yêu cầu giải quyết:", say.word("subject")),
    ):
        y = sheet.paragraph(f"{label} <b>{answer}</b>", 28, y + 1, 164, leading=1.2, style=Style(size=12))
    y = sheet.paragraph("Thành phần hồ sơ nộp gồm:", 25, y + 5, 170, style=Style(size=12)) + 1
    rows = [["TT", "Tên giấy tờ", "Bản chính", "Bản sao", "Ghi chú"]]
    for number in range(1, say.number(4, 7)):
        name = (
            f"{say.pick(('Đơn', 'Bản vẽ', 'Trích lục', 'Biên bản', 'Hợp đồng', 'Giấy ủy quyền'))} {say.word('subject')}"
        )
        rows.append([str(number), name, value(str(say.number(0, 3))), value(str(say.number(0, 3))), ""])
    y = (
        sheet.table(
            25,
            y,
            [12, 92, 23, 20, 23],
            rows,
            aligns=["center", "left", "center", "center", "left"],
            style=Style(size=11),
        )
        + 3
    )
    y = field(
        sheet,
        "Thời gian nhận hồ sơ:",
        value(f"{say.clock()}, ngày {say.date()}"),
        25,
        y,
        170,
        12,
    )
    y = field(
        sheet,
        "Thời gian trả kết quả:",
        value(f"{say.clock()}, ngày {say.date()}"),
        25,
        y,
        170,
        12,
    )
    y = body(sheet, f"Đăng ký nhận kết quả tại: {say.word('office')}, {say.street_address()}.", y, size=12)
    if fits(sheet, y, 50):
        closing(sheet, say, y, value, "NGƯỜI TIẾP NHẬN HỒ SƠ")
