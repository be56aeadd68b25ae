//! Pages of captures, each made once: what a page was made into is kept in a folder, for the component that it becomes a
//! page of, for people who look at it, and for that component's next version.
//!
//! A page's name is the hash of all that decides how it looks: the bytes of its capture, its number, what a person decided of
//! it, settings, models and program. So nothing on the shelf is ever out of date, and whatever is lost or damaged there is
//! made anew. Files are not flushed for that reason: each begins with the hash of the rest, and one that a power cut left
//! half-written is none.

use std::fs::{self, File, FileTimes};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use crate::gather;
use crate::imaging::decode::Limits;
use crate::input::{self, Frame, InputError};
use crate::manifest::{self, Model};
use crate::model::Edit;
use crate::ocr::OcrEngine;
use crate::page::{self, Page, PageError, Settings};
use crate::pool::{Panicked, Pool};

/// Length of a SHA-256, bytes.
const HASH: usize = 32;
/// Length of the number that says how long the head is, bytes.
const NUMBER: usize = 4;

/// What pages are made with.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a reader has nothing to show")]
pub struct Tools {
    /// Threads and memory.
    pub pool: Arc<Pool>,
    /// How pages are processed.
    pub settings: Settings,
    /// The reader; `None` = no OCR.
    pub engine: Option<Arc<dyn OcrEngine>>,
    /// The models used.
    pub models: Vec<Model>,
}

/// Makes pages in another place than the pool: on other machines.
pub trait Elsewhere: Sync {
    /// The page of the capture in `file`, which it keeps on its shelf. Waits for it.
    ///
    /// # Errors
    /// When the capture cannot become a page, or the wait was ended from outside.
    fn page(&self, file: &Path, wanted: Wanted<'_>) -> Result<Page, PageError>;
}

impl Tools {
    /// Makes a page within the pool, by settings of its own. Not to be called by the pool's own threads.
    ///
    /// # Errors
    /// When the capture cannot become a page.
    pub fn make(&self, frame: &Frame, settings: &Settings, edit: &Edit) -> Result<Page, PageError> {
        let mut made = Err(PageError::Panicked(Panicked));
        self.pool.run(
            &[frame],
            |frame| page::memory_bytes(frame),
            |frame| page::process(frame, settings, edit, self.engine()),
            |_, page| {
                made = page.map_err(PageError::from).flatten();
                std::ops::ControlFlow::Continue(())
            },
        );
        made
    }

    /// Hash of the program and what it reads with, hex: machines with the same make the same page of the same capture.
    pub fn release(&self) -> String {
        manifest::hex(&self.release_hash().finalize())
    }

    fn release_hash(&self) -> Sha256 {
        let mut hash = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
        hash.update(self.engine().map_or("", OcrEngine::name));
        self.models.iter().for_each(|model| hash.update(&model.sha256));
        hash
    }

    /// The reader.
    pub fn engine(&self) -> Option<&dyn OcrEngine> {
        self.engine.as_deref()
    }
}

/// A page of a capture, as a person wants it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// SHA-256 of the capture's bytes, hex.
    pub sha256: &'a str,
    /// Number of the page in it, from 1.
    pub page: usize,
    /// What a person decided of it.
    pub edit: &'a Edit,
}

/// The shelf.
#[expect(missing_debug_implementations, reason = "a reader has nothing to show")]
pub struct Shelf {
    folder: PathBuf,
    tools: Tools,
    /// Of all that is the same for every page.
    recipe: Vec<u8>,
}

