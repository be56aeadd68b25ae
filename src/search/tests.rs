//! Questions to small indexes, and indexes that cannot be used.

use time::Date;
use time::macros::date;

use super::*;
use crate::model::{Rect, TextLine, Word};

const OWNER: &str = "Nguyễn Thị Hoà";
const NUMBER: &str = "052012340123";

fn page(number: u32, lines: &[&str]) -> Page {
    let line = |(row, text): (u32, &&str)| {
        let word = |(place, text): (u32, &str)| {
            let bounds = Rect { x: 100 * place, y: 50 * row, width: 90, height: 40 };
            Word { text: text.to_owned(), bounds, confidence: 0.9, blue: 0 }
        };
        TextLine { words: (0..).zip(text.split(' ')).map(word).collect(), bounds: Rect::default(), block: 0 }
    };
    Page { number, size: (1190, 1684), lines: (0..).zip(lines).map(line).collect() }
}

fn entry(component: i64, title: &str, lines: &[&str]) -> Entry {
    Entry {
        component,
        dossier: Some("H21.15-250701-0012".into()),
        name: title.replace(' ', "-"),
        version: 1,
        title: title.to_owned(),
        pages: vec![page(1, lines)],
        ..Entry::default()
    }
}

struct Desk {
    folder: tempfile::TempDir,
    index: Index,
}

impl Desk {
    fn new(entries: &[Entry]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (mut index, is_new) = Index::open(&folder.path().join("search")).unwrap();
        assert!(is_new);
        index.put(entries).unwrap();
        Self { folder, index }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("search")
    }

    fn find(&self, question: &Question) -> Vec<Hit> {
        self.index.find(question, 20).unwrap().hits
    }

    /// Numbers of the components found, the best first.
    fn found(&self, text: &str) -> Vec<i64> {
        self.find(&asked(text)).iter().map(|hit| hit.paper.component).collect()
    }
}

fn asked(text: &str) -> Question {
    Question { text: text.to_owned(), ..Question::default() }
}

#[test]
fn marks_are_wanted_where_they_are_typed_and_not_missed_where_they_are_not() {
    let desk = Desk::new(&[
        entry(1, "a", &["quyền sử dụng đất ở"]),
        entry(2, "b", &["đạt yêu cầu sử dụng"]),
        entry(3, "c", &["dat khong dau"]),
    ]);
    assert_eq!(desk.found("đất ")[0], 1, "as it was typed comes first");
    assert_eq!(desk.found("đất ").len(), 3);
    let strict = Question { is_strict: true, ..asked("đất ") };
    assert_eq!(desk.find(&strict).iter().map(|hit| hit.paper.component).collect::<Vec<_>>(), [1]);
    assert_eq!(desk.found("dat su dung "), [2, 1]);
    assert_eq!(desk.found("đất sử dụng "), [1, 2]);
    assert_eq!(desk.find(&asked("đất "))[0].how, How::Exact);
    assert_eq!(desk.find(&asked("đất "))[1].how, How::Folded);
}

#[test]
fn slips_beginnings_and_phrases() {
    let desk = Desk::new(&[
        entry(1, "a", &["giấy chứng nhận đăng ký", "phường Quảng Trường"]),
        entry(2, "b", &["nhận giấy và chứng từ"]),
    ]);
    assert_eq!(desk.found("phuonf quang "), [1]);
    assert_eq!(desk.find(&asked("phuonf "))[0].how, How::Near);
    assert_eq!(desk.found("truong qu"), [1]);
    assert_eq!(desk.find(&asked("truong qu"))[0].how, How::Begun);
    assert_eq!(desk.found("\"giấy chứng nhận\""), [1]);
    assert_eq!(desk.found("\"chứng nhận giấy\""), [0_i64; 0]);
    assert_eq!(desk.found("giấy chứng nhận "), [1, 2], "side by side comes first");
    assert_eq!(desk.found("xyzxyz "), [0_i64; 0]);
}

