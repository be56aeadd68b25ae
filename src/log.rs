//! `log.jsonl`: what was done to the files of an output directory, in order, one JSON object a line.
//!
//! Each line holds the SHA-256 of the line before it, and the sealed manifest holds the number of lines and the SHA-256 of
//! the last ([`LogHead`]): a line that was changed, removed, moved or put in breaks the chain, and a log that was cut off or
//! went on does not end where the manifest says. Lines are only ever appended. They name components, files and hashes, for a
//! signer the certificate's; no person and no text of a document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::{self, Component, LogHead, Manifest, State};
use crate::model::{Lang, Localized};

/// Name of the file in the output directory.
pub const FILE_NAME: &str = "log.jsonl";

/// The hash of the line before the first.
const NO_LINE: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// The log begins in a directory that has a manifest already: `after_sha256` is that of `manifest.json`.
    Begin,
    /// A file that the manifest named when the log began.
    Found,
    /// The first version of a component was assembled: `after_sha256` is that of the unsigned PDF.
    Publish,
    /// A later version was assembled; `before_sha256` is that of the PDF of the version before, which stays.
    Replace,
    /// A PDF that came with signatures became a component as it is (*giữ nguyên*).
    Keep,
    /// The text of a component was written beside it.
    Transcript,
    /// The person who made the copy signed (*ký số*).
    Sign,
    /// The agency signed after that person.
    Countersign,
    /// A person accepted pages whose quality was doubted, or took that back; the file is as before.
    Accept,
    /// Timestamps or revocation data were added to the signatures (*dấu thời gian*).
    Upgrade,
}

impl Event {
    /// In a person's words.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Begin => lang.pick("bắt đầu nhật ký", "log begins"),
            Self::Found => lang.pick("đã có từ trước", "was there before"),
            Self::Publish => lang.pick("xuất bản", "published"),
            Self::Replace => lang.pick("xuất bản bản mới", "new version published"),
            Self::Keep => lang.pick("giữ nguyên", "kept as it is"),
            Self::Transcript => lang.pick("ghi tệp văn bản", "text written"),
            Self::Sign => lang.pick("ký số", "signed"),
            Self::Countersign => lang.pick("cơ quan ký số", "signed by the agency"),
            Self::Accept => lang.pick("chấp nhận trang", "pages accepted"),
            Self::Upgrade => lang.pick("thêm dấu thời gian", "timestamped"),
        }
    }
}

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Number of the line, from 1.
    pub seq: u64,
    /// When the run was that did it, RFC 3339 with `+07:00`.
    pub time: String,
    /// What was done.
    pub event: Event,
    /// Name of the component; absent when the log begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The file; absent for a component of which no page could be made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of what was there before, hex; absent when there was nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before_sha256: Option<String>,
    /// SHA-256 of the file afterwards, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_sha256: Option<String>,
    /// SHA-256 of the signer's certificate, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<String>,
    /// SHA-256 of the line before, without its line break, hex; zeros in the first.
    pub previous_sha256: String,
    /// Version of the program.
    pub program: String,
}

/// What a change of one version of a component adds to the log: `before` is the version as it was, `None` for a new one,
/// and `replaced` the version that a new one takes the place of.
pub fn entries(
    component: &Component,
    before: Option<&Component>,
    replaced: Option<&Component>,
    time: &str,
) -> Vec<Entry> {
    let entry = |event| Entry {
        component: Some(component.name.clone()),
        version: Some(component.version),
        ..Entry::new(event, time)
    };
    let hash = |component: &Component| component.file.as_ref().map(|file| file.sha256.clone());
    let name = component.file.as_ref().map(|file| file.path.clone());
    let mut entries = Vec::new();
    if before.is_none() {
        entries.extend(component.transcripts.iter().map(|file| Entry {
            file: Some(file.path.clone()),
            after_sha256: Some(file.sha256.clone()),
            ..entry(Event::Transcript)
        }));
        let event = match component.state {
            State::Kept => Event::Keep,
            _ if component.version > 1 => Event::Replace,
            _ => Event::Publish,
        };
        entries.push(Entry {
            file: name.clone(),
            before_sha256: replaced.and_then(hash),
            after_sha256: component.unsigned_sha256.clone().or(hash(component)),
            ..entry(event)
        });
    }
    let signatures = [
        (Event::Sign, before.and_then(|before| before.signature.as_ref()), &component.signature),
        (Event::Countersign, before.and_then(|before| before.countersignature.as_ref()), &component.countersignature),
    ];
    for (event, earlier, now) in signatures {
        if let Some(signature) = now.as_ref().filter(|_| earlier.is_none()) {
            entries.push(Entry {
                file: name.clone(),
                before_sha256: before.map_or_else(|| component.unsigned_sha256.clone(), hash),
                after_sha256: hash(component),
                certificate_sha256: Some(signature.certificate_sha256.clone()),
                ..entry(event)
            });
        }
    }
    entries
}

