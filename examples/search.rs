//! Fills an index with invented papers, and asks it: what `benches/search` measures.
//!
//!   search put FOLDER FROM UNTIL   puts pages into an index; prints seconds and the most memory that was held
//!   search settle FOLDER           makes one table of terms of all; prints the same
//!   search ask FOLDER PAGES TIMES  asks each kind of question so many times; prints a row a kind
//!   search print PAGES             prints the words of the pages, one a line, without marks
//!
//! The words are syllables put together by the rules of Vietnamese spelling, some common and most rare (Zipf), in twos as the
//! language has them; names, numbers and dates are invented. One word in a hundred is misread. The same number of a paper gives the
//! same paper, so questions can be made of any.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "figures are what this is for")]
#![expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small invented numbers")]

use std::path::Path;
use std::time::Instant;

use sohoa::model::{Rect, TextLine, Word};
use sohoa::search::{Entry, Found, Index, Page, Question};
use time::{Date, Duration, Month};

const INITIALS: &str = "b c ch d đ g gi h kh l m n ng nh ph qu r s t th tr v x";
const RIMES: &str = "a ac ai am an ang anh ao at ay ăc ăm ăn ăng ăt âm ân âng âp ât âu ây e em en eo ep ê êm ên ênh êu i ia iêm \
    iên iêng iêt iêu im in inh it o oa oan oc oi om on ong op ô ôc ôi ôm ôn ông ôt ơ ơi ơm ơn u ua uc ui um un ung uôc uôi uôn \
    uông uy uyên ư ưa ưc ưng ươc ươi ươm ươn ương ưu";
const FAMILIES: &str = "Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Đinh Mai Tô Lương";
const MIDDLES: &str = "Văn Thị Hữu Đức Minh Ngọc Thanh Quốc Xuân Thu Hoài Gia Bảo Kim Công Đình";
const GIVEN: &str = "An Bình Chi Dũng Đạt Giang Hà Hải Hằng Hiếu Hoa Hùng Hương Khánh Lan Linh Long Mai Nam Nga Ngân Phúc Phương \
    Quân Quyên Sơn Tâm Thảo Thắng Thu Thuỷ Tiến Trang Tuấn Tú Uyên Vân Việt Yến";
const KINDS: [&str; 12] = [
    "Quyết định",
    "Tờ khai",
    "Giấy khai sinh",
    "Giấy chứng nhận",
    "Đơn đề nghị",
    "Biên bản",
    "Hợp đồng",
    "Thông báo",
    "Công văn",
    "Tờ trình",
    "Bản sao",
    "Phiếu lý lịch",
];

/// Pages of a paper, papers of a dossier, syllables of a page.
const PAGES: usize = 5;
const PAPERS: usize = 5;
const SYLLABLES: usize = 250;
/// Words of the language, each of one or two syllables.
const WORDS: usize = 30_000;
/// Papers are put in by so many.
const BATCH: usize = 200;
/// Hits of a page of answers.
const SHOWN: usize = 20;

/// Numbers that look random (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

struct Language {
    words: Vec<Vec<String>>,
    /// How likely a word or one before it is.
    sums: Vec<f64>,
    families: Vec<&'static str>,
    middles: Vec<&'static str>,
    given: Vec<&'static str>,
}

impl Language {
    fn new() -> Self {
        let mut random = Random(7);
        let initials: Vec<&str> = INITIALS.split_whitespace().collect();
        let rimes: Vec<&str> = RIMES.split_whitespace().collect();
        let syllable = |random: &mut Random| {
            // Some rimes are frequent, as some sounds are.
            let rime = rimes[(random.share().powf(1.6) * rimes.len() as f64) as usize];
            toned(&format!("{}{rime}", random.of(&initials)), random.below(6))
        };
        let mut words = Vec::new();
        for _ in 0..WORDS {
            let syllables = if random.below(3) == 0 { 1 } else { 2 };
            words.push((0..syllables).map(|_| syllable(&mut random)).collect());
        }
        let mut sum = 0.0;
        let sums = (1..=WORDS).map(|rank| {
            sum += 1.0 / (rank as f64 + 5.0);
            sum
        });
        let sums = sums.collect();
        let list = |text: &'static str| text.split_whitespace().collect();
        Self { words, sums, families: list(FAMILIES), middles: list(MIDDLES), given: list(GIVEN) }
    }