#[test]
fn fields_are_found_alone_and_with_words() {
    let full = Entry {
        kind: Some("Quyết định".into()),
        number: Some("45/2025/QĐ-UBND".into()),
        date: Some(date!(2025 - 03 - 14)),
        owner: Some(OWNER.into()),
        identity: Some(NUMBER.into()),
        ..entry(1, "a", &["về việc giao đất"])
    };
    let other = Entry {
        date: Some(date!(2025 - 03 - 30)),
        dossier: Some("H21.15-250701-0013".into()),
        ..entry(2, "b", &["về việc thu đất"])
    };
    let desk = Desk::new(&[full, other]);
    let find = |question: Question| desk.find(&question).iter().map(|hit| hit.paper.component).collect::<Vec<_>>();
    let question = Question::default;
    assert_eq!(find(Question { owner: Some("nguyen hoa".into()), ..question() }), [1]);
    assert_eq!(find(Question { owner: Some("trần".into()), ..question() }), [0_i64; 0]);
    assert_eq!(find(Question { number: Some("45 / 2025/qđ-ubnd".into()), ..question() }), [1]);
    assert_eq!(find(Question { kind: Some("quyet dinh".into()), ..asked("đất") }), [1]);
    assert_eq!(find(Question { identity: Some("052 012 340 123".into()), ..question() }), [1]);
    assert_eq!(find(asked(NUMBER)), [1]);
    assert_eq!(find(Question { dossier: Some("H21.15-250701-0013".into()), ..asked("dat") }), [2]);
    let dates = |from: Option<Date>, until: Option<Date>| find(Question { from, until, ..question() });
    assert_eq!(dates(Some(date!(2025 - 03 - 15)), None), [2]);
    assert_eq!(dates(None, Some(date!(2025 - 03 - 14))), [1]);
    assert_eq!(dates(Some(date!(2020 - 01 - 01)), Some(date!(2030 - 01 - 01))), [2, 1]);
    let hit = &desk.find(&asked("giao"))[0];
    assert_eq!(hit.identity.as_deref(), Some("0520••••0123"));
    assert_eq!(hit.known(), ["Quyết định", "45/2025/QĐ-UBND", "14/03/2025", OWNER, "0520••••0123"]);
    assert_eq!((hit.paper.date.as_deref(), hit.paper.number.as_deref()), (Some("2025-03-14"), Some("45/2025/QĐ-UBND")));
    assert!(matches!(desk.index.find(&asked("  "), 20), Err(SearchError::Nothing)));
    let some = desk.index.find(&asked("đất"), 1).unwrap();
    assert_eq!((some.hits.len(), some.count, some.has_more), (1, 2, true));
    assert!(desk.index.trace(&asked("đất"), &some).starts_with("text found=2 hash="));
}

#[test]
fn a_hit_says_which_words_and_where() {
    let desk = Desk::new(&[entry(1, "a", &["một hai ba", "bốn số 052012340123 năm"])]);
    let hit = &desk.find(&asked("hai bốn "))[0];
    let texts: Vec<(&str, bool)> = hit.snippet.iter().map(|piece| (piece.text.as_str(), piece.is_hit)).collect();
    assert_eq!(texts, [("một", false), ("hai", true), ("ba", false), ("bốn", true), ("số 0520••••0123 năm", false)]);
    let places: Vec<(u32, u32)> = hit.boxes.iter().map(|bounds| (bounds.x, bounds.y)).collect();
    assert_eq!((places, hit.size), (vec![(100, 0), (0, 50)], (1190, 1684)));
    let by_number = &desk.find(&asked(NUMBER))[0];
    assert_eq!(by_number.boxes.iter().map(|bounds| bounds.x).collect::<Vec<_>>(), [200]);
}

#[test]
fn versions_take_each_others_place_and_what_is_gone_is_gone() {
    let mut desk = Desk::new(&[entry(1, "a", &["lần đầu chungthuoc"])]);
    let second = Entry { component: 2, version: 2, ..entry(2, "a", &["lần sau"]) };
    desk.index.put(std::slice::from_ref(&second)).unwrap();
    desk.index.put(&[second]).unwrap();
    assert_eq!((desk.found("lần "), desk.index.pages().unwrap()), (vec![2], 1));
    assert_eq!(desk.found("chungthuoc "), [0_i64; 0]);
    assert_eq!(desk.found("chungthuox "), [0_i64; 0], "no word that is on no page is meant");
    // The first comes late, as after a crash.
    desk.index.put(&[entry(1, "a", &["lần đầu"])]).unwrap();
    assert_eq!(desk.found("lần "), [2]);
    desk.index.put(&[entry(3, "b", &["lần nữa"])]).unwrap();
    assert_eq!(desk.index.remove_dossier("H21.15-250701-0012").unwrap(), 2);
    assert_eq!((desk.found("lần "), desk.index.pages().unwrap()), (vec![], 0));
    desk.index.put(&[entry(3, "b", &["lần nữa"])]).unwrap();
    desk.index.remove(3).unwrap();
    desk.index.settle().unwrap();
    assert_eq!(desk.found("lần "), [0_i64; 0]);
}

