//! Papers of a dossier, printed on a [`Sheet`]: what they say is invented, how they look follows NĐ 30/2020 loosely.
//!
//! Each carries a [`Mark`] in each corner of its margin, by which the finished page can be measured. The four do not line
//! up with one another, so that they show nothing of the rotation to an estimate that looks for lines.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "shares of ink, and counts of dots and rows that fit on a page"
)]

use sohoa::model::{Point, SizeMm};

use super::mark::Mark;
use super::random::Random;
use super::sheet::{Colour, Pen, Sheet};
use super::words;

const RED: Colour = [0.80, 0.12, 0.16];
const BLUE: Colour = [0.12, 0.20, 0.62];

/// A kind of paper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Template {
    /// Letterhead in two columns, paragraphs, seal and signature.
    Decision,
    /// Running text only.
    Letter,
    /// Fields with dotted leaders.
    Form,
    /// A table with rules.
    Table,
    /// A few short lines on an otherwise empty page.
    Sparse,
    /// A till receipt.
    Receipt,
    /// A card of the size of an identity card.
    Card,
}

/// A printed paper.
#[derive(Clone, Debug)]
pub(crate) struct Paper {
    pub(crate) template: Template,
    pub(crate) size: SizeMm,
    pub(crate) sheet: Sheet,
    /// From the content's top left clockwise.
    pub(crate) marks: [Mark; 4],
    /// Clockwise turn of the print on the paper, about its middle.
    pub(crate) print_degrees: f64,
    /// Radius of the corners, millimetres.
    pub(crate) rounding: f64,
}

impl Template {
    /// A size that such papers have.
    pub(crate) fn size(self, random: &mut Random) -> SizeMm {
        let (width, height) = match self {
            Self::Receipt => (random.within(70.0..82.0), random.within(110.0..230.0)),
            Self::Card => (85.6, 53.98),
            Self::Form | Self::Sparse => random.weighted(&[((210.0, 297.0), 0.7), ((148.0, 210.0), 0.3)]),
            Self::Table => random.weighted(&[((210.0, 297.0), 0.6), ((297.0, 210.0), 0.3), ((420.0, 297.0), 0.1)]),
            Self::Decision | Self::Letter => random.weighted(&[((210.0, 297.0), 0.85), ((148.0, 210.0), 0.15)]),
        };
        SizeMm { width, height }
    }
}

/// Prints one paper.
pub(crate) fn print(template: Template, size: SizeMm, pixels_per_mm: f64, random: &mut Random) -> Paper {
    let white = random.within(0.94..1.0) as f32;
    let paper = match template {
        Template::Card => [0.84, 0.92, 0.90].map(|value| value * white),
        _ if random.chance(0.15) => [white, white * 0.985, white * random.within(0.88..0.96) as f32],
        _ => [white; 3],
    };
    let small = size.width.min(size.height) < 100.0;
    let mut press = Press {
        sheet: Sheet::new(size.width, size.height, pixels_per_mm, paper),
        pen: Pen { bold: false, points: 0.0, ink: [random.within(0.05..0.25) as f32; 3] },
        left: if small { 5.0 } else { random.within(20.0..30.0) * size.width / 210.0 },
        right: if small { size.width - 5.0 } else { size.width - random.within(15.0..20.0) * size.width / 210.0 },
        bottom: size.height - if small { 5.0 } else { 18.0 },
        y: if small { 9.0 } else { 20.0 },
    };
    press.pen.points = match template {
        Template::Receipt => random.within(8.0..10.0),
        Template::Card => random.within(6.0..7.5),
        _ => random.within(12.0..14.0) * if size.width < 200.0 { 0.8 } else { 1.0 },
    };
    match template {
        Template::Decision => press.decision(random),
        Template::Letter => press.letter(random),
        Template::Form => press.form(random),
        Template::Table => press.table(random),
        Template::Sparse => press.sparse(random),
        Template::Receipt => press.receipt(random),
        Template::Card => press.card(random),
    }
    let marks = marks(size, random);
    for mark in &marks {
        mark.print(&mut press.sheet);
    }
    // Office printers feed most sheets askew a little; the edges of a card are cut with its print.
    let askew = template != Template::Card && random.chance(0.5);
    let print_degrees = if askew { (random.normal() * 0.25).clamp(-0.8, 0.8) } else { 0.0 };
    // ISO/IEC 7810, 5.1.1.
    let rounding = if template == Template::Card { 3.18 } else { 0.0 };
    Paper { template, size, sheet: press.sheet, marks, print_degrees, rounding }
}

