"""Papers of the civil register (hộ tịch)."""

from language import spelled
from sheet import Style


def spoken(born):
    """A day in words, as forms ask for it."""
    day, month, year = born
    return f"Ngày {spelled(day)} tháng {spelled(month)} năm {spelled(year // 1000)} nghìn {spelled(year % 1000, True)}"


def numbered(paper, forms=("{}/{}", "{}/{}", "{}")):
    """The number of the register, to the right."""
    text = paper.say.pick(forms).format(paper.say.number(1, 480), paper.say.year)
    paper.fact("number", text)
    style = Style(size=paper.way.size)
    x = paper.say.pick((paper.width - 70, paper.way.margin))
    paper.y = paper.sheet.paragraph(f"Số: {text}", x, paper.y, 55, style=style) + 2


def origin(paper, suffix=""):
    """Ethnicity and nationality, which stand beside each other."""
    return ("Dân tộc:", paper.say.word("ethnic"), f"ethnicity{suffix}"), (
        "Quốc tịch:",
        "Việt Nam",
        f"nationality{suffix}",
    )


def registered(paper, label, day_label):
    office = f"Ủy ban nhân dân {paper.say.ward()}, tỉnh {paper.say.province}"
    paper.row((label, office, "agency", "near"))
    day = (paper.say.number(1, 28), paper.say.number(1, 12), paper.say.year)
    paper.row((day_label, paper.day(day), "date", "day"))


def birth(paper):
    """Giấy khai sinh: as TT 04/2020/TT-BTP has it, or as forms before did."""
    say = paper.say
    paper.kind = "giay-khai-sinh"
    paper.motto()
    paper.heading("GIẤY KHAI SINH", 18)
    if say.chance(0.3):
        paper.heading("(BẢN SAO)", 13)
    numbered(paper)
    child, mother, father = (
        paper.someone(young=2008, old=2025),
        paper.someone(sex="Nữ", young=1975, old=2002),
        paper.someone(sex="Nam", young=1970, old=2000),
    )
    old = say.chance(0.35)
    paper.row(("Họ và tên:" if old else "Họ, chữ đệm, tên:", child.name, "owner", "name"))
    paper.row(
        (say.pick(("Ngày, tháng, năm sinh:", "Ngày tháng năm sinh:")), paper.day(child.born), "birth_date", "day")
    )
    paper.row(("Ghi bằng chữ:", spoken(child.born)))
    ethnic, nation = origin(paper)
    paper.row(("Giới tính:", child.sex, "sex"), ethnic, nation)
    paper.row(("Nơi sinh:", f"Trạm y tế {say.ward()}, tỉnh {say.province}", "birth_place", "near"))
    paper.row(("Quê quán:", f"{say.ward()}, tỉnh {say.province}", "home_town", "near"))
    paper.row(("Số định danh cá nhân:", child.identity, "id_number"))
    for who, title, name in ((mother, "mẹ", "mother"), (father, "cha", "father")):
        label = f"Họ và tên {title}:" if old else f"Họ, chữ đệm, tên người {title}:"
        paper.row((label, who.name, name, "name"))
        year = ("Năm sinh:", who.year, f"{name}_birth_year")
        paper.row(year, ("Dân tộc:", say.word("ethnic")), ("Quốc tịch:", "Việt Nam"))
        paper.row(("Nơi cư trú:", who.address, f"{name}_residence", "near"))
    paper.row(("Họ, chữ đệm, tên người đi khai sinh:", father.name))
    paper.row(("Giấy tờ tùy thân:", f"Căn cước công dân số {father.identity}"))
    registered(
        paper,
        say.pick(("Nơi đăng ký khai sinh:", "Nơi đăng ký:")),
        say.pick(("Ngày, tháng, năm đăng ký:", "Ngày đăng ký:")),
    )
    paper.signed(
        say.pick(("NGƯỜI KÝ GIẤY KHAI SINH", "CHỦ TỊCH", "PHÓ CHỦ TỊCH")),
        note=say.pick((None, "(Ký, ghi rõ họ tên, chức vụ và đóng dấu)")),
    )


