//! Folders, directories and the store.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sohoa::config::{Config, RawWatch, WatchMode};
use sohoa::intake::{self, Folder, Mode};
use sohoa::model::{Lang, Localized, io_reason, shown};
use sohoa::service::free_bytes;
use sohoa::store::{self, Finding, Millis};

use super::{Findings, Level};

/// Free space below which results are warned of, bytes: a day's work of a counter.
const LITTLE_SPACE: u64 = 2 << 30;

/// Directories counted below a watched folder at most: enough to compare with the system's limit.
const MAX_COUNTED: usize = 100_000;

/// Looks at all places; answers when the newest event of the store was.
pub(super) fn look(config: &Config, data: &Path, findings: &mut Findings) -> Option<Millis> {
    let service = &config.service;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for folder in &service.watch {
        watched(folder, findings);
    }
    if service.watch.is_empty() {
        findings.say(
            Level::Warning,
            "folder",
            "chưa có thư mục nào để theo dõi; hãy đặt [[watch]] trong tệp cấu hình",
            "there is no folder to watch; set [[watch]] in the configuration file",
        );
    } else {
        let folders: Vec<Folder> =
            service.watch.iter().map(|watch| Folder::new(absolute(&watch.folder), Mode::Events)).collect();
        let forbidden: Vec<PathBuf> = service.out.iter().map(|out| absolute(out)).chain([absolute(data)]).collect();
        if let Err(error) = intake::check(&folders, &forbidden) {
            findings.add(Level::Wrong, "folder", error.message(findings.lang));
        }
        hints(&service.watch, findings);
    }
    match &service.out {
        Some(out) => directory("output", out, LITTLE_SPACE, findings),
        None => findings.say(
            Level::Warning,
            "output",
            "chưa có thư mục kết quả; hãy đặt service.out trong tệp cấu hình",
            "there is no directory for the results; set service.out in the configuration file",
        ),
    }
    directory("store", data, service.min_free_bytes.max(1), findings);
    store(data, findings)
}

/// A watched folder: it is read, and unless files stay where they are, they are renamed and removed there.
fn watched(watch: &RawWatch, findings: &mut Findings) {
    let (path, lang) = (&watch.folder, findings.lang);
    let name = shown(path);
    if let Err(error) = fs::read_dir(path) {
        findings.add(Level::Wrong, "folder", format!("{name}: {}", io_reason(error.kind(), lang)));
        return;
    }
    if !watch.keep
        && let Err(error) = try_out(path)
    {
        let cure = lang.pick("hoặc đặt watch.keep = true", "or set watch.keep = true");
        findings.add(Level::Wrong, "folder", format!("{name}: {}, {cure}", io_reason(error.kind(), lang)));
        return;
    }
    // Files are claimed by renaming them into `.sohoa`.
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev());
    match (device(path), device(&path.join(".sohoa"))) {
        (Ok(outside), Ok(inside)) if outside != inside => findings.say(
            Level::Wrong,
            "folder",
            format!("{name}: .sohoa nằm trên ổ đĩa khác; hãy gỡ nó ra khỏi thư mục này"),
            format!("{name}: .sohoa is on another file system; it must be on that of the folder"),
        ),
        _ => findings.add(Level::Ok, "folder", name),
    }
}

/// Whether the system gives hints of all changes (inotify).
fn hints(watch: &[RawWatch], findings: &mut Findings) {
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches");
    let Some(limit) = limit.ok().and_then(|text| text.trim().parse::<usize>().ok()) else { return };
    let hinted = watch.iter().filter(|watch| watch.mode != WatchMode::Polling);
    let directories: usize = hinted.map(|watch| directories(&watch.folder)).sum();
    if directories >= limit {
        findings.say(
            Level::Warning,
            "folder",
            format!(
                "có {directories} thư mục con nhưng hệ thống chỉ cho theo dõi {limit}; hãy tăng fs.inotify.max_user_watches"
            ),
            format!(
                "there are {directories} directories to watch, the system allows {limit}; raise \
                 fs.inotify.max_user_watches"
            ),
        );
    }
}

/// Directories in and below one, links not followed.
fn directories(path: &Path) -> usize {
    let (mut count, mut open) = (0, vec![path.to_owned()]);
    while let Some(path) = open.pop() {
        count += 1;
        if count >= MAX_COUNTED {
            break;
        }
        let entries = fs::read_dir(path).into_iter().flatten().flatten();
        open.extend(
            entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()),
        );
    }
    count
}

/// A directory that the program writes, or the nearest above it that is there.
fn directory(what: &'static str, path: &Path, least_bytes: u64, findings: &mut Findings) {
    let (name, lang) = (shown(path), findings.lang);
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = absolute.ancestors().find(|path| fs::symlink_metadata(path).is_ok()).unwrap_or(&absolute);
    let free = match try_out(there).and_then(|()| free_bytes(there)) {
        Ok(free) => free,
        Err(error) => {
            findings.add(Level::Wrong, what, format!("{name}: {}", io_reason(error.kind(), lang)));
            return;
        }
    };
    let mib = free >> 20;
    match (free < least_bytes, there == absolute) {
        (true, _) => findings.say(
            Level::Warning,
            what,
            format!("{name}: chỉ còn trống {mib} MiB; hãy giải phóng đĩa"),
            format!("{name}: only {mib} MiB are free; make room on the disk"),
        ),
        (false, true) => {
            findings.say(Level::Ok, what, format!("{name}: còn trống {mib} MiB"), format!("{name}: {mib} MiB free"));
        }
        (false, false) => findings.say(
            Level::Ok,
            what,
            format!("{name}: sẽ được tạo; còn trống {mib} MiB"),
            format!("{name}: will be made; {mib} MiB free"),
        ),
    }
}

/// Writes, flushes, renames and removes a file in a directory.
fn try_out(directory: &Path) -> io::Result<()> {
    let name = |end: &str| directory.join(format!(".sohoa-doctor-{}.{end}", std::process::id()));
    let (first, second) = (name("part"), name("tmp"));
    let tried = File::create_new(&first)
        .and_then(|mut file| {
            file.write_all(b"sohoa doctor\n")?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&first, &second))
        .and_then(|()| File::open(directory)?.sync_all());
    drop(fs::remove_file(&first));
    let removed = fs::remove_file(&second);
    tried.and(removed)
}

/// The store, read and not opened for use: a service may be running on it.
fn store(data: &Path, findings: &mut Findings) -> Option<Millis> {
    let lang = findings.lang;
    match store::look(data) {
        Err(error) => {
            findings.add(Level::Wrong, "store", error.message(lang));
            None
        }
        Ok(None) => None,
        Ok(Some(look)) => {
            for damage in &look.damage {
                findings.add(Level::Wrong, "store", Finding::message(damage, lang));
            }
            if look.damage.is_empty() {
                let (version, captures) = (look.version, look.captures);
                match lang {
                    Lang::Vi => {
                        findings.add(
                            Level::Ok,
                            "store",
                            format!("nguyên vẹn, phiên bản {version}, {captures} ảnh gốc"),
                        );
                    }
                    Lang::En => {
                        findings.add(Level::Ok, "store", format!("intact, version {version}, {captures} captures"));
                    }
                }
            }
            look.newest
        }
    }
}
