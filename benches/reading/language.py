"""Vietnamese for the generated papers: word lists and patterns from which names, numbers and sentences are drawn.

Every person, place, number and address is invented by chance. The lists are chosen for the syllables in them, the rare
rhymes too, so that a recogniser that leans on frequent words is found out.
"""

import re
from pathlib import Path

WARD = ("xã", "phường", "thị trấn")
UNITS = "không một hai ba bốn năm sáu bảy tám chín".split()
ISSUER = ("UBND", "VP", "TTPVHCC", "KTHT", "VHXH", "HĐND")


def vocabulary():
    """The lists of words.txt by their headings."""
    lists = {}
    for line in Path(__file__).with_name("words.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            entries = lists[line.strip("[]")] = []
        elif line and not line.startswith("#"):
            entries.append(line)
    return lists


WORDS = vocabulary()


class Speaker:
    """Draws words from one source of chance."""

    def __init__(self, rng):
        self.rng = rng
        self.ward_name = self.filled("{place_first} {place_last}")
        self.ward_kind = WARD[self.number(0, 2)]
        self.province = self.filled("{place_first} {place_last}")
        self.year = self.number(2016, 2026)

    # Chance

    def number(self, low, high):
        """A whole number, both ends included."""
        return int(self.rng.integers(low, high + 1))

    def chance(self, probability):
        return self.rng.random() < probability

    def pick(self, choices):
        return choices[self.number(0, len(choices) - 1)]

    def word(self, heading):
        return self.pick(WORDS[heading])

    def some(self, choices, count):
        """Several without repetition."""
        return [choices[i] for i in self.rng.permutation(len(choices))[:count]]

    # Names and numbers

    def person(self):
        middle = " ".join(self.some(WORDS["middle"], self.number(1, 2))) if self.chance(0.85) else ""
        return " ".join(self.filled(f"{{family}} {middle} {{given}}").split())

    def households(self):
        return self.number(2, 980)

    def address(self):
        return self.filled(f"{{hamlet}}, {{ward}}, tỉnh {self.province}")

    def ward(self):
        return f"{self.ward_kind} {self.ward_name}"

    def committee(self):
        return f"Ủy ban nhân dân {self.ward()}"

    def street_address(self):
        return f"số {self.number(1, 399)}{self.pick(('', '', 'A', 'B', '/12'))} {self.word('street')}"

    def day(self, year=None):
        """Day, month, year as a form has them."""
        return f"{self.number(1, 28):02}", f"{self.number(1, 12):02}", str(year or self.year)

    def date(self, year=None, mark="/"):
        return mark.join(self.day(year))

    def long_date(self, year=None):
        """A date as in letters, where single digits but of the first two months have no nought."""
        day, month, year = self.day(year)
        return f"ngày {day} tháng {month if int(month) < 3 else int(month)} năm {year}"

    def clock(self):
        return f"{self.number(7, 16)} giờ {self.number(0, 59):02} phút"

    def birth(self):
        return self.date(self.number(1938, 2019))

    def identity(self):
        """A number of the right length and shape, of nobody."""
        return f"0{self.number(1, 96):02}{self.number(0, 3)}{self.number(0, 99):02}{self.number(0, 999999):06}"

    def phone(self):
        gaps = self.pick((" ", ".", "")), self.pick((" ", "."))
        return f"0{self.number(31, 98)}{gaps[0]}{self.number(100, 999)}{gaps[1]}{self.number(1000, 9999)}"

    def email(self):
        desk, place = self.pick(("vanthu", "motcua", "tiepdan", "ubnd")), self.pick(("hx", "tanle", "khe2", "px"))
        return f"{desk}.{place}{self.number(1, 99)}@example.{self.pick(('vn', 'org'))}"

    def money(self):
        return thousands(self.number(50, 900000))

    def decimal(self):
        return f"{self.number(0, 999)},{self.number(0, 99):02}"

    def symbol(self, kind=""):
        """The number and signs of a paper."""
        return f"{self.number(1, 999):02}/{kind + '-' if kind else ''}{self.pick(ISSUER)}"

    def dossier(self):
        organ = f"H{self.number(1, 63):02}.{self.number(1, 99)}.{self.number(1, 40)}"
        day = f"{self.number(16, 26)}{self.number(1, 12):02}{self.number(1, 28):02}"
        return f"{organ}-{day}-{self.number(1, 99):04}"

    # Sentences

    def clause(self):
        return self.filled(self.word("pattern"))

    def filled(self, pattern):
        """A pattern with each {name} replaced by a word of that list, or by what the method of that name says."""
        return re.sub(r"\{(\w+)\}", lambda name: self.named(name[1]), pattern)

    def named(self, name):
        if name in WORDS:
            return self.word(name)
        value = getattr(self, name)
        return value if isinstance(value, str) else str(value())

    def sentence(self):
        if self.chance(0.18):
            return self.word("aside")
        if self.chance(0.3):
            return self.filled("{link} {clause}.")
        return capitalised(self.clause()) + "."

    def prose(self, sentences):
        return " ".join(self.sentence() for _ in range(sentences))

    def legal_basis(self):
        return f"Căn cứ {self.word('law')} {self.long_date(self.number(2012, 2025))};"

    def in_words(self, amount):
        """An amount in thousands of đồng, spelled out as on receipts."""
        millions, thousands = divmod(amount, 1000)
        said = [f"{spelled(millions)} triệu"] if millions else []
        said += [f"{spelled(thousands, bool(millions))} nghìn"] if thousands else []
        return capitalised(" ".join(said)) + " đồng chẵn"


def spelled(number, after=False):
    """A number below a thousand in words; `after` a greater unit the hundreds are said even when there are none."""
    hundreds, tens, units = number // 100, number // 10 % 10, number % 10
    said = [UNITS[hundreds], "trăm"] if hundreds or after else []
    if tens == 0 and units and said:
        said.append("linh")
    elif tens == 1:
        said.append("mười")
    elif tens:
        said += [UNITS[tens], "mươi"]
    special = {1: "mốt" if tens > 1 else "một", 4: "tư" if tens > 1 else "bốn", 5: "lăm" if tens else "năm"}
    if units:
        said.append(special.get(units, UNITS[units]))
    return " ".join(said)


def capitalised(text):
    return text[:1].upper() + text[1:]


def thousands(amount):
    """So many thousand đồng, in digits."""
    return f"{amount * 1000:,}".replace(",", ".")