/// Places in the margins, each a little different.
fn marks(size: SizeMm, random: &mut Random) -> [Mark; 4] {
    let small = size.width.min(size.height) < 100.0;
    let (inset, radius) = if small { (2.6..4.6, 1.4) } else { (7.0..11.0, 2.1) };
    [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)].map(|(right, down)| {
        let mut from = |side: f64, far: f64| side * far + (1.0 - 2.0 * side) * random.within(inset.clone());
        Mark { at: Point::new(from(right, size.width), from(down, size.height)), radius }
    })
}

/// A sheet being printed, from the top down.
struct Press {
    sheet: Sheet,
    pen: Pen,
    left: f64,
    right: f64,
    bottom: f64,
    /// The next baseline.
    y: f64,
}

impl Press {
    fn decision(&mut self, random: &mut Random) {
        self.letterhead(random);
        self.title(random);
        let paragraphs = random.whole(3..7);
        for _ in 0..paragraphs {
            self.paragraph(random, self.bottom - 55.0);
        }
        self.signatures(random);
    }

    fn letter(&mut self, random: &mut Random) {
        if random.chance(0.5) {
            self.title(random);
        }
        while self.y < self.bottom - 3.0 * self.pen.leading() {
            self.paragraph(random, self.bottom);
        }
    }

    fn form(&mut self, random: &mut Random) {
        self.letterhead(random);
        self.title(random);
        let fields = random.whole(8..16);
        for _ in 0..fields {
            if self.y > self.bottom - 55.0 {
                break;
            }
            self.field(random);
        }
        self.signatures(random);
    }

    fn table(&mut self, random: &mut Random) {
        if random.chance(0.6) {
            self.letterhead(random);
        }
        self.title(random);
        let rows = random.whole(6..22);
        self.grid(random, rows);
        if self.y < self.bottom - 50.0 {
            self.signatures(random);
        }
    }

    fn sparse(&mut self, random: &mut Random) {
        if random.chance(0.5) {
            self.letterhead(random);
        } else {
            self.y += random.within(0.0..60.0);
        }
        let lines = random.whole(2..5);
        for _ in 0..lines {
            let words = random.whole(3..9);
            let text = words::sentence(random, words);
            let place = self.left + random.within(0.0..15.0);
            let y = self.y;
            self.sheet.text(self.pen, place, y, &text);
            self.y += self.pen.leading() * random.within(1.0..2.0);
        }
        if random.chance(0.3) {
            self.signature(Point::new((self.left + self.right) / 2.0, self.y + 15.0), random);
        }
    }

    fn receipt(&mut self, random: &mut Random) {
        let office = words::office(random);
        self.centred(self.pen.bold().scaled(0.75), office);
        self.centred(self.pen, &format!("Số: {}", words::number(random, 7)));
        self.dashes();
        while self.y < self.bottom - 22.0 {
            let (item, price) = (words::goods(random), words::number(random, 5));
            let y = self.y;
            self.sheet.text(self.pen, self.left, y, item);
            self.flush_right(self.pen, y, &price);
            self.y += self.pen.leading();
            if random.chance(0.3) {
                let note = words::sentence(random, 4);
                let y = self.y;
                self.sheet.text(self.pen.scaled(0.85), self.left + 3.0, y, &note);
                self.y += self.pen.leading();
            }
        }
        self.dashes();
        let (y, total) = (self.y, words::number(random, 6));
        self.sheet.text(self.pen.bold().scaled(1.2), self.left, y, "TỔNG CỘNG");
        self.flush_right(self.pen.bold().scaled(1.2), y, &total);
        self.y += self.pen.leading() * 1.5;
        self.centred(self.pen, "Xin cảm ơn quý khách!");
    }