impl Shelf {
    /// Takes up a folder, made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(folder: PathBuf, tools: Tools) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        let mut hash = tools.release_hash();
        hash.update(serde_json::to_vec(&tools.settings).expect("settings are plain values"));
        Ok(Self { folder, tools, recipe: hash.finalize().to_vec() })
    }

    /// What pages are made with.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Whether a page is there.
    pub fn has(&self, wanted: Wanted<'_>) -> bool {
        self.path(wanted).is_file()
    }

    /// A page that is there whole.
    pub fn get(&self, wanted: Wanted<'_>) -> Option<Page> {
        let path = self.path(wanted);
        let page = unpack(&fs::read(&path).ok()?)?;
        // The pages that were not wanted for longest go first.
        let now = FileTimes::new().set_modified(SystemTime::now());
        drop(File::options().append(true).open(&path).and_then(|file| file.set_times(now)));
        Some(page)
    }

    /// Keeps a page. Where the disk refuses it is made again when it is wanted.
    pub fn put(&self, wanted: Wanted<'_>, page: &Page) {
        self.put_parts(wanted, &pack(page));
    }

    /// Keeps a page that was packed elsewhere, by [`pack`].
    pub fn put_packed(&self, wanted: Wanted<'_>, packed: &[u8]) {
        self.put_parts(wanted, &[packed]);
    }

    fn put_parts(&self, wanted: Wanted<'_>, parts: &[impl AsRef<[u8]>]) {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let path = self.path(wanted);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let temporary = path.with_extension(format!("{}-{number}", std::process::id()));
        let written = File::create_new(&temporary)
            .and_then(|mut file| parts.iter().try_for_each(|part| file.write_all(part.as_ref())))
            .and_then(|()| fs::rename(&temporary, &path));
        if written.is_err() {
            drop(fs::remove_file(&temporary));
        }
    }

    /// Takes a page away that nobody wants any more.
    pub fn remove(&self, wanted: Wanted<'_>) {
        // One that stays goes when room is wanted.
        drop(fs::remove_file(self.path(wanted)));
    }

    /// A page from the shelf, or made of the capture in `file` within the pool, and kept. Not to be called by the pool's own
    /// threads.
    ///
    /// # Errors
    /// When the capture cannot become a page.
    pub fn page(&self, file: &Path, wanted: Wanted<'_>) -> Result<Page, PageError> {
        if let Some(page) = self.get(wanted) {
            return Ok(page);
        }
        let frames = self.frames(file)?;
        let frame = frames.get(wanted.page.wrapping_sub(1)).ok_or(PageError::Input(InputError::Changed))?;
        self.make(frame, wanted)
    }

    /// Makes all pages of a capture that are not there yet, and keeps them; says how many pages it has. `edit` tells what a
    /// person decided of a page. Pages that cannot be made are left to whoever wants them.
    ///
    /// # Errors
    /// When the capture cannot be opened.
    pub fn prepare(&self, file: &Path, sha256: &str, edit: impl Fn(usize) -> Edit) -> Result<usize, PageError> {
        let frames = self.frames(file)?;
        for (page, frame) in (1..).zip(&frames) {
            let edit = edit(page);
            let wanted = Wanted { sha256, page, edit: &edit };
            if !self.has(wanted) {
                drop(self.make(frame, wanted));
            }
        }
        Ok(frames.len())
    }

    /// Removes the pages that were not wanted for longest, until at most so many bytes are left.
    ///
    /// # Errors
    /// When the folder cannot be read or a file not removed.
    pub fn clear(&self, most: u64) -> io::Result<()> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            // One that has gone meanwhile takes no room.
            if let Ok(metadata) = entry.metadata() {
                files.push((metadata.modified()?, metadata.len(), entry.path()));
            }
        }
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        for (_, size, path) in files {
            if bytes <= most {
                break;
            }
            fs::remove_file(path)?;
            bytes -= size;
        }
        Ok(())
    }

    fn limits(&self) -> &Limits {
        &self.tools.settings.limits
    }

    fn frames(&self, file: &Path) -> Result<Vec<Frame>, PageError> {
        Ok(input::open(gather::read(file, self.limits())?, self.limits())?)
    }

    fn make(&self, frame: &Frame, wanted: Wanted<'_>) -> Result<Page, PageError> {
        let page = self.tools.make(frame, &self.tools.settings, wanted.edit)?;
        self.put(wanted, &page);
        Ok(page)
    }

    /// What a page is called: a hash, hex, of all that decides how it looks.
    pub fn name(&self, Wanted { sha256, page, edit }: Wanted<'_>) -> String {
        let edit = serde_json::to_vec(&edit.of_making()).expect("what is decided are plain values");
        let hash =
            Sha256::new_with_prefix(&self.recipe).chain_update(format!("\0{sha256}\0{page}\0")).chain_update(edit);
        manifest::hex(&hash.finalize())
    }

    fn path(&self, wanted: Wanted<'_>) -> PathBuf {
        self.folder.join(self.name(wanted))
    }
}

