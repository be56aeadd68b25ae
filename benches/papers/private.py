"""Papers that citizens write, contracts, land certificates, and what the counter gives for a dossier."""

from language import capitalised
from sheet import Style


def ended(paper, title, note="(Ký, ghi rõ họ tên)"):
    paper.signed(title, note=note, sealed=False, dated=True)


def authority(paper):
    """Giấy ủy quyền; half of them by hand."""
    say = paper.say
    paper.kind = "giay-uy-quyen"
    paper.motto()
    paper.heading(say.pick(("GIẤY ỦY QUYỀN", "GIẤY UỶ QUYỀN")), 16)
    paper.y += 3
    paper.written = say.chance(0.4)
    first, second = paper.someone(old=1998), paper.someone(old=2002)
    roman = say.chance(0.5)
    paper.line(f"<b>{'I. ' if roman else ''}{say.pick(('BÊN ỦY QUYỀN', 'Bên ủy quyền', 'NGƯỜI ỦY QUYỀN'))}:</b>")
    name, born, number = (
        say.pick(("Họ và tên:", "Ông/Bà:", "Tôi tên là:")),
        say.pick(("Ngày sinh:", "Sinh ngày:", "Ngày, tháng, năm sinh:")),
        say.pick(("CCCD số:", "Số CCCD:", "Căn cước công dân số:", "Số định danh cá nhân:")),
    )
    paper.row((name, first.name, "owner", "name"))
    paper.row((born, paper.day(first.born), "birth_date", "day"))
    paper.row((number, first.identity, "id_number"))
    paper.row(("Nơi thường trú:", first.address))
    paper.line(
        f"<b>{'II. ' if roman else ''}"
        f"{say.pick(('BÊN ĐƯỢC ỦY QUYỀN', 'Bên được ủy quyền', 'NGƯỜI ĐƯỢC ỦY QUYỀN'))}:</b>"
    )
    paper.row((name, second.name))
    paper.row((born, paper.day(second.born)))
    paper.row((number, second.identity))
    paper.row(("Nơi thường trú:", second.address))
    scope = f"Thay mặt tôi nộp hồ sơ và nhận kết quả {say.word('subject')}"
    paper.row((say.pick(("Nội dung ủy quyền:", "Phạm vi ủy quyền:")), scope, "scope", "near"))
    paper.row(("Thời hạn ủy quyền:", f"{say.number(3, 12):02} tháng kể từ ngày ký", "validity", "near"))
    ended(paper, say.pick(("NGƯỜI ỦY QUYỀN", "BÊN ỦY QUYỀN")))


def contract(paper):
    """Hợp đồng: of a gift or a sale of land."""
    say = paper.say
    paper.kind = "hop-dong"
    paper.motto()
    gift = say.chance(0.5)
    paper.heading("HỢP ĐỒNG TẶNG CHO QUYỀN SỬ DỤNG ĐẤT" if gift else "HỢP ĐỒNG CHUYỂN NHƯỢNG QUYỀN SỬ DỤNG ĐẤT", 15)
    whole = f"{say.number(1, 900)}/{say.year}/{say.pick(('HĐ-TCQSDĐ', 'HĐ-CNQSDĐ', 'HĐ'))}"
    paper.y = (
        paper.sheet.paragraph(
            f"Số: {whole}", paper.way.margin, paper.y, paper.span, align="center", style=Style(size=13)
        )
        + 2
    )
    paper.fact("number", whole)
    parties = (
        ("party_a", "Bên tặng cho" if gift else "Bên chuyển nhượng", "A"),
        ("party_b", "Bên được tặng cho" if gift else "Bên nhận chuyển nhượng", "B"),
    )
    for name, title, letter in parties:
        who = paper.someone(old=2000)
        said = f"{say.pick(('Ông', 'Bà'))} {who.name}"
        paper.row((f"{title} (Bên {letter}):" if say.chance(0.5) else f"Bên {letter}:", said, name, "near"))
        paper.row(("Sinh ngày:", paper.day(who.born)))
        paper.row(("Căn cước công dân số:", who.identity))
        paper.row(("Địa chỉ:", who.address))
    paper.line("<b>Điều 1. Đối tượng của hợp đồng</b>")
    paper.row(
        (say.pick(("Thửa đất số:", "- Thửa đất số:")), str(say.number(1, 900)), "parcel"),
        ("Tờ bản đồ số:", str(say.number(1, 60)), "map_sheet"),
    )
    paper.row(("Diện tích:", f"{say.decimal()} m2"))
    if not gift:
        paper.row(("Giá chuyển nhượng:", f"{say.money()} đồng", "price", "near"))
    for number in (2, 3):
        paper.line(f"<b>Điều {number}.</b> {say.prose(2)}", align="justify")
    y = paper.y
    paper.signed("BÊN A", note="(Ký, ghi rõ họ tên)", sealed=False, x=paper.way.margin, named=False)
    paper.y = y
    paper.signed("BÊN B", note="(Ký, ghi rõ họ tên)", sealed=False, named=False)