    fn word(&self, random: &mut Random) -> &[String] {
        let at = random.share() * self.sums.last().unwrap();
        &self.words[self.sums.partition_point(|sum| *sum < at).min(WORDS - 1)]
    }

    fn name(&self, random: &mut Random) -> String {
        format!("{} {} {}", random.of(&self.families), random.of(&self.middles), random.of(&self.given))
    }

    /// The paper of a number.
    fn entry(&self, number: usize) -> Entry {
        let random = &mut Random(number as u64 ^ 0x5151_0000_0000);
        let kind = *random.of(&KINDS);
        let date =
            Date::from_calendar_date(1995, Month::January, 1).unwrap() + Duration::days(random.below(11_000) as i64);
        let symbol = format!("{}/{}/QĐ-UBND", 1 + random.below(9_999), date.year());
        let owner = self.name(random);
        let identity = format!("0{:02}{:09}", random.below(96), random.below(1_000_000_000));
        let mut pages = Vec::new();
        for page in 1..=PAGES {
            let mut words: Vec<String> = Vec::new();
            if page == 1 {
                words.extend(
                    format!("{kind} số {symbol} ngày {date} của {owner} số {identity}").split(' ').map(str::to_owned),
                );
            }
            while words.len() < SYLLABLES {
                words.extend(self.word(random).iter().cloned());
            }
            for word in &mut words {
                if random.below(100) == 0 {
                    *word = slip(word, random);
                }
            }
            pages.push(Page { number: page as u32, size: (1190, 1684), lines: lines(&words) });
        }
        Entry {
            component: number as i64 + 1,
            dossier: Some(dossier_of(number)),
            name: format!("giay-to-{}", number % PAPERS),
            version: 1,
            title: kind.to_owned(),
            kind: Some(kind.to_owned()),
            number: Some(symbol),
            date: Some(date),
            valid_until: None,
            owner: Some(owner),
            identity: Some(identity),
            pages,
        }
    }
}

fn dossier_of(paper: usize) -> String {
    format!("H21.15-{:06}-{:04}", 250_000 + paper / PAPERS / 400, paper / PAPERS % 400)
}

/// A syllable with one of the six tones.
fn toned(syllable: &str, tone: usize) -> String {
    let marks = ["", "\u{300}", "\u{301}", "\u{309}", "\u{303}", "\u{323}"];
    let is_vowel = |c: char| "aăâeêioôơuưy".contains(c);
    let initial = syllable.find(is_vowel).unwrap_or(0);
    let vowels: Vec<(usize, char)> =
        syllable.char_indices().skip_while(|(at, _)| *at < initial).filter(|(_, c)| is_vowel(*c)).collect();
    let marked = vowels.iter().rfind(|(_, c)| "ăâêôơư".contains(*c)).or_else(|| vowels.get(vowels.len() / 2));
    let Some((at, vowel)) = marked else { return syllable.to_owned() };
    let end = at + vowel.len_utf8();
    format!("{}{}{}", &syllable[..end], marks[tone], &syllable[end..])
}

/// A word as it is read or typed with one letter wrong.
fn slip(word: &str, random: &mut Random) -> String {
    let mut letters: Vec<char> = word.chars().collect();
    let at = random.below(letters.len());
    match random.below(3) {
        0 if letters.len() > 2 => drop(letters.remove(at)),
        1 => letters.insert(at, *random.of(&['i', 'l', 'n', 'r', 'u'])),
        _ => letters[at] = *random.of(&['c', 'e', 'i', 'n', 'o', 'u']),
    }
    letters.into_iter().collect()
}

fn lines(words: &[String]) -> Vec<TextLine> {
    let line = |(row, words): (usize, &[String])| {
        let y = 120 + 48 * row as u32;
        let mut x = 140;
        let word = |text: &String| {
            let width = 14 * text.chars().count() as u32;
            let bounds = Rect { x, y, width, height: 28 };
            x += width + 9;
            Word { text: text.clone(), bounds, confidence: 0.9, blue: 0 }
        };
        TextLine { words: words.iter().map(word).collect(), bounds: Rect::default(), block: 0 }
    };
    words.chunks(12).enumerate().map(line).collect()
}