/// What the log says of a component whose pages a person accepted.
pub fn accepted(component: &Component, time: &str) -> Entry {
    let hash = component.file.as_ref().map(|file| file.sha256.clone());
    Entry {
        component: Some(component.name.clone()),
        version: Some(component.version),
        file: component.file.as_ref().map(|file| file.path.clone()),
        before_sha256: hash.clone(),
        after_sha256: hash,
        ..Entry::new(Event::Accept, time)
    }
}

/// What the log says of a component's file, `before`, whose signatures were brought to a higher level.
pub fn upgraded(component: &Component, before: &manifest::File, time: &str) -> Entry {
    Entry {
        component: Some(component.name.clone()),
        version: Some(component.version),
        file: Some(before.path.clone()),
        before_sha256: Some(before.sha256.clone()),
        after_sha256: component.file.as_ref().map(|file| file.sha256.clone()),
        ..Entry::new(Event::Upgrade, time)
    }
}

/// What a log begins with in a directory whose manifest, `bytes`, has none: that manifest and the files it names.
pub fn beginning(bytes: &[u8], manifest: &Manifest, time: &str) -> Vec<Entry> {
    let begin = Entry {
        file: Some(manifest::FILE_NAME.to_owned()),
        after_sha256: Some(manifest::sha256_hex(bytes)),
        ..Entry::new(Event::Begin, time)
    };
    let found = files(manifest).into_iter().map(|((component, version, file), after_sha256)| Entry {
        component: Some(component),
        version: Some(version),
        file,
        after_sha256,
        ..Entry::new(Event::Found, time)
    });
    [begin].into_iter().chain(found).collect()
}

impl Entry {
    fn new(event: Event, time: &str) -> Self {
        Self {
            seq: 0,
            time: time.to_owned(),
            event,
            component: None,
            version: None,
            file: None,
            before_sha256: None,
            after_sha256: None,
            certificate_sha256: None,
            previous_sha256: String::new(),
            program: format!("{} {}", env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION")),
        }
    }
}

/// The lines of entries that follow `head`, numbered and chained, and the head after them. `None` when there are none.
pub fn chained(head: Option<&LogHead>, entries: Vec<Entry>) -> Option<(Vec<u8>, LogHead)> {
    let mut head = head.cloned();
    let mut lines = Vec::new();
    for entry in entries {
        let (seq, previous_sha256) = following(head.as_ref());
        let line = serde_json::to_vec(&Entry { seq, previous_sha256, ..entry }).expect("an entry has only string keys");
        head = Some(LogHead { entries: seq, sha256: manifest::sha256_hex(&line) });
        lines.extend(line);
        lines.push(b'\n');
    }
    head.filter(|_| !lines.is_empty()).map(|head| (lines, head))
}

/// The number and the previous hash of the line that follows.
fn following(head: Option<&LogHead>) -> (u64, String) {
    head.map_or_else(|| (1, NO_LINE.to_owned()), |head| (head.entries + 1, head.sha256.clone()))
}

/// What is wrong with a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// The manifest speaks of a log that is not there.
    #[error("the log is missing; get the original back")]
    Missing,
    /// The manifest knows of no log.
    #[error("the manifest knows of no log; move it away")]
    Unknown,
    /// A line, its number from 1, is no entry or does not follow the one before.
    #[error(
        "line {0} does not follow the line before it: a line was changed, removed or put in; get the original back"
    )]
    Broken(u64),
    /// The last line is not the one that the manifest holds.
    #[error("the last line {0} is not the one that the manifest holds; get the original back")]
    OtherEnd(u64),
    /// The log is shorter than the manifest says.
    #[error("the log ends after {found} lines, the manifest says {sealed}; get the original back")]
    CutOff {
        /// Whole lines.
        found: u64,
        /// Lines that the manifest holds.
        sealed: u64,
    },
    /// The log goes on after the number of lines that the manifest says.
    #[error(
        "the log goes on after line {0}, the last of the manifest; where a run was interrupted run it again, else get \
         the original back"
    )]
    GoesOn(u64),
    /// By the log a file of the manifest, its name, should have another hash, or is not there, or should be.
    #[error("by the log {0} is not what the manifest says; get the original back")]
    OtherState(String),
}