    fn card(&mut self, random: &mut Random) {
        let (width, height) = (85.6, 53.98);
        for wave in 0..14 {
            let points = (0..=40).map(|step| {
                let x = f64::from(step) / 40.0 * width;
                Point::new(x, f64::from(wave) * 4.0 + 3.0 * (x / 9.0 + f64::from(wave) * 0.4).sin())
            });
            self.sheet.stroke(&points.collect::<Vec<_>>(), 0.12, [0.45, 0.70, 0.66], 0.7);
        }
        self.y = 8.0;
        self.centred(self.pen.bold(), "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM");
        self.centred(Pen { ink: RED, ..self.pen.bold().scaled(1.3) }, "THẺ CÔNG CHỨC");
        let skin = [random.within(0.6..0.8) as f32, 0.55, 0.45];
        self.sheet.fill([6.0, 19.0, 26.0, 46.0], [0.55, 0.66, 0.80], 1.0);
        self.sheet.ring(Point::new(16.0, 31.0), 0.0, 5.5, skin, 1.0);
        self.sheet.fill([9.0, 38.0, 23.0, 46.0], [0.25, 0.27, 0.33], 1.0);
        self.left = 30.0;
        self.y = 21.0;
        while self.y < height - 5.0 {
            let (label, value) = (words::field(random), words::name(random));
            let y = self.y;
            let wide = self.sheet.text(self.pen.scaled(0.85), self.left, y, label);
            self.sheet.text(self.pen.bold(), self.left + wide + 1.0, y, value);
            self.y += self.pen.leading() * 1.25;
        }
    }

    /// Office at the left, the state and its motto at the right.
    fn letterhead(&mut self, random: &mut Random) {
        let (left, right) = (self.left, self.right);
        let (first, second) = (left + (right - left) * 0.22, left + (right - left) * 0.72);
        let small = self.pen.scaled(0.85);
        let (y, step) = (self.y, small.leading());
        let (office, number) = (words::office(random), words::number(random, 3));
        let fitting = small.bold().scaled((((right - left) * 0.42) / small.bold().width(office)).min(1.0));
        self.about(fitting, first, y, office);
        self.about(small, first, y + step, &format!("Số: {number}/QĐ-UBND"));
        self.about(small.bold().scaled(0.9), second, y, "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM");
        self.about(small.bold(), second, y + step, "Độc lập - Tự do - Hạnh phúc");
        let half = small.bold().width("Độc lập - Tự do - Hạnh phúc") / 2.0;
        self.rule(second - half, second + half, y + step * 1.35);
        self.rule(first - 12.0, first + 12.0, y + step * 1.35);
        let day = format!("Hòa Trung, ngày {} tháng {} năm 2025", random.whole(1..29), random.whole(1..13));
        self.about(small, second, y + step * 2.6, &day);
        self.y += step * 5.0;
    }

    fn title(&mut self, random: &mut Random) {
        let (title, subject) = (words::title(random), words::subject(random));
        self.centred(self.pen.bold().scaled(1.15), title);
        self.centred(self.pen.bold(), subject);
        self.y += self.pen.leading() * 0.6;
    }