def live_birth(paper):
    """Giấy chứng sinh (TT 34/2015/TT-BYT)."""
    say = paper.say
    paper.kind = "giay-chung-sinh"
    where = f"Trung tâm Y tế khu vực {say.ward_name}"
    top = paper.y
    paper.sheet.paragraph(where.upper(), paper.way.margin, top, 70, align="center", style=Style(size=12, bold=True))
    paper.y = paper.sheet.paragraph(
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", 108, top, 90, align="center", style=Style(size=11, bold=True)
    )
    paper.y = (
        paper.sheet.paragraph(
            "Độc lập - Tự do - Hạnh phúc", 108, paper.y, 90, align="center", style=Style(size=12, bold=True)
        )
        + 5
    )
    paper.heading("GIẤY CHỨNG SINH", 17)
    paper.y += 3
    mother, child = paper.someone(sex="Nữ", young=1980, old=2004), paper.someone(young=2018, old=2025)
    paper.row((say.pick(("Họ và tên mẹ/Người nuôi dưỡng:", "Họ và tên mẹ:")), mother.name, "mother", "name"))
    paper.row(("Năm sinh:", mother.year))
    paper.row(("Nơi đăng ký thường trú:", mother.address, "residence", "near"))
    paper.row(
        (say.pick(("Số CMND/CCCD/Hộ chiếu:", "Số CMND/CCCD:", "Số định danh cá nhân:")), mother.identity, "mother_id")
    )
    paper.row(("Dân tộc:", say.word("ethnic")))
    day, month, year = child.born
    time = f"{say.number(0, 23)} giờ {say.number(0, 59):02} phút, ngày {day:02} tháng {month:02} năm {year}"
    paper.fact("birth_date", child.birth, "day")
    paper.row(("Đã sinh con vào lúc:", time, "birth_time", "near"))
    paper.row(("Tại:", where, "birth_place", "near"))
    paper.row(("Số con trong lần sinh này:", "01"))
    paper.row(
        ("Giới tính của con:" if say.chance(0.5) else "Giới tính:", child.sex, "sex"),
        ("Cân nặng:", f"{say.number(2500, 4100)} gram", "weight"),
    )
    paper.row(("Dự kiến đặt tên con là:", child.name, "owner", "name"))
    paper.row(("Người đỡ đẻ:", say.person()))
    paper.signed("GIÁM ĐỐC", above="THỦ TRƯỞNG CƠ SỞ Y TẾ" if say.chance(0.3) else None, dated=True)


def marriage(paper):
    """Giấy chứng nhận kết hôn: rows for each of the two, or both beside each other."""
    say = paper.say
    paper.kind = "chung-nhan-ket-hon"
    paper.motto()
    paper.heading("GIẤY CHỨNG NHẬN KẾT HÔN", 17)
    numbered(paper)
    two = (("vợ", "wife", paper.someone(sex="Nữ", old=2004)), ("chồng", "husband", paper.someone(sex="Nam", old=2003)))
    beside = say.chance(0.4)
    top, ends = paper.y, []
    for place, (title, name, who) in enumerate(two):
        more = {"x": paper.way.margin + place * paper.span / 2, "width": paper.span / 2 - 3} if beside else {}
        paper.y = top if beside else paper.y
        form, paper.way.form = paper.way.form, "plain" if beside else paper.way.form
        label = f"Họ và tên {title}:" if say.chance(0.3) else f"Họ, chữ đệm, tên {title}:"
        paper.row((label, who.name, name, "name"), **more)
        paper.row(("Ngày, tháng, năm sinh:", paper.day(who.born), f"{name}_birth_date", "day"), **more)
        paper.row(("Dân tộc:", say.word("ethnic")), **more)
        paper.row(("Quốc tịch:", "Việt Nam"), **more)
        paper.row(("Nơi cư trú:", who.address), **more)
        paper.row(("Giấy tờ tùy thân:", f"CCCD số {who.identity}", f"{name}_id", "digits"), **more)
        paper.way.form = form
        ends.append(paper.y)
    paper.y = max(ends) + 2
    registered(paper, "Nơi đăng ký kết hôn:", say.pick(("Ngày, tháng, năm đăng ký:", "Ngày đăng ký:")))
    paper.signed(say.pick(("CHỦ TỊCH", "PHÓ CHỦ TỊCH")))


def status(paper):
    """Giấy xác nhận tình trạng hôn nhân."""
    say = paper.say
    paper.kind = "xac-nhan-hon-nhan"
    paper.letterhead(say.pick(("UBND-XNTTHN", "XNTTHN", "UBND-XNTTHN")), superior=say.chance(0.5))
    paper.heading("GIẤY XÁC NHẬN TÌNH TRẠNG HÔN NHÂN", 14)
    paper.y += 3
    who = paper.someone()
    paper.line(f"Xét đề nghị của ông/bà {who.name}, về việc cấp Giấy xác nhận tình trạng hôn nhân,", indent=10)
    paper.heading("XÁC NHẬN:", 13)
    paper.row((say.pick(("Họ, chữ đệm, tên:", "Họ và tên:")), who.name, "owner", "name"))
    paper.row((say.pick(("Ngày, tháng, năm sinh:", "Sinh ngày:")), paper.day(who.born), "birth_date", "day"))
    ethnic, nation = origin(paper)
    paper.row(("Giới tính:", who.sex, "sex"), ethnic, nation)
    paper.row(("Giấy tờ tùy thân:", f"Thẻ căn cước số {who.identity} do Bộ Công an cấp", "id_number", "digits"))
    paper.row(("Nơi cư trú:", who.address, "residence", "near"))
    paper.row(
        (
            "Tình trạng hôn nhân:",
            say.pick(("Chưa đăng ký kết hôn với ai", "Đã ly hôn, hiện chưa đăng ký kết hôn với ai")),
            "marital_status",
            "near",
        )
    )
    paper.line("Giấy này có giá trị trong thời hạn 6 tháng kể từ ngày cấp.", indent=10)
    paper.signed(say.pick(("CHỦ TỊCH", "PHÓ CHỦ TỊCH")), above=say.pick((None, "KT. CHỦ TỊCH")))