def petition(paper):
    """Đơn đề nghị; half of them by hand."""
    say = paper.say
    paper.kind = "don-de-nghi"
    paper.motto()
    subject = say.word("subject")
    paper.heading(say.pick(("ĐƠN ĐỀ NGHỊ", "ĐƠN XIN XÁC NHẬN", "ĐƠN ĐỀ NGHỊ HỖ TRỢ")), 16)
    paper.y = (
        paper.sheet.paragraph(
            f"(V/v {subject})", paper.way.margin, paper.y, paper.span, align="center", style=Style(size=13, italic=True)
        )
        + 3
    )
    paper.written = say.chance(0.4)
    who = paper.someone()
    paper.row(("Kính gửi:", f"Ủy ban nhân dân {say.ward()}", "addressee", "near"), x=40, width=150)
    paper.row(
        (
            say.pick(("Tôi tên là:", "Tên tôi là:", "Họ và tên:", "Họ và tên người làm đơn:")),
            who.name,
            "applicant",
            "name",
        )
    )
    paper.row(
        (
            say.pick(("Sinh ngày:", "Ngày, tháng, năm sinh:", "Ngày sinh:")),
            paper.day(who.born),
            "applicant_birth_date",
            "day",
        ),
        ("Giới tính:", who.sex),
    )
    paper.row(
        (say.pick(("Số CCCD:", "CCCD số:", "Số định danh cá nhân:", "Số căn cước:")), who.identity, "applicant_id")
    )
    paper.row(
        (
            say.pick(("Nơi cư trú:", "Địa chỉ thường trú:", "Nơi thường trú:", "Địa chỉ:")),
            who.address,
            "applicant_residence",
            "near",
        )
    )
    paper.row(
        (
            say.pick(("Số điện thoại:", "Điện thoại:", "Điện thoại liên hệ:")),
            f"0{say.number(31, 98)}{say.number(1000000, 9999999)}",
            "phone",
        )
    )
    paper.line(f"Nay tôi làm đơn này đề nghị {say.clause()}.", indent=10)
    paper.prose(2)
    paper.line("Tôi xin cam đoan những nội dung trên là đúng sự thật.", indent=10)
    ended(paper, say.pick(("NGƯỜI LÀM ĐƠN", "Người làm đơn", "NGƯỜI VIẾT ĐƠN")))


def land(paper):
    """Giấy chứng nhận quyền sử dụng đất, its second page."""
    say = paper.say
    paper.kind = "quyen-su-dung-dat"
    paper.motto()
    paper.heading("GIẤY CHỨNG NHẬN", 18)
    paper.heading(
        say.pick(("QUYỀN SỬ DỤNG ĐẤT", "QUYỀN SỬ DỤNG ĐẤT, QUYỀN SỞ HỮU NHÀ Ở VÀ TÀI SẢN KHÁC GẮN LIỀN VỚI ĐẤT")), 13
    )
    paper.y += 2
    who = paper.someone(old=1995)
    paper.line(
        "<b>I. Người sử dụng đất, chủ sở hữu nhà ở và tài sản khác gắn liền với đất</b>"
        if say.chance(0.5)
        else "<b>I. Tên người sử dụng đất</b>"
    )
    paper.row((say.pick(("Ông:", "Bà:", "Ông", "Hộ ông:")), who.name, "owner", "name"))
    paper.row((say.pick(("CCCD số:", "Số CCCD:", "CMND/CCCD số:", "Số định danh cá nhân:")), who.identity, "id_number"))
    paper.row(("Địa chỉ thường trú:", who.address))
    paper.line("<b>II. Thửa đất, nhà ở và tài sản khác gắn liền với đất</b>")
    paper.line("1. Thửa đất:")
    area = say.decimal() if say.chance(0.6) else f"{say.number(60, 4000)}"
    left, right = (
        ("a) Thửa đất số:", str(say.number(1, 900)), "parcel"),
        ("Tờ bản đồ số:", str(say.number(1, 90)), "map_sheet"),
    )
    if say.chance(0.5):
        paper.row(left, right)
    else:
        paper.row(left)
        paper.row(right)
    paper.row(("b) Địa chỉ:", f"{say.word('hamlet')}, {say.ward()}, tỉnh {say.province}", "address", "near"))
    spoken = f" (bằng chữ: {say.pick(('Một trăm', 'Hai trăm', 'Ba trăm'))} mét vuông)" if say.chance(0.4) else ""
    paper.row(("c) Diện tích:", f"{area} {say.pick(('m²', 'm2'))}{spoken}"))
    paper.fact("area", area.replace(",", "."), "number")
    paper.row(("d) Hình thức sử dụng:", say.pick(("Sử dụng riêng", "Sử dụng chung")), "use_form"))
    paper.row(
        (
            say.pick(("đ) Mục đích sử dụng:", "đ) Mục đích sử dụng đất:", "đ) Loại đất:")),
            say.pick(("Đất ở tại nông thôn", "Đất trồng cây lâu năm", "Đất chuyên trồng lúa nước")),
            "purpose",
            "near",
        )
    )
    paper.row(
        (
            "e) Thời hạn sử dụng:",
            say.pick(("Lâu dài", f"Đến ngày 15/10/{say.number(2043, 2066)}")),
            "valid_until",
            "near",
        )
    )
    paper.row(
        (
            "g) Nguồn gốc sử dụng:",
            say.pick(
                (
                    "Công nhận QSDĐ như giao đất có thu tiền sử dụng đất",
                    "Nhận tặng cho quyền sử dụng đất",
                    "Nhà nước giao đất không thu tiền",
                )
            ),
            "origin",
            "near",
        )
    )
    paper.line("2. Nhà ở: -/-")
    paper.signed(
        say.pick(("CHỦ TỊCH", "PHÓ CHỦ TỊCH", "GIÁM ĐỐC")), above=say.pick(("TM. ỦY BAN NHÂN DÂN", None)), dated=True
    )
    register = f"{say.pick(('CH', 'CS', 'VP'))}{say.number(100, 99999):05}"
    paper.y = max(paper.y + 42, 270.0)
    paper.line(f"Số vào sổ cấp GCN: {paper.fact('register_number', register)}")