    /// Running text in full lines, the last one as long as it is; stops above `bottom`.
    fn paragraph(&mut self, random: &mut Random, bottom: f64) {
        const INDENT: f64 = 10.0;
        let count = random.whole(20..90);
        let text = words::sentence(random, count);
        let mut line: Vec<&str> = Vec::new();
        let mut indent = INDENT;
        let space = self.pen.width(" ");
        let mut used = 0.0;
        for word in text.split(' ') {
            let wide = self.pen.width(word);
            if used + wide > self.right - self.left - indent {
                self.full_line(&line, indent);
                if self.y > bottom {
                    return;
                }
                (used, indent) = (0.0, 0.0);
                line.clear();
            }
            line.push(word);
            used += wide + space;
        }
        let y = self.y;
        self.sheet.text(self.pen, self.left + indent, y, &line.join(" "));
        self.y += self.pen.leading() * 1.3;
    }

    /// Words from margin to margin.
    fn full_line(&mut self, words: &[&str], indent: f64) {
        let inked: f64 = words.iter().map(|word| self.pen.width(word)).sum();
        let gaps = words.len().saturating_sub(1).max(1);
        let gap = (self.right - self.left - indent - inked) / gaps as f64;
        let (mut x, y) = (self.left + indent, self.y);
        for word in words {
            x += self.sheet.text(self.pen, x, y, word) + gap;
        }
        self.y += self.pen.leading();
    }

    fn field(&mut self, random: &mut Random) {
        let (label, y) = (words::field(random), self.y);
        let after = self.left + self.sheet.text(self.pen, self.left, y, label) + 1.0;
        let dot = self.pen.width(".");
        let dots = ".".repeat(((self.right - after) / dot).max(0.0).floor() as usize);
        self.sheet.text(self.pen, after, y, &dots);
        if random.chance(0.4) {
            let name = words::name(random);
            self.sheet.text(Pen { ink: BLUE, ..self.pen }, after + 4.0, y - 0.6, name);
        }
        self.y += self.pen.leading() * 1.35;
    }

    /// A table of up to this many rows.
    fn grid(&mut self, random: &mut Random, rows: usize) {
        let columns = random.whole(3..7);
        let mut edges = vec![self.left];
        let shares: Vec<f64> = (0..columns).map(|_| random.within(0.5..2.0)).collect();
        let total: f64 = shares.iter().sum();
        for share in &shares {
            edges.push(edges[edges.len() - 1] + share / total * (self.right - self.left));
        }
        let (top, pitch) = (self.y, self.pen.leading() * 1.3);
        let rows = rows.min(((self.bottom - top) / pitch).max(2.0).floor() as usize);
        let bottom = top + pitch * rows as f64;
        for row in 0..=rows {
            self.rule(self.left, self.right, top + pitch * row as f64);
        }
        for &x in &edges {
            self.sheet.stroke(&[Point::new(x, top), Point::new(x, bottom)], 0.25, self.pen.ink, 1.0);
        }
        for row in 0..rows {
            let baseline = top + pitch * (row as f64 + 0.72);
            for cell in edges.windows(2) {
                let room = cell[1] - cell[0] - 2.0;
                let pen = if row == 0 { self.pen.bold().scaled(0.85) } else { self.pen.scaled(0.85) };
                let text = match random.below(3) {
                    _ if row == 0 => words::field(random).trim_end_matches(':').to_owned(),
                    0 => words::number(random, 5),
                    1 => words::name(random).to_owned(),
                    _ => words::sentence(random, 3),
                };
                if pen.width(&text) < room {
                    self.sheet.text(pen, cell[0] + 1.0, baseline, &text);
                } else if pen.width("128") < room {
                    self.sheet.text(pen, cell[0] + 1.0, baseline, &words::number(random, 2));
                }
            }
        }
        self.y = bottom + self.pen.leading() * 1.5;
    }