/// Puts the pages after `from` up to `until` into an index; prints seconds and the most memory that was held.
fn put(folder: &Path, from: usize, until: usize) {
    let language = Language::new();
    let started = Instant::now();
    let (mut index, _) = Index::open(folder).unwrap();
    assert_eq!(index.pages().unwrap(), from as u64, "{} has other pages", folder.display());
    index.begun().unwrap();
    let papers: Vec<usize> = (from / PAGES..until / PAGES).collect();
    for batch in papers.chunks(BATCH) {
        let entries: Vec<Entry> = batch.iter().map(|number| language.entry(*number)).collect();
        index.put(&entries).unwrap();
    }
    println!("{:.1} {}", started.elapsed().as_secs_f64(), memory_kib());
}

/// Makes one table of terms of all; prints seconds.
fn settle(folder: &Path) {
    let started = Instant::now();
    let (mut index, _) = Index::open(folder).unwrap();
    index.settle().unwrap();
    println!("{:.1} {}", started.elapsed().as_secs_f64(), memory_kib());
}

fn memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Makes a question of a paper, and says which page should be among the answers, if any.
type Kind = fn(&Language, usize, &mut Random) -> (Question, Option<(i64, u32)>);

fn text(text: impl Into<String>) -> Question {
    Question { text: text.into(), ..Question::default() }
}

/// Words side by side on a page of a paper that were read well, and the page.
fn together(language: &Language, paper: usize, random: &mut Random, count: usize) -> (Vec<String>, Option<(i64, u32)>) {
    let entry = language.entry(paper);
    let page = &entry.pages[1 + random.below(PAGES - 1)];
    let words: Vec<&str> = page.lines.iter().flat_map(|line| &line.words).map(|word| word.text.as_str()).collect();
    let at = random.below(words.len() - count);
    (words[at..at + count].iter().map(|word| (*word).to_owned()).collect(), Some((entry.component, page.number)))
}

fn plain(words: &[String]) -> String {
    let marks = |c: char| match c {
        'à' | 'á' | 'ả' | 'ã' | 'ạ' | 'ă' | 'â' => 'a',
        'đ' => 'd',
        'ê' => 'e',
        'ô' | 'ơ' => 'o',
        'ư' => 'u',
        c => c,
    };
    let is_mark = |c: &char| ('\u{300}'..'\u{370}').contains(c);
    words.join(" ").chars().filter(|c| !is_mark(c)).map(marks).collect()
}

fn common(language: &Language, random: &mut Random) -> String {
    language.words[random.below(50)].join(" ")
}

