"""A clean page under construction: its picture at 300 dpi, and its words with boxes in reading order.

Everything is placed in millimetres from the top left corner. Papers call the methods in reading order: each call of
`paragraph` begins a block, each printed line is a line of the true text, and nothing that is only drawn (rules,
leaders, seals, signatures) becomes text.

Text is marked up a little: `<b>bold</b>`, `<i>italic</i>`, `<u>underlined</u>`, `<s>small capitals</s>`,
`<h>written by hand</h>`. A hand's words stand on a dotted leader that goes on to the end of the line.
"""

import re
from dataclasses import dataclass, field, replace

import numpy as np
from PIL import Image, ImageDraw

import pen
import typefaces

DPI = 300
BLACK = (22, 22, 24)
# Small capitals are drawn as capitals of this size, as word processors do that have no cut of their own for them.
SMALL_CAPITAL = 0.8
TAG = re.compile(r"<(/?)([biush])>")


def px(millimetres):
    return millimetres * DPI / 25.4


@dataclass(frozen=True)
class Style:
    """How a word is set. `size` in points."""

    size: float = 13.0
    bold: bool = False
    italic: bool = False
    underlined: bool = False
    small: bool = False
    hand: bool = False
    ink: tuple = BLACK


@dataclass(frozen=True)
class Word:
    """A word before it has a place: its text as read, its style, its advance in pixels."""

    text: str
    style: Style
    advance: float