/// A page as a file: the hash of what follows; the length of the head; the head, which is the page without its picture's
/// streams and with their lengths; the streams.
pub fn pack(page: &Page) -> Vec<Vec<u8>> {
    let streams = page.image.picture.streams();
    let lengths: Vec<usize> = streams.iter().map(|stream| stream.len()).collect();
    let head = serde_json::to_vec(&(page, lengths)).expect("pages are plain values");
    let mut start = u32::try_from(head.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    start.extend(head);
    let mut hash = Sha256::new_with_prefix(&start);
    streams.iter().for_each(|stream| hash.update(stream));
    let mut parts = vec![hash.finalize().to_vec(), start];
    parts.extend(streams.into_iter().map(<[u8]>::to_vec));
    parts
}

/// A page that was packed, if its bytes are whole.
pub fn unpack(bytes: &[u8]) -> Option<Page> {
    let (hash, rest) = bytes.split_at_checked(HASH)?;
    if Sha256::digest(rest)[..] != *hash {
        return None;
    }
    let (length, rest) = rest.split_at_checked(NUMBER)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let (head, mut rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    let (mut page, lengths): (Page, Vec<usize>) = serde_json::from_slice(head).ok()?;
    for (stream, length) in page.image.picture.streams_mut().into_iter().zip(lengths) {
        let (bytes, after) = rest.split_at_checked(length)?;
        *stream = bytes.to_vec();
        rest = after;
    }
    Some(page)
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;
    use crate::imaging::encode;
    use crate::model::Orientation;

    const SHA256: &str = "ab";

    struct Desk {
        folder: tempfile::TempDir,
        shelf: Shelf,
        capture: PathBuf,
    }

    impl Desk {
        fn new(settings: Settings) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let pool = Arc::new(Pool::new(1, 1 << 30).unwrap());
            let tools = Tools { pool, settings, engine: None, models: Vec::new() };
            let capture = folder.path().join("capture.jpg");
            // Dark bars on light paper, as wide as long so that no side is told apart.
            let paint =
                |x: u32, y: u32| if (y / 8).is_multiple_of(4) && x % 90 > 20 { [30; 3] } else { [235, 236, 240] };
            let image = RgbImage::from_fn(400, 560, |x, y| Rgb(paint(x, y)));
            fs::write(&capture, encode::jpeg(&image, 90, 100.0).unwrap()).unwrap();
            Self { shelf: Shelf::open(folder.path().join("pages"), tools).unwrap(), capture, folder }
        }

        fn files(&self) -> Vec<PathBuf> {
            fs::read_dir(self.folder.path().join("pages")).unwrap().map(|entry| entry.unwrap().path()).collect()
        }
    }

    #[test]
    fn a_page_is_made_once_and_comes_back_as_it_was() {
        for settings in [Settings::default(), Settings { mrc: true, ..Settings::default() }] {
            let desk = Desk::new(settings);
            let edit = Edit::default();
            let wanted = Wanted { sha256: SHA256, page: 1, edit: &edit };
            assert!(!desk.shelf.has(wanted));
            let made = desk.shelf.page(&desk.capture, wanted).unwrap();
            assert!(desk.shelf.has(wanted));
            // The capture is not asked again.
            fs::remove_file(&desk.capture).unwrap();
            assert_eq!(desk.shelf.page(&desk.capture, wanted).unwrap(), made);
            assert_eq!(desk.files().len(), 1);
        }
    }

    #[test]
    fn what_decides_how_a_page_looks_decides_which_it_is() {
        let desk = Desk::new(Settings::default());
        assert_eq!(desk.shelf.prepare(&desk.capture, SHA256, |_| Edit::default()).unwrap(), 1);
        let none = Edit::default();
        let accepted = Edit { accepted: Some("x".to_owned()), ..Edit::default() };
        let turned = Edit { orientation: Some(Orientation::Deg90), ..Edit::default() };
        let has = |sha256, page, edit| desk.shelf.has(Wanted { sha256, page, edit });
        assert!(has(SHA256, 1, &none) && has(SHA256, 1, &accepted), "it looks the same");
        assert!(!has(SHA256, 1, &turned) && !has(SHA256, 2, &none) && !has("ac", 1, &none));
        let upright = desk.shelf.page(&desk.capture, Wanted { sha256: SHA256, page: 1, edit: &none }).unwrap();
        let turned = desk.shelf.page(&desk.capture, Wanted { sha256: SHA256, page: 1, edit: &turned }).unwrap();
        assert_eq!((turned.width, turned.height), (upright.height, upright.width));
        let missing = desk.shelf.page(&desk.capture, Wanted { sha256: SHA256, page: 2, edit: &none });
        assert!(missing.is_err());
    }

    #[test]
    fn what_is_damaged_is_made_again() {
        let desk = Desk::new(Settings::default());
        let edit = Edit::default();
        let wanted = Wanted { sha256: SHA256, page: 1, edit: &edit };
        let made = desk.shelf.page(&desk.capture, wanted).unwrap();
        let file = &desk.files()[0];
        let whole = fs::read(file).unwrap();
        let mut changed = whole.clone();
        changed[40] ^= 1;
        for damaged in [&whole[..whole.len() / 2], &whole[..20], &[], &changed] {
            fs::write(file, damaged).unwrap();
            assert_eq!(desk.shelf.get(wanted), None);
        }
        let again = desk.shelf.page(&desk.capture, wanted).unwrap();
        assert_eq!(Page { elapsed: made.elapsed, ..again }, made);
        assert_eq!(desk.files().len(), 1);
    }

    #[test]
    fn the_pages_not_wanted_for_longest_go() {
        let desk = Desk::new(Settings::default());
        let edits = Orientation::ALL.map(|turn| Edit { orientation: Some(turn), ..Edit::default() });
        let wanted = |index: usize| Wanted { sha256: SHA256, page: 1, edit: &edits[index] };
        for index in 0..4 {
            desk.shelf.page(&desk.capture, wanted(index)).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(15));
        }
        desk.shelf.get(wanted(0)).unwrap();
        let bytes: u64 = desk.files().iter().map(|file| fs::metadata(file).unwrap().len()).sum();
        desk.shelf.clear(bytes).unwrap();
        assert_eq!(desk.files().len(), 4);
        desk.shelf.clear(bytes * 3 / 4).unwrap();
        assert!(desk.shelf.has(wanted(0)) && !desk.shelf.has(wanted(1)) && desk.shelf.has(wanted(3)));
        desk.shelf.clear(0).unwrap();
        assert!(desk.files().is_empty());
    }
}