const KINDS_OF_QUESTIONS: [(&str, Kind); 24] = [
    ("one common word", |language, _, random| (text(language.words[random.below(50)][0].clone() + " "), None)),
    ("one rare word", |language, _, random| {
        (text(language.words[WORDS - 1 - random.below(9_000)].join(" ") + " "), None)
    }),
    ("two words together", |language, paper, random| {
        (text(together(language, paper, random, 2).0.join(" ") + " "), None)
    }),
    ("two common words apart", |language, _, random| {
        (text(format!("{} {} ", language.words[random.below(50)][0], language.words[random.below(50)][0])), None)
    }),
    ("five words together", |language, paper, random| {
        let (words, page) = together(language, paper, random, 5);
        (text(words.join(" ") + " "), page)
    }),
    ("phrase of two", |language, paper, random| {
        (text(format!("\"{}\"", together(language, paper, random, 2).0.join(" "))), None)
    }),
    ("phrase of five", |language, paper, random| {
        let (words, page) = together(language, paper, random, 5);
        (text(format!("\"{}\"", words.join(" "))), page)
    }),
    ("phrase that is nowhere", |language, _, random| {
        let words = [common(language, random), common(language, random), common(language, random)];
        (text(format!("\"{}\"", words.join(" "))), None)
    }),
    ("beginning of a word", |language, paper, random| {
        let (words, _) = together(language, paper, random, 2);
        let begun: String = words[1].chars().take(2).collect();
        (text(format!("{} {begun}", words[0])), None)
    }),
    ("one word without marks", |language, _, random| (text(plain(&language.words[random.below(500)]) + " "), None)),
    ("five words without marks", |language, paper, random| {
        let (words, page) = together(language, paper, random, 5);
        (text(plain(&words) + " "), page)
    }),
    ("two words with a slip", |language, paper, random| {
        let (mut words, _) = together(language, paper, random, 2);
        words[0] = slip(&words[0], random);
        (text(words.join(" ") + " "), None)
    }),
    ("five words with a slip", |language, paper, random| {
        let (mut words, page) = together(language, paper, random, 5);
        let at = random.below(5);
        words[at] = slip(&words[at], random);
        (text(words.join(" ") + " "), page)
    }),
    ("owner", |language, _, random| (Question { owner: Some(language.name(random)), ..Question::default() }, None)),
    ("owner and word", |language, _, random| {
        (Question { owner: Some(language.name(random)), ..text(common(language, random)) }, None)
    }),
    ("number", |language, paper, _| {
        let entry = language.entry(paper);
        (Question { number: entry.number, ..Question::default() }, Some((entry.component, 1)))
    }),
    ("number among the words", |language, paper, _| {
        let entry = language.entry(paper);
        (text(entry.number.unwrap()), Some((entry.component, 1)))
    }),
    ("citizen's number", |language, paper, _| {
        let entry = language.entry(paper);
        (Question { identity: entry.identity, ..Question::default() }, Some((entry.component, 1)))
    }),
    ("dates and word", |language, paper, random| {
        let from = language.entry(paper).date;
        let until = from.map(|date| date + Duration::days(90));
        (Question { from, until, ..text(common(language, random)) }, None)
    }),
    ("years and rare word", |language, paper, random| {
        let from = language.entry(paper).date;
        let until = from.map(|date| date + Duration::days(4_000));
        (Question { from, until, ..text(language.words[WORDS - 1 - random.below(9_000)].join(" ") + " ") }, None)
    }),
    ("kind and word", |language, _, random| {
        (Question { kind: Some((*random.of(&KINDS)).to_owned()), ..text(common(language, random)) }, None)
    }),
    ("dossier and word", |language, paper, random| {
        (Question { dossier: Some(dossier_of(paper)), ..text(common(language, random)) }, None)
    }),
    ("nothing like it", |_, _, random| (text(format!("zwq{}k fjw ", ["xj", "wv", "jz"][random.below(3)])), None)),
    ("exact marks alone", |language, paper, random| {
        let (words, page) = together(language, paper, random, 5);
        (Question { is_strict: true, ..text(words.join(" ") + " ") }, page)
    }),
];

fn ask(folder: &Path, pages: usize, times: usize) {
    let language = Language::new();
    let index = Index::open_to_ask(folder).unwrap();
    for (name, kind) in KINDS_OF_QUESTIONS {
        let random = &mut Random(name.len() as u64);
        let (mut millis, mut expected, mut there, mut hits) = (Vec::new(), 0, 0, 0);
        for _ in 0..times {
            let (question, page) = kind(&language, random.below(pages / PAGES), random);
            let started = Instant::now();
            let found: Found = index.find(&question, SHOWN).unwrap();
            millis.push(started.elapsed().as_secs_f64() * 1000.0);
            hits += found.hits.len();
            if let Some((component, page)) = page {
                expected += 1;
                there += usize::from(found.hits.iter().any(|hit| (hit.paper.component, hit.page) == (component, page)));
            }
        }
        millis.sort_by(f64::total_cmp);
        let at = |share: f64| millis[((millis.len() - 1) as f64 * share) as usize];
        let recall =
            if expected == 0 { "-".to_owned() } else { format!("{:.1}%", 100.0 * there as f64 / expected as f64) };
        let mean = hits as f64 / times as f64;
        println!("{name}\t{:.2}\t{:.2}\t{:.2}\t{mean:.1}\t{recall}", at(0.5), at(0.99), at(1.0));
    }
    println!("{}", memory_kib());
}

fn print(pages: usize) {
    let language = Language::new();
    for paper in 0..pages / PAGES {
        for page in language.entry(paper).pages {
            let words: Vec<String> =
                page.lines.iter().flat_map(|line| &line.words).map(|word| word.text.clone()).collect();
            println!("{}", plain(&words).to_lowercase());
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["put", folder, from, until] => put(Path::new(folder), from.parse().unwrap(), until.parse().unwrap()),
        ["settle", folder] => settle(Path::new(folder)),
        ["ask", folder, pages, times] => ask(Path::new(folder), pages.parse().unwrap(), times.parse().unwrap()),
        ["print", pages] => print(pages.parse().unwrap()),
        _ => println!("search put FOLDER FROM UNTIL | settle FOLDER | ask FOLDER PAGES TIMES | print PAGES"),
    }
}
