"""A paper under construction: a sheet, the way in which this office sets its forms, and the truth of its data."""

import re
from dataclasses import dataclass, field

import numpy as np

import letters
import pen
import typefaces
from language import Speaker
from people import person
from sheet import Sheet, Style, px


@dataclass
class Way:
    """How forms are set, the same over one paper."""

    size: float
    leading: float
    # plain; bold answers; dotted leaders behind them; a column of labels and one of answers.
    form: str
    margin: float
    capitals: bool
    date: str

    @classmethod
    def drawn(cls, say):
        form = say.pick(("plain", "plain", "bold", "dots", "dots", "columns"))
        date = say.pick(("{:02}/{:02}/{}", "{:02}/{:02}/{}", "{:02}-{:02}-{}", "{:02}.{:02}.{}", "words"))
        size, leading = say.pick((11.5, 12, 13, 13, 14)), say.pick((1.15, 1.25, 1.4, 1.5))
        return cls(size, leading, form, say.number(18, 30), say.chance(0.4), date)


@dataclass
class Paper:
    """One paper; `face` is the family of the print."""

    width: float
    height: float
    face: typefaces.Typeface
    rng: np.random.Generator
    hand: pen.Hand
    kind: str = ""
    fields: dict = field(default_factory=dict)
    by_hand: list = field(default_factory=list)
    marked: bool | None = None
    # Who signs for the office; anybody where nobody is here.
    officials: list = field(default_factory=list)

    def __post_init__(self):
        self.sheet = Sheet(self.width, self.height, self.face, self.rng, self.hand)
        self.say = Speaker(self.rng)
        self.way = Way.drawn(self.say)
        self.written = False
        self.y = float(self.say.number(12, 22))

    def belong(self, office):
        """Makes it a paper of the office with this number."""
        own = Speaker(np.random.default_rng([office, 11]))
        self.say.ward_kind, self.say.ward_name, self.say.province = own.ward_kind, own.ward_name, own.province
        self.officials = [person(own).name for _ in range(2)]

    @property
    def style(self):
        return Style(size=self.way.size)

    @property
    def span(self):
        """Width of the text."""
        return self.width - self.way.margin - 15

    # Truth

    def fact(self, name, text, how="text"):
        """Notes what the paper has of a field; of `digits` only the number of twelve counts."""
        self.fields[name] = [re.search(r"\d{12}", text)[0], "text"] if how == "digits" else [text, how]
        return text

    def day(self, born):
        """A day as this paper writes days."""
        day, month, year = born
        return f"ngày {day:02} tháng {month:02} năm {year}" if self.way.date == "words" else self.way.date.format(*born)

    def someone(self, **more):
        return person(self.say, **more)

    # Text

    def value(self, text):
        """An answer as it is marked up."""
        if self.written:
            return f"<h>{text}</h>"
        return f"<b>{text}</b>" if self.way.form == "bold" else text

    def row(self, *cells, x=None, width=None):
        """A row of a form: cells of label, answer, and perhaps the field and how it is compared."""
        x, width = x or self.way.margin, width or self.span
        shares = [1.0] if len(cells) == 1 else [len(cell[0]) + len(cell[1]) + 8 for cell in cells]
        below, at = self.y, x
        for cell, share in zip(cells, shares):
            room = width * share / sum(shares)
            below = max(below, self.cell(cell, at, room, last=cell is cells[-1], alone=len(cells) == 1))
            at += room
        self.y = below + 0.6

    def cell(self, cell, x, width, last, alone):
        label, answer, name, how = (*cell, None, "text")[:4]
        if len(cell) >= 3:
            self.fact(name, answer, how if len(cell) > 3 else "text")
            if self.written:
                self.by_hand.append(name)
        shown = answer.upper() if self.way.capitals and how == "name" and not self.written else answer
        style, leading = self.style, self.way.leading
        if self.way.form == "columns" and alone and not self.written:
            left = min(62.0, width * 0.36)
            below = self.sheet.paragraph(label, x, self.y, left, leading=leading, style=style)
            return max(
                below, self.sheet.paragraph(shown, x + left + 2, self.y, width - left - 2, leading=leading, style=style)
            )
        below = self.sheet.paragraph(f"{label} {self.value(shown)}", x, self.y, width - 1, leading=leading, style=style)
        if self.way.form == "dots" and not self.written:
            word, right = self.sheet.words[-1], px(x + width - 2)
            self.sheet.dots(min(right, word["x"] + word["w"] + px(1.5)), right, px(below - 1.2))
        return below

    def line(self, text, **more):
        """A paragraph over the width of the text."""
        style = more.pop("style", self.style)
        self.y = self.sheet.paragraph(text, self.way.margin, self.y, self.span, style=style, **more) + 1.2

    def prose(self, sentences):
        self.line(self.say.prose(sentences), align="justify", indent=10)

    def heading(self, text, size=15):
        self.y = self.sheet.paragraph(
            text, self.way.margin, self.y + 2, self.span, align="center", style=Style(size=size, bold=True)
        )

    def motto(self):
        self.y = letters.motto(self.sheet, self.say, self.way.margin, self.y, self.span, self.way.size) + 3

    # Heads and ends

    def letterhead(self, symbol, about=None, superior=True):
        """Agencies and number on the left, motto, place and day on the right (NĐ 30/2020/NĐ-CP)."""
        sheet, say = self.sheet, self.say
        left, right = 74, self.width - 15 - 86
        x, y = self.way.margin - 6, self.y
        bold, plain = Style(size=12, bold=True), Style(size=12)
        if superior:
            y = sheet.paragraph(
                say.pick((f"TỈNH {say.province.upper()}", f"UBND TỈNH {say.province.upper()}")),
                x,
                y,
                left,
                align="center",
                style=plain,
            )
        ward = f"{say.ward_kind} {say.ward_name}"
        short = say.chance(0.25)
        name = f"{'UBND' if short else 'ỦY BAN NHÂN DÂN'} {ward.upper()}"
        self.fact("agency", f"{'UBND' if short else 'Ủy ban nhân dân'} {ward}", "near")
        # Long names stand on two rows, the area by itself.
        if say.chance(0.5) and not short:
            y = sheet.paragraph("ỦY BAN NHÂN DÂN", x, y, left, align="center", style=bold)
            y = sheet.paragraph(ward.upper(), x, y, left, align="center", style=bold)
        else:
            y = sheet.paragraph(name, x, y, left, align="center", style=sheet.fitting(name, bold, left))
        sheet.rule(x + 24, y + 0.6, x + 50, y + 0.6)
        number = str(say.number(1, 2400)) if say.chance(0.7) else f"{say.number(1, 99):02}"
        whole = f"{number}/{symbol}"
        self.fact("number", whole)
        y = sheet.paragraph(f"Số: {whole}", x, y + 2.2, left, align="center", style=Style(size=13))
        if about:
            y = sheet.paragraph(
                f"V/v {about}", x + 2, y, left - 4, align="center", style=Style(size=12, italic=say.chance(0.3))
            )
        side = letters.motto(sheet, say, right, self.y, 86)
        side = self.dated(right, side + 0.5, 86)
        self.y = max(y, side) + 4

    def dated(self, x, y, width):
        """Place and day in words."""
        day, month, year = self.say.number(1, 28), self.say.number(1, 12), self.say.year
        shown = f"ngày {day:02} tháng {f'{month:02}' if month < 3 or self.say.chance(0.4) else month} năm {year}"
        self.fact("date", f"{day}/{month}/{year}", "day")
        self.fact("place", self.say.ward_name)
        text = f"<i>{self.say.ward_name}, {shown}</i>"
        return self.sheet.paragraph(
            text, x, y, width, align="center", style=self.sheet.fitting(text, Style(size=13), width)
        )

    def signed(self, title, note=None, sealed=True, above=None, x=None, dated=False, named=True):
        """Who signs: perhaps place and day, the title, a signature, a seal over its left, the name."""
        sheet, say = self.sheet, self.say
        x, width = x or self.width - 15 - 82, 80
        y = self.y + 3
        if dated:
            y = self.dated(x, y, width)
        for text in (above, title):
            if text:
                y = sheet.paragraph(text, x, y, width, align="center", style=Style(size=13, bold=True))
        if note:
            y = sheet.paragraph(note, x, y, width, align="center", style=Style(size=12, italic=True))
        pen.signature(sheet, x + 24, y + 9, 32, self.rng)
        name = self.say.pick(self.officials) if self.officials and sealed else self.someone().name
        if named:
            self.fact("signer", name, "name")
        shown = f"<h>{name}</h>" if self.written and not sealed else f"<b>{name}</b>"
        if "<h>" in shown and named:
            self.by_hand.append("signer")
        end = sheet.paragraph(shown, x, y + 21, width, align="center", style=Style(size=13), leader=False)
        if sealed:
            text = f"Ủy ban nhân dân {say.ward()} * tỉnh {say.province} *"
            pen.seal(sheet, x + 16 + say.number(0, 8), y + 9 + say.number(-2, 5), text, self.rng)
        return end

    def recipients(self):
        y = self.sheet.paragraph("<b><i>Nơi nhận:</i></b>", self.way.margin, self.y + 3, 60, style=Style(size=12))
        for line in ("Như trên;", f"{self.say.word('office')};", f"Lưu: VT, {self.say.pick(('KTHT', 'VHXH', 'NC'))}."):
            y = self.sheet.paragraph(f"- {line}", self.way.margin, y, 62, leading=1.15, style=Style(size=11))