#[test]
fn no_citizens_number_is_in_the_file() {
    // A card's number taken for the paper's, too.
    let full = Entry {
        identity: Some(NUMBER.into()),
        number: Some(NUMBER.into()),
        owner: Some("An 052 012 340 123".into()),
        ..entry(1, "a", &["số 052012340123", "052 012 340 123 đó"])
    };
    let desk = Desk::new(&[full]);
    assert_eq!((desk.found(NUMBER), desk.found("340 ")), (vec![1], vec![]));
    let path = desk.path();
    drop(desk.index);
    for file in fs::read_dir(&path).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        for clear in [NUMBER.as_bytes(), b"052 012 340 123", b"12340"] {
            assert!(!bytes.windows(clear.len()).any(|window| window == clear));
        }
    }
}

#[test]
fn an_index_that_cannot_be_used_is_begun_anew() {
    let mut desk = Desk::new(&[entry(1, "a", &["một"])]);
    let path = desk.path();
    assert!(Index::open(&path).unwrap().1, "nobody said that it was begun");
    desk.index.begun().unwrap();
    drop(desk.index);
    assert!(!Index::open(&path).unwrap().1);
    assert_eq!(Index::open_to_ask(&path).unwrap().find(&asked("một"), 9).unwrap().hits.len(), 1);
    let spoil: [fn(&Path); 3] = [
        |path| fs::write(path.join(DATABASE), b"no database at all, but long enough to be looked at").unwrap(),
        |path| fs::write(path.join(KEY), [7; 32]).unwrap(),
        |path| Connection::open(path.join(DATABASE)).unwrap().pragma_update(None, "user_version", 99).unwrap(),
    ];
    for spoil in spoil {
        spoil(&path);
        assert!(Index::open_to_ask(&path).is_err());
        let (mut index, is_new) = Index::open(&path).unwrap();
        assert!(is_new);
        assert_eq!(index.pages().unwrap(), 0);
        index.begun().unwrap();
    }
    assert!(matches!(Index::open_to_ask(&path.join("none")), Err(SearchError::Missing(_))));
}

#[test]
fn a_slip_in_a_short_word_leaves_the_others() {
    let desk = Desk::new(&[
        entry(1, "a", &["bà Nguyễn Thị Hoà ở thôn Trung"]),
        entry(2, "b", &["ông Nguyễn Hữu Lộc"]),
        entry(3, "c", &["thôn Trung"]),
    ]);
    assert_eq!(desk.found("nguyen htj hoa"), [1]);
    assert_eq!(desk.find(&asked("nguyen htj hoa"))[0].how, How::Near);
    assert_eq!(desk.found("htj hoa"), [0; 0], "of two words both are wanted");
    let exact = Question { is_strict: true, ..asked("Nguyễn htj Hoà") };
    assert_eq!(desk.find(&exact), []);
    assert_eq!(desk.found("\"nguyen htj\" hoa"), [0; 0], "what stands side by side is wanted so");
}

#[test]
fn the_papers_of_a_person_are_found_by_number_and_kind() {
    let paper = |component, dossier: &str, kind: &str, identity: &str| Entry {
        dossier: Some(dossier.into()),
        kind: Some(kind.into()),
        identity: Some(identity.into()),
        valid_until: Some("2030-01-15".into()),
        ..entry(component, kind, &["a"])
    };
    let desk = Desk::new(&[
        paper(1, "H21-250701-0001", "Căn cước", NUMBER),
        paper(2, "H21-250701-0002", "Giấy khai sinh", NUMBER),
        paper(3, "H21-250701-0003", "Căn cước", "052012340124"),
        paper(4, "H21-250701-0004", "Căn cước", NUMBER),
        entry(5, "e", &["a"]),
    ]);
    let numbers = |papers: Vec<Paper>| papers.iter().map(|paper| paper.component).collect::<Vec<_>>();
    assert_eq!(numbers(desk.index.papers_of("052 012 340 123").unwrap()), [4, 2, 1]);
    assert!(matches!(desk.index.papers_of("052"), Err(SearchError::Identity)));
    assert_eq!(numbers(desk.index.papers_like(4).unwrap()), [1]);
    assert_eq!(numbers(desk.index.papers_like(5).unwrap()), [0; 0]);
    let paper = &desk.index.papers_like(4).unwrap()[0];
    assert_eq!((paper.dossier.as_deref(), paper.valid_until.as_deref()), (Some("H21-250701-0001"), Some("2030-01-15")));
}
