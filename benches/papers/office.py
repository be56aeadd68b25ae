"""Papers that a commune's office issues."""

from language import capitalised
from sheet import Style

TITLES = (
    ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"),
    ("KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH"),
    (None, "CHỦ TỊCH"),
    ("TL. CHỦ TỊCH", "CHÁNH VĂN PHÒNG"),
)


def end(paper):
    """Recipients and signer."""
    above, title = paper.say.pick(TITLES)
    paper.recipients()
    paper.signed(title, above=above)


def titled(paper, kind, heading, symbols, about="Về việc {}"):
    """The head and the heading with its abstract."""
    paper.kind = kind
    say = paper.say
    paper.letterhead(say.pick(symbols), superior=say.chance(0.7))
    paper.heading(heading, say.pick((14, 15, 16)))
    subject = say.word("subject")
    paper.fact("abstract", capitalised(subject), "near")
    paper.y = paper.sheet.paragraph(
        about.format(subject),
        paper.way.margin + 14,
        paper.y,
        paper.span - 28,
        align="center",
        style=Style(size=13, bold=say.chance(0.7)),
    )
    paper.sheet.rule(paper.width / 2 - 14, paper.y + 0.8, paper.width / 2 + 20, paper.y + 0.8)
    paper.y += 4


def to(paper):
    """Whom it is for."""
    paper.line(f"Kính gửi: {paper.say.word('office')} {paper.say.ward()}.", align="center")


def decision(paper):
    """Quyết định."""
    say = paper.say
    titled(paper, "quyet-dinh", "QUYẾT ĐỊNH", ("QĐ-UBND", "QĐ-CTUBND", "QĐ-UBND"), say.pick(("Về việc {}", "V/v {}")))
    paper.heading(f"CHỦ TỊCH ỦY BAN NHÂN DÂN {say.ward().upper()}", 13)
    for _ in range(say.number(2, 3)):
        paper.line(f"<i>{say.legal_basis()}</i>", indent=10)
    paper.heading("QUYẾT ĐỊNH:", 13)
    for number in (1, 2, 3):
        paper.line(f"<b>Điều {number}.</b> {say.prose(2)}", align="justify", indent=10)
    end(paper)


def dispatch(paper):
    """Công văn."""
    say = paper.say
    paper.kind = "cong-van"
    subject = say.word("subject")
    paper.letterhead(f"UBND-{say.pick(('VP', 'VHXH', 'KT', 'TP', 'NV'))}", about=subject, superior=say.chance(0.6))
    paper.fact("abstract", capitalised(subject), "near")
    to(paper)
    for _ in range(3):
        paper.prose(3)
    end(paper)


def notice(paper):
    """Thông báo."""
    titled(paper, "thong-bao", "THÔNG BÁO", ("TB-UBND", "TB-UBND", "TB-HĐND"), paper.say.pick(("Về việc {}", "V/v {}")))
    paper.prose(3)
    for number in (1, 2, 3):
        paper.line(f"{number}. {paper.say.prose(2)}", align="justify", indent=10)
    end(paper)


def proposal(paper):
    """Tờ trình."""
    titled(paper, "to-trinh", "TỜ TRÌNH", ("TTr-UBND", "TTr-VP"))
    to(paper)
    for _ in range(3):
        paper.prose(2)
    end(paper)


def report(paper):
    """Báo cáo."""
    titled(paper, "bao-cao", "BÁO CÁO", ("BC-UBND", "BC-VP", "BC-HĐND"), paper.say.pick(("Về việc {}", "Kết quả {}")))
    # Only an opening is left out of the abstract.
    paper.fields.pop("abstract")
    for title in ("I. KẾT QUẢ THỰC HIỆN", "II. TỒN TẠI, HẠN CHẾ", "III. KIẾN NGHỊ"):
        paper.line(f"<b>{title}</b>")
        paper.prose(2)
    end(paper)


def minutes(paper):
    """Biên bản: of half of them the head has no number."""
    say = paper.say
    titled(paper, "bien-ban", "BIÊN BẢN", ("BB-UBND", "BB-HĐND"))
    paper.line(
        f"Hôm nay, vào hồi {say.number(7, 11)} giờ {say.number(0, 59):02} phút, "
        f"{say.long_date()}, tại {say.word('office')}, chúng tôi gồm có:"
    )
    for role in ("Chủ trì", "Thư ký", "Đại diện hộ gia đình"):
        paper.line(f"- {role}: {say.pick(('Ông', 'Bà'))} {say.person()}, {say.word('job')}")
    paper.prose(4)
    paper.line("Biên bản được lập thành 03 bản có giá trị như nhau.")
    y = paper.y
    paper.signed("THƯ KÝ", sealed=False, x=paper.way.margin, named=False)
    paper.y = y
    paper.signed("CHỦ TRÌ", sealed=False, named=False)


def invitation(paper):
    """Giấy mời: when and where stand behind labels."""
    say = paper.say
    titled(paper, "giay-moi", "GIẤY MỜI", ("GM-UBND", "GM-VP"), "Họp {}")
    paper.fields.pop("abstract")
    to(paper)
    paper.prose(1)
    hours = f"{say.number(7, 16)} giờ {say.pick(('00', '30'))} phút, {say.long_date()}"
    paper.row((say.pick(("Thời gian:", "- Thời gian:", "1. Thời gian:")), hours, "time", "near"))
    paper.row(
        (say.pick(("Địa điểm:", "- Địa điểm:", "2. Địa điểm:")), f"Hội trường {say.word('office')}", "venue", "near")
    )
    paper.line("Rất mong các đồng chí có mặt đúng thời gian để cuộc họp đạt kết quả tốt./.", indent=10)
    end(paper)


def certificate(paper):
    """Giấy xác nhận."""
    say = paper.say
    paper.kind = "giay-xac-nhan"
    paper.letterhead(say.pick(("GXN-UBND", "XN-UBND")), superior=say.chance(0.5))
    paper.heading("GIẤY XÁC NHẬN")
    paper.y += 3
    who = paper.someone()
    paper.line(f"Ủy ban nhân dân {say.ward()}, tỉnh {say.province} xác nhận:", indent=10)
    paper.row((say.pick(("Ông (bà):", "Ông/Bà:", "Họ và tên:", "Họ và tên ông (bà):")), who.name, "owner", "name"))
    paper.row(
        (say.pick(("Sinh ngày:", "Ngày sinh:", "Ngày, tháng, năm sinh:")), paper.day(who.born), "birth_date", "day")
    )
    paper.row(
        (say.pick(("Số định danh cá nhân/CCCD:", "Số CCCD:", "CCCD số:", "Số căn cước:")), who.identity, "id_number")
    )
    paper.row(
        (
            say.pick(("Nơi thường trú:", "Địa chỉ thường trú:", "Hiện cư trú tại:", "Nơi cư trú:")),
            who.address,
            "residence",
            "near",
        )
    )
    paper.prose(3)
    above, title = say.pick(TITLES)
    paper.signed(title, above=above)