@dataclass
class Sheet:
    """A page of so many millimetres; `face` is the family of the print, `rng` moves the hand and nothing else."""

    width: float
    height: float
    face: typefaces.Typeface
    rng: np.random.Generator
    hand: pen.Hand
    words: list = field(default_factory=list)
    blocks: int = 0
    lines: int = 0

    def __post_init__(self):
        self.image = Image.new("RGB", (round(px(self.width)), round(px(self.height))), "white")
        self.draw = ImageDraw.Draw(self.image)

    # Text

    def paragraph(self, text, x, y, width, *, align="left", indent=0.0, leading=1.25, style=Style(), leader=True):
        """Sets text into a column and returns the y below it. `leading` is in font sizes; the last line of justified
        text is flush left."""
        if not text:
            return y
        self.blocks += 1
        step = style.size / 72 * 25.4 * leading
        lines = self.broken(self.measured(text, style), px(width), px(indent))
        for number, line in enumerate(lines):
            inset = indent if number == 0 else 0.0
            last = number == len(lines) - 1
            baseline = y + step * 0.78
            self.line(
                line,
                px(x + inset),
                px(baseline),
                px(width - inset),
                "left" if align == "justify" and last else align,
                leader,
            )
            y += step
        return y

    def entry(self, text, end, x, y, width, style):
        """An entry of a list of contents: text, a leader from its end, and at the right edge what it leads to."""
        below = self.paragraph(text, x, y, width - 14, style=style)
        step = style.size / 72 * 25.4 * 1.25
        baseline, last = px(below - step + step * 0.78), self.words[-1]
        word = Word(end, style, self.advance(end, style))
        at = px(x + width) - word.advance
        self.dots(last["x"] + last["w"] + px(1), at - px(1), baseline - 3)
        self.put(word, at, baseline)
        return below

    def fitting(self, text, style, width):
        """The style, made as much smaller as it takes to get the text on one line."""
        while sum(word.advance for word in self.measured(text, style)) + text.count(" ") * self.space(style) > px(
            width
        ):
            style = replace(style, size=style.size - 0.5)
        return style

    def measured(self, text, style):
        """The words of marked-up text."""
        words, position = [], 0
        for match in [*TAG.finditer(text), None]:
            run = text[position : match.start() if match else None]
            words += [Word(word, style, self.advance(word, style)) for word in run.split()]
            if match:
                position, on = match.end(), not match.group(1)
                name = {"b": "bold", "i": "italic", "u": "underlined", "s": "small", "h": "hand"}[match.group(2)]
                style = replace(style, **{name: on})
        return words

    def broken(self, words, width, indent):
        """Words to lines that fit, greedily."""
        lines, room = [[]], width - indent
        for word in words:
            needed = word.advance + (self.space(word.style) if lines[-1] else 0)
            if lines[-1] and needed > room:
                lines.append([])
                room, needed = width, word.advance
            lines[-1].append(word)
            room -= needed
        return lines

    def line(self, words, x, baseline, width, align, leader):
        """Puts one line and notes its words; pixels."""
        self.lines += 1
        gaps = [self.space(word.style) for word in words[1:]]
        used = sum(word.advance for word in words) + sum(gaps)
        if align == "justify" and gaps:
            gaps = [gap + (width - used) / len(gaps) for gap in gaps]
        start = x + {"center": (width - used) / 2, "right": width - used}.get(align, 0.0)
        at = start
        for word, gap in zip(words, [*gaps, 0.0]):
            self.put(word, at, baseline)
            if word.style.underlined:
                end = at + word.advance + (gap if word is not words[-1] else 0)
                self.draw.line([(at, baseline + px(0.8)), (end, baseline + px(0.8))], fill=word.style.ink, width=3)
            if word.style.hand and leader:
                end = at + word.advance + gap if word is not words[-1] else max(x + width, at + word.advance)
                self.dots(at, end, baseline + px(0.5))
            at += word.advance + gap

    def put(self, word, x, baseline):
        """Draws a word and notes it with the box of its ink."""
        style = word.style
        if style.hand:
            box = self.hand.write(self.image, word.text, x, baseline, self.pixels(style), self.rng)
        else:
            box = self.printed(word, x, baseline)
        self.words.append(
            {
                "t": self.as_read(word),
                "x": round(box[0], 1),
                "y": round(box[1], 1),
                "w": round(box[2] - box[0], 1),
                "h": round(box[3] - box[1], 1),
                "hw": style.hand,
                "b": self.blocks,
                "line": self.lines,
            }
        )

    def printed(self, word, x, baseline):
        """Draws print piece by piece (small capitals are made of two sizes) and returns the box of its ink."""
        boxes = []
        for text, size in self.pieces(word.text, word.style):
            font = self.font(word.style, size)
            self.draw.text((x, baseline), text, font=font, fill=word.style.ink, anchor="ls")
            boxes.append(self.draw.textbbox((x, baseline), text, font=font, anchor="ls"))
            x += font.getlength(text)
        left, top, right, bottom = zip(*boxes)
        return min(left), min(top), max(right), max(bottom)

    @staticmethod
    def as_read(word):
        """Small capitals are read as capitals."""
        return word.text.upper() if word.style.small else word.text

    def pieces(self, text, style):
        """A word cut where the size changes."""
        size = self.pixels(style)
        if not style.small:
            return [(text, size)]
        cut = re.findall(r"[^a-zà-ỹ]+|[a-zà-ỹ]+", text)
        return [(piece.upper(), round(size * SMALL_CAPITAL) if piece != piece.upper() else size) for piece in cut]

    def advance(self, text, style):
        if style.hand:
            return self.hand.advance(text, self.pixels(style))
        return sum(self.font(style, size).getlength(piece) for piece, size in self.pieces(text, style))

    def space(self, style):
        return self.font(replace(style, hand=False), self.pixels(style)).getlength(" ") * (1.3 if style.hand else 1.0)

    def font(self, style, pixels):
        return typefaces.font(self.face.file(style.bold, style.italic), pixels)

    @staticmethod
    def pixels(style):
        return round(style.size * DPI / 72)

    def join_words(self, first):
        """Makes one word on one line of all from the given one on, as of digits in boxes."""
        parts, self.words[first:] = self.words[first:], []
        left, top = min(word["x"] for word in parts), min(word["y"] for word in parts)
        right, bottom = (max(word[at] + word[size] for word in parts) for at, size in (("x", "w"), ("y", "h")))
        box = {"x": left, "y": top, "w": round(right - left, 1), "h": round(bottom - top, 1)}
        self.words.append(parts[0] | box | {"t": "".join(word["t"] for word in parts)})

    # What is only drawn

    def dots(self, x0, x1, y):
        """A dotted leader, pixels."""
        for x in np.arange(x0, x1, px(1.0)):
            self.draw.ellipse([x, y, x + 3, y + 3], fill=BLACK)

    def leader(self, x, y, width):
        """An empty leader to be filled in, whose dots stand at y; millimetres."""
        self.dots(px(x), px(x + width), px(y))

    def rule(self, x0, y0, x1, y1, width=0.2, ink=BLACK):
        """A straight rule, millimetres."""
        self.draw.line([(px(x0), px(y0)), (px(x1), px(y1))], fill=ink, width=max(1, round(px(width))))

    def frame(self, x, y, width, height, weight=0.2, ink=BLACK):
        """A rectangle of rules, millimetres."""
        corners = [(px(x), px(y)), (px(x + width), px(y + height))]
        self.draw.rectangle(corners, outline=ink, width=max(1, round(px(weight))))

    def box(self, x, y, size=3.6, ticked=False):
        """A square to be ticked, millimetres."""
        self.frame(x, y, size, size, 0.25)
        if ticked:
            points = [(x + 0.5, y + 1.8), (x + 1.5, y + size - 0.4), (x + size + 0.8, y - 0.9)]
            self.draw.line([(px(a), px(b)) for a, b in points], fill=self.hand.ink, width=5)

    def shade(self, x, y, width, height, tone):
        """A tinted field, to be drawn before its text."""
        self.draw.rectangle([(px(x), px(y)), (px(x + width), px(y + height))], fill=tone)

    # Tables

    def table(
        self, x, y, widths, rows, *, head=1, aligns=None, style=Style(size=11), rules="all", tone=None, padding=1.2
    ):
        """Rows of marked-up cells, read row by row, cell by cell; returns the y below. `rules`: all, rows, none."""
        top, edges = y, [x + sum(widths[:column]) for column in range(len(widths) + 1)]
        for number, row in enumerate(rows):
            cut = replace(style, bold=True) if number < head else style
            step = style.size / 72 * 25.4 * 1.2
            counts = [
                len(self.broken(self.measured(cell, cut), px(width - 2 * padding), 0))
                for cell, width in zip(row, widths)
            ]
            height = max(counts) * step + 2 * padding
            if tone and number < head:
                self.shade(x, y, sum(widths), height, tone)
            for column, (cell, count) in enumerate(zip(row, counts)):
                align = "center" if number < head else (aligns or ["left"] * len(widths))[column]
                inset = (height - count * step) / 2
                self.paragraph(
                    cell,
                    edges[column] + padding,
                    y + inset,
                    widths[column] - 2 * padding,
                    align=align,
                    leading=1.2,
                    style=cut,
                    leader=False,
                )
            y += height
            if rules != "none":
                self.rule(x, y, edges[-1], y)
        if rules != "none":
            self.rule(x, top, edges[-1], top)
        if rules == "all":
            for edge in edges:
                self.rule(edge, top, edge, y)
        return y

    # The true text

    def text(self):
        """One printed line a line."""
        lines = {}
        for word in self.words:
            lines.setdefault(word["line"], []).append(word["t"])
        return "\n".join(" ".join(words) for words in lines.values())