impl Localized for LogFault {
    fn message(&self, lang: Lang) -> String {
        if lang == Lang::En {
            return self.to_string();
        }
        match self {
            Self::Missing => "thiếu nhật ký; hãy lấy lại bản gốc".to_owned(),
            Self::Unknown => "bản kê khai không ghi có nhật ký; hãy chuyển tệp này đi".to_owned(),
            Self::Broken(line) => format!(
                "dòng {line} không nối tiếp dòng trước: có dòng bị sửa, bị bỏ hoặc bị chèn vào; hãy lấy lại bản gốc"
            ),
            Self::OtherEnd(line) => {
                format!("dòng cuối ({line}) không phải dòng ghi trong bản kê khai; hãy lấy lại bản gốc")
            }
            Self::CutOff { found, sealed } => {
                format!("nhật ký chỉ còn {found} dòng, bản kê khai ghi {sealed}; hãy lấy lại bản gốc")
            }
            Self::GoesOn(line) => format!(
                "nhật ký có thêm nội dung sau dòng {line} là dòng cuối theo bản kê khai; nếu lần chạy trước bị ngắt, hãy \
                 chạy lại, nếu không hãy lấy lại bản gốc"
            ),
            Self::OtherState(file) => {
                format!("theo nhật ký, {file} không đúng như bản kê khai; hãy lấy lại bản gốc")
            }
        }
    }
}

/// The entries of a log up to the first that does not follow the one before, and all that is wrong: with the chain, with
/// its end, which the manifest holds, and with the files that it leads to. `log` is the file's bytes, `None` where it is
/// not there.
pub fn check(log: Option<&[u8]>, manifest: &Manifest) -> (Vec<Entry>, Vec<LogFault>) {
    let (bytes, sealed) = match (log, &manifest.log) {
        (None, None) => return (Vec::new(), Vec::new()),
        (None, Some(_)) => return (Vec::new(), vec![LogFault::Missing]),
        (Some(bytes), None) => return (read(bytes).0, vec![LogFault::Unknown]),
        (Some(bytes), Some(sealed)) => (bytes, sealed),
    };
    let (entries, end) = read(bytes);
    let found = entries.len() as u64;
    let fault = match end {
        End::Broken if found < sealed.entries => Some(LogFault::Broken(found + 1)),
        End::Torn if found < sealed.entries => Some(LogFault::CutOff { found, sealed: sealed.entries }),
        End::Broken | End::Torn => Some(LogFault::GoesOn(sealed.entries)),
        End::Whole(_) if found > sealed.entries => Some(LogFault::GoesOn(sealed.entries)),
        End::Whole(_) if found < sealed.entries => Some(LogFault::CutOff { found, sealed: sealed.entries }),
        End::Whole(head) if head.as_ref() != Some(sealed) => Some(LogFault::OtherEnd(found)),
        End::Whole(_) => None,
    };
    let faults = fault.map_or_else(|| other_state(&entries, manifest), |fault| vec![fault]);
    (entries, faults)
}

/// How a log ends.
enum End {
    /// After a whole line: its head, `None` without any.
    Whole(Option<LogHead>),
    /// In the middle of a line.
    Torn,
    /// The next line is none that could follow.
    Broken,
}

fn read(bytes: &[u8]) -> (Vec<Entry>, End) {
    let mut entries = Vec::new();
    let mut head: Option<LogHead> = None;
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let Some(line) = line.strip_suffix(b"\n") else { return (entries, End::Torn) };
        match serde_json::from_slice::<Entry>(line) {
            Ok(entry) if (entry.seq, entry.previous_sha256.clone()) == following(head.as_ref()) => {
                head = Some(LogHead { entries: entry.seq, sha256: manifest::sha256_hex(line) });
                entries.push(entry);
            }
            _ => return (entries, End::Broken),
        }
    }
    (entries, End::Whole(head))
}

/// Component, version, file: what has a state by the log.
type Subject = (String, u32, Option<String>);

/// The files of a manifest with their hashes; a component without any is there with neither.
fn files(manifest: &Manifest) -> BTreeMap<Subject, Option<String>> {
    let mut files = BTreeMap::new();
    for component in &manifest.components {
        let subject = |file: Option<String>| (component.name.clone(), component.version, file);
        if component.file.is_none() {
            files.insert(subject(None), None);
        }
        files.extend(component.files().map(|file| (subject(Some(file.path.clone())), Some(file.sha256.clone()))));
    }
    files
}