def slip(paper):
    """Giấy tiếp nhận hồ sơ và hẹn trả kết quả."""
    say = paper.say
    paper.kind = "phieu-tiep-nhan"
    top = paper.y
    ward = f"UBND {say.ward().upper()}"
    paper.sheet.paragraph(ward, paper.way.margin - 4, top, 70, align="center", style=Style(size=12))
    paper.sheet.paragraph(
        "TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG",
        paper.way.margin - 4,
        top + 5.5,
        70,
        align="center",
        style=Style(size=11, bold=True),
    )
    paper.sheet.paragraph(
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 110, top, 90, align="center", style=Style(size=11, bold=True)
    )
    paper.sheet.paragraph(
        "Độc lập - Tự do - Hạnh phúc", 110, top + 5.5, 90, align="center", style=Style(size=12, bold=True)
    )
    dossier = say.dossier()
    paper.fact("dossier", dossier)
    paper.y = top + 18
    paper.row(("Mã hồ sơ:", dossier))
    paper.heading("GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ", 14)
    paper.y += 3
    who = paper.someone()
    paper.row(
        (
            say.pick(("Tiếp nhận hồ sơ của:", "Tiếp nhận hồ sơ của ông/bà:", "Họ và tên người nộp:")),
            who.name,
            "applicant",
            "name",
        )
    )
    paper.row(("Địa chỉ:", who.address))
    paper.row(
        ("Số điện thoại:", f"0{say.number(31, 98)}{say.number(1000000, 9999999)}", "phone"), ("Email:", say.email())
    )
    paper.row(("Nội dung yêu cầu giải quyết:", capitalised(say.word("subject")), "procedure_name", "near"))
    paper.line("Thành phần hồ sơ nộp gồm:")
    for number in (1, 2, 3):
        paper.line(
            f"{number}. {say.pick(('Tờ khai', 'Bản sao', 'Giấy chứng sinh', 'Hợp đồng'))} "
            f"{say.word('subject')} (01 bản)"
        )
    paper.row(("Số lượng hồ sơ:", "01 (bộ)"))
    for label, name in (
        (say.pick(("Thời gian nhận hồ sơ:", "Ngày tiếp nhận:")), "received_date"),
        (
            say.pick(("Thời gian trả kết quả giải quyết hồ sơ:", "Thời gian trả kết quả:", "Ngày hẹn trả kết quả:")),
            "due_date",
        ),
    ):
        day, month = say.number(1, 28), say.number(1, 12)
        paper.row((label, f"{say.clock()}, ngày {day:02}/{month:02}/{say.year}"))
        paper.fact(name, f"{day}/{month}/{say.year}", "day")
    y = paper.y
    paper.signed("NGƯỜI NỘP HỒ SƠ", note="(Ký và ghi rõ họ tên)", sealed=False, x=paper.way.margin, named=False)
    paper.y = y
    paper.signed("NGƯỜI TIẾP NHẬN HỒ SƠ", note="(Ký và ghi rõ họ tên)", sealed=say.chance(0.3))