def extract(paper):
    """Trích lục: of a birth, a death or a marriage."""
    say = paper.say
    paper.kind = "trich-luc"
    what = say.pick(("KHAI SINH", "KHAI TỬ"))
    paper.letterhead({"KHAI SINH": "TLKS-BS", "KHAI TỬ": "TLKT-BS"}[what], superior=say.chance(0.5))
    paper.heading(f"TRÍCH LỤC {what}", 16)
    paper.heading("(BẢN SAO)", 13)
    paper.y += 3
    who = paper.someone(young=1930)
    paper.row((say.pick(("Họ, chữ đệm, tên:", "Họ và tên:")), who.name, "owner", "name"))
    paper.row((say.pick(("Ngày, tháng, năm sinh:", "Ngày tháng năm sinh:")), paper.day(who.born), "birth_date", "day"))
    ethnic, nation = origin(paper)
    paper.row(("Giới tính:", who.sex, "sex"), ethnic, nation)
    paper.row(
        (say.pick(("Số định danh cá nhân:", "Số định danh cá nhân/Giấy tờ tùy thân:")), who.identity, "id_number")
    )
    office = f"Ủy ban nhân dân {say.ward()}, tỉnh {say.province}"
    if what == "KHAI TỬ":
        day, month = say.number(1, 28), say.number(1, 12)
        paper.row(
            (
                "Đã chết vào lúc:",
                f"{say.number(0, 23)} giờ {say.number(0, 59):02} phút, ngày {day:02} tháng {month:02} năm {say.year}",
            )
        )
        paper.fact("death_date", f"{day}/{month}/{say.year}", "day")
        paper.row(("Nơi chết:", who.address))
        paper.row((say.pick(("Đăng ký khai tử tại:", "Nơi đăng ký khai tử:")), office, "register", "near"))
    else:
        paper.row(("Nơi sinh:", f"Bệnh viện đa khoa tỉnh {say.province}", "birth_place", "near"))
        paper.row((say.pick(("Đăng ký khai sinh tại:", "Nơi đăng ký khai sinh:")), office, "register", "near"))
    paper.signed(say.pick(("CHỦ TỊCH", "NGƯỜI KÝ TRÍCH LỤC", "CÔNG CHỨC TƯ PHÁP - HỘ TỊCH")))


def declaration(paper):
    """Tờ khai đăng ký khai sinh, half of them by hand."""
    say = paper.say
    paper.kind = "to-khai"
    paper.motto()
    paper.heading(say.pick(("TỜ KHAI ĐĂNG KÝ KHAI SINH", "TỜ KHAI ĐĂNG KÝ LẠI KHAI SINH")), 15)
    paper.y += 3
    paper.written = say.chance(0.5)
    asks, child = paper.someone(young=1965, old=2000), paper.someone(young=2005, old=2025)
    paper.row(("Kính gửi:", f"Ủy ban nhân dân {say.ward()}", "addressee", "near"))
    paper.row(
        (say.pick(("Họ, chữ đệm, tên người yêu cầu:", "Họ và tên người yêu cầu:")), asks.name, "applicant", "name")
    )
    paper.row((say.pick(("Ngày, tháng, năm sinh:", "Ngày sinh:")), paper.day(asks.born), "applicant_birth_date", "day"))
    paper.row((say.pick(("Nơi cư trú:", "Nơi thường trú:")), asks.address, "applicant_residence", "near"))
    paper.row(
        (
            say.pick(("Giấy tờ tùy thân:", "Số định danh cá nhân:", "Giấy tờ tùy thân số:")),
            asks.identity,
            "applicant_id",
        )
    )
    paper.row(("Quan hệ với người được khai sinh:", say.pick(("Cha", "Mẹ", "Ông nội", "Bà ngoại")), "relation"))
    paper.line("Đề nghị cơ quan đăng ký khai sinh cho người dưới đây:")
    paper.row(("Họ, chữ đệm, tên:", child.name, "owner", "name"))
    paper.row(("Ngày, tháng, năm sinh:", paper.day(child.born), "birth_date", "day"))
    ethnic, nation = origin(paper)
    paper.row(("Giới tính:", child.sex, "sex"), ethnic, nation)
    paper.row(("Nơi sinh:", f"Trạm y tế {say.ward()}, tỉnh {say.province}", "birth_place", "near"))
    paper.row(("Quê quán:", f"{say.ward()}, tỉnh {say.province}", "home_town", "near"))
    paper.row(("Họ, chữ đệm, tên người mẹ:", paper.someone(sex="Nữ").name, "mother", "name"))
    paper.row(("Họ, chữ đệm, tên người cha:", paper.someone(sex="Nam").name, "father", "name"))
    paper.line("Tôi cam đoan những nội dung khai trên đây là đúng sự thật và chịu trách nhiệm trước pháp luật.")
    paper.signed("Người yêu cầu", note="(Ký, ghi rõ họ, chữ đệm, tên)", sealed=False)