fn other_state(entries: &[Entry], manifest: &Manifest) -> Vec<LogFault> {
    let mut logged = BTreeMap::new();
    for entry in entries {
        if let (Some(component), Some(version)) = (&entry.component, entry.version) {
            logged.insert((component.clone(), version, entry.file.clone()), entry.after_sha256.clone());
        }
    }
    let listed = files(manifest);
    let differs = |subject: &&Subject| logged.get(*subject) != listed.get(*subject);
    let mut subjects: Vec<&Subject> = logged.keys().chain(listed.keys()).filter(differs).collect();
    subjects.sort();
    subjects.dedup();
    let name = |(component, _, file): &Subject| file.clone().unwrap_or_else(|| component.clone());
    subjects.into_iter().map(name).map(LogFault::OtherState).collect()
}

/// Where the lines end that the manifest in place holds, `sealed` of them: what follows was begun by a killed run, or put
/// there by somebody. `None` when there are fewer.
pub fn sealed_end(log: &[u8], sealed: u64) -> Option<usize> {
    let mut lines = log.split_inclusive(|&byte| byte == b'\n').take_while(|line| line.ends_with(b"\n"));
    (0..sealed).try_fold(0, |end, _| lines.next().map(|line| end + line.len()))
}

/// What a killed run had not yet appended of its `lines`: with it the log has the head that the run's manifest holds.
/// `sealed` is the number of lines of the manifest in place. `None` when the log and the lines do not belong together.
pub fn unwritten<'a>(log: &[u8], sealed: u64, lines: &'a [u8], head: &LogHead) -> Option<&'a [u8]> {
    let written = &log[sealed_end(log, sealed)?..];
    let rest = lines.strip_prefix(written)?;
    match read(&[log, rest].concat()).1 {
        End::Whole(Some(found)) if found == *head => Some(rest),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log_of(files: &[&str]) -> (Vec<u8>, LogHead) {
        let entry = |file: &&str| Entry {
            file: Some((*file).to_owned()),
            ..Entry::new(Event::Publish, "2026-01-02T03:04:05+07:00")
        };
        chained(None, files.iter().map(entry).collect()).unwrap()
    }

    #[test]
    fn a_chain_goes_on_where_it_ended() {
        let (whole, head) = log_of(&["a", "b", "c"]);
        let (first, middle) = log_of(&["a"]);
        let more = ["b", "c"].map(|file| Entry {
            file: Some(file.to_owned()),
            ..Entry::new(Event::Publish, "2026-01-02T03:04:05+07:00")
        });
        let (second, end) = chained(Some(&middle), more.to_vec()).unwrap();
        assert_eq!(([first, second].concat(), &end), (whole, &head));
        assert_eq!(head.entries, 3);
        assert!(chained(Some(&head), Vec::new()).is_none());
    }

    #[test]
    fn what_is_left_of_an_append_is_known_after_any_number_of_bytes() {
        let (whole, head) = log_of(&["a", "b", "c"]);
        let start = log_of(&["a"]).0.len();
        for length in start..=whole.len() {
            assert_eq!(unwritten(&whole[..length], 1, &whole[start..], &head), Some(&whole[length..]));
        }
        // Other bytes than those that were to be appended, or too few lines before them.
        assert_eq!(unwritten(&[&whole[..start], b"x"].concat(), 1, &whole[start..], &head), None);
        assert_eq!(unwritten(&whole[..start - 1], 1, &whole[start..], &head), None);
        assert_eq!(unwritten(&whole[..start], 1, &whole[start..whole.len() - 1], &head), None);
    }

    #[test]
    fn every_changed_byte_and_every_cut_breaks_the_chain() {
        let (whole, head) = log_of(&["a", "b", "c"]);
        let is_good = |bytes: &[u8]| matches!(read(bytes).1, End::Whole(Some(found)) if found == head);
        assert!(is_good(&whole));
        for position in 0..whole.len() {
            for flip in [0x01, 0x20, 0x80] {
                let mut changed = whole.clone();
                changed[position] ^= flip;
                assert!(!is_good(&changed), "byte {position} xor {flip:#x} passed");
            }
            assert!(!is_good(&whole[..position]), "cut at {position} passed");
        }
        assert!(!is_good(&[&whole[..], b"\n"].concat()));
    }
}
