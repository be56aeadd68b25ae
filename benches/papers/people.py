"""Invented people: their numbers, what the codes of their cards say, and the machine-readable zone."""

import unicodedata
from dataclasses import dataclass

from language import WORDS

# Offices meet these surnames far more often than the others.
COMMON = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ")
PLACES = [f"{place:03}" for place in range(1, 97)]


@dataclass(frozen=True)
class Person:
    """Somebody: `born` is day, month, year."""

    name: str
    sex: str
    born: tuple
    identity: str
    address: str

    @property
    def birth(self):
        return "{:02}/{:02}/{}".format(*self.born)

    @property
    def year(self):
        return str(self.born[2])


def person(say, young=1940, old=2006, sex=None):
    sex = sex or say.pick(("Nam", "Nữ"))
    family = say.pick(COMMON) if say.chance(0.75) else say.word("family")
    middle = " ".join(say.some(WORDS["middle"], say.number(1, 2)))
    born = (say.number(1, 28), say.number(1, 12), say.number(young, old))
    return Person(f"{family} {middle} {say.word('given')}", sex, born, identity(say, sex, born[2]), say.address())


def identity(say, sex, year):
    """Place of registration, century and sex, year of birth, six digits (NĐ 137/2015/NĐ-CP Điều 13)."""
    century_and_sex = (year // 100 - 19) * 2 + (sex == "Nữ")
    return f"{say.pick(PLACES)}{century_and_sex}{year % 100:02}{say.number(0, 999999):06}"


def letters(text):
    """Capitals A to Z alone."""
    plain = unicodedata.normalize("NFD", text.upper().replace("Đ", "D"))
    return "".join(c for c in plain if "A" <= c <= "Z" or c == " ")


def check(text):
    """The check digit of ICAO Doc 9303, part 3, 4.9."""
    value = {"<": 0} | {str(digit): digit for digit in range(10)} | {chr(65 + i): 10 + i for i in range(26)}
    return str(sum(value[c] * (7, 3, 1)[i % 3] for i, c in enumerate(text)) % 10)


def zone(person, expiry):
    """The three rows of TD1; `expiry` is year, month, day as six digits."""
    number = person.identity[3:]
    first = f"IDVNM{number}{check(number)}{person.identity}<<{check(person.identity)}"
    birth = "{2:02}{1:02}{0:02}".format(person.born[0], person.born[1], person.born[2] % 100)
    second = f"{birth}{check(birth)}{'M' if person.sex == 'Nam' else 'F'}{expiry}{check(expiry)}VNM<<<<<<<<<<<"
    second += check(first[5:] + second[:7] + second[8:15] + second[18:])
    family, *rest = letters(person.name).split()
    return first, second, f"{family}<<{'<'.join(rest)}".ljust(30, "<")[:30]


def card_code(person, issued):
    """The payload of the QR code on an identity card."""
    day, month, year = person.born
    born, issue = f"{day:02}{month:02}{year}", issued.replace("/", "")
    return f"{person.identity}||{person.name}|{born}|{person.sex}|{person.address}|{issue}"


def insurance_code(person, number, since):
    """The payload of the QR code on a health-insurance card."""
    spelled = [text.encode().hex() for text in (person.name, person.address)]
    sex = "1" if person.sex == "Nam" else "2"
    return f"{number}|{spelled[0]}|{person.birth}|{sex}|{spelled[1]}|01 - 0{person.identity[:2]}|{since}|-|{since}|x$"