    /// Whom it goes to at the left; at the right title, signature, seal and name.
    fn signatures(&mut self, random: &mut Random) {
        let second = self.left + (self.right - self.left) * 0.74;
        let (y, left) = (self.y + self.pen.leading(), self.left);
        let small = self.pen.scaled(0.8);
        self.sheet.text(small.bold(), left, y, "Nơi nhận:");
        for line in 1..4 {
            let text = format!("- {};", words::sentence(random, 3).trim_end_matches('.'));
            self.sheet.text(small, left, y + small.leading() * f64::from(line), &text);
        }
        self.about(self.pen.bold(), second, y, "KT. CHỦ TỊCH");
        let name = words::name(random);
        self.about(self.pen.bold(), second, y + 30.0, name);
        self.signature(Point::new(second, y + 15.0), random);
        if random.chance(0.7) {
            self.seal(Point::new(second - 16.0, y + 13.0), random);
        }
    }

    /// Strokes of a pen.
    fn signature(&mut self, middle: Point, random: &mut Random) {
        let (waves, tall) = (random.within(2.0..5.0), random.within(3.0..8.0));
        let (lean, phase) = (random.within(-0.4..0.2), random.within(0.0..6.0));
        let points = (0..=90).map(|step| {
            let t = f64::from(step) / 90.0;
            let turn = t * waves * std::f64::consts::TAU;
            let x = (t - 0.5) * 34.0 + 4.0 * (turn + phase).cos();
            let y = tall * (turn * 0.97).sin() * (1.0 - 0.7 * t) + lean * x;
            Point::new(middle.x + x, middle.y + y)
        });
        self.sheet.stroke(&points.collect::<Vec<_>>(), random.within(0.35..0.7), BLUE, 0.9);
    }

    /// A round red seal with a star.
    fn seal(&mut self, middle: Point, random: &mut Random) {
        let outer = random.within(14.0..18.0);
        let opacity = random.within(0.55..0.85) as f32;
        let turn = random.within(-0.3..0.3);
        self.sheet.ring(middle, outer - 0.9, outer, RED, opacity);
        self.sheet.ring(middle, outer * 0.66 - 0.4, outer * 0.66, RED, opacity);
        let around =
            |angle: f64, radius: f64| Point::new(middle.x + radius * angle.sin(), middle.y - radius * angle.cos());
        for letter in 0..44 {
            let angle = turn + f64::from(letter) / 44.0 * std::f64::consts::TAU;
            let ends = [around(angle, outer * 0.72), around(angle + random.within(-0.04..0.04), outer * 0.88)];
            self.sheet.stroke(&ends, 0.6, RED, opacity);
        }
        let star = (0..=10).map(|corner| {
            let radius = if corner % 2 == 0 { outer * 0.36 } else { outer * 0.15 };
            around(turn + f64::from(corner) / 10.0 * std::f64::consts::TAU, radius)
        });
        self.sheet.stroke(&star.collect::<Vec<_>>(), 0.9, RED, opacity);
        self.sheet.ring(middle, 0.0, outer * 0.18, RED, opacity);
    }

    fn centred(&mut self, pen: Pen, text: &str) {
        let (middle, y) = ((self.left + self.right) / 2.0, self.y);
        self.about(pen, middle, y, text);
        self.y += pen.leading();
    }

    /// A text with its middle here.
    fn about(&mut self, pen: Pen, middle: f64, baseline: f64, text: &str) {
        self.sheet.text(pen, middle - pen.width(text) / 2.0, baseline, text);
    }

    fn flush_right(&mut self, pen: Pen, baseline: f64, text: &str) {
        self.sheet.text(pen, self.right - pen.width(text), baseline, text);
    }

    fn rule(&mut self, from: f64, to: f64, y: f64) {
        self.sheet.stroke(&[Point::new(from, y), Point::new(to, y)], 0.25, self.pen.ink, 1.0);
    }

    fn dashes(&mut self) {
        let (dash, y) = (self.pen.width("-"), self.y);
        let count = ((self.right - self.left) / dash).floor() as usize;
        self.sheet.text(self.pen, self.left, y, &"-".repeat(count));
        self.y += self.pen.leading();
    }
}
