//! Uploads that are not whole yet: `uploads/ID` in the store's directory has the bytes that came, `ID.json` what is known of
//! them. The size of the file is where the upload stands, so it survives whatever ends the program. Bytes are flushed before
//! an offset is told.
//!
//! An upload that is accepted keeps its `ID.json`, for a sender that did not hear the answer, until it is as old as one that
//! nobody goes on with.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::store::Millis;

use super::tus::API;

/// Folder of the uploads in the store's directory.
const FOLDER: &str = "uploads";
/// Unfinished uploads at a time.
const MOST: usize = 256;
/// Those of one phone: whoever has its address must not keep others from sending.
const OF_PHONE: usize = 32;
/// Age at which an upload goes, whole or not.
const LIFETIME: Millis = 24 * 3600 * 1000;
/// Extension of bytes that come in one request.
const DIRECT: &str = "direct";

/// What is known of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Info {
    /// Bytes that it has when it is whole.
    pub(super) length: u64,
    /// Name of the capture.
    pub(super) name: String,
    /// Code of the dossier.
    pub(super) dossier: Option<String>,
    /// Title of the component.
    pub(super) component: Option<String>,
    /// Who sends it.
    pub(super) source: String,
    /// When it was begun.
    pub(super) created: Millis,
    /// Numbers of the capture and its component, once it is accepted.
    pub(super) accepted: Option<(i64, i64)>,
}

/// The folder of uploads.
pub(super) struct Uploads {
    folder: PathBuf,
    busy: Arc<Mutex<BTreeSet<String>>>,
}

/// An upload in one request's hands.
pub(super) struct Busy {
    id: String,
    busy: Arc<Mutex<BTreeSet<String>>>,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Uploads {
    /// Takes up the folder in the store's directory; bytes that came in one request which never ended go.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let folder = directory.join(FOLDER);
        fs::create_dir_all(&folder)?;
        File::open(directory)?.sync_all()?;
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == DIRECT || extension == "new") {
                fs::remove_file(path)?;
            }
        }
        Ok(Self { folder, busy: Arc::default() })
    }

    /// Begins an upload of this name, which nobody else has; `false` when there are too many, or too many of one phone, whose
    /// bytes in all are bounded by `largest`.
    pub(super) fn create(&self, id: &str, info: &Info, largest: u64) -> io::Result<bool> {
        let ids = self.ids().into_iter().filter(|id| self.bytes(id).exists());
        let unfinished: Vec<Info> = ids.filter_map(|id| self.info(&id)).collect();
        let own: Vec<u64> = unfinished.iter().filter(|one| one.source == info.source).map(|one| one.length).collect();
        let takes_too_much = own.len() >= OF_PHONE || own.iter().sum::<u64>().saturating_add(info.length) > largest;
        if unfinished.len() >= MOST || (info.source != API && takes_too_much) {
            return Ok(false);
        }
        // Bytes without a card are of a program that was killed between the two.
        File::create(self.bytes(id))?.sync_all()?;
        self.write(id, info)?;
        Ok(true)
    }

    /// What is known of an upload; `None` where there is none of this name.
    pub(super) fn info(&self, id: &str) -> Option<Info> {
        let is_name = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = fs::read(is_name.then(|| self.card(id))?).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Writes down what is known, whole and flushed.
    pub(super) fn write(&self, id: &str, info: &Info) -> io::Result<()> {
        let temporary = self.folder.join(format!("{id}.new"));
        let mut file = File::create(&temporary)?;
        file.write_all(&serde_json::to_vec(info)?)?;
        file.sync_all()?;
        fs::rename(temporary, self.card(id))?;
        File::open(&self.folder)?.sync_all()
    }

    /// Where an upload stands.
    pub(super) fn offset(&self, id: &str, info: &Info) -> io::Result<u64> {
        match info.accepted {
            Some(_) => Ok(info.length),
            None => Ok(fs::metadata(self.bytes(id))?.len()),
        }
    }

    /// The file of its bytes.
    pub(super) fn bytes(&self, id: &str) -> PathBuf {
        self.folder.join(id)
    }

    fn card(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// A file for bytes that come in one request.
    pub(super) fn direct(&self) -> io::Result<PathBuf> {
        Ok(self.folder.join(random_name()?).with_extension(DIRECT))
    }

    /// Takes an upload into one's hands; `None` when another request has it.
    pub(super) fn lock(&self, id: &str) -> Option<Busy> {
        let is_free = self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned());
        is_free.then(|| Busy { id: id.to_owned(), busy: Arc::clone(&self.busy) })
    }

    /// Removes an upload.
    pub(super) fn remove(&self, id: &str) -> io::Result<()> {
        // The card last: without it nobody would find the bytes.
        [self.bytes(id), self.card(id)].into_iter().try_for_each(|path| match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        })
    }

    /// Writes a file and removes it again.
    pub(super) fn check_writable(&self) -> io::Result<()> {
        let path = self.direct()?;
        fs::write(&path, b"sohoa")?;
        fs::remove_file(path)
    }

    /// Bytes that unfinished uploads still want.
    pub(super) fn wanted(&self) -> u64 {
        let missing = |id: &String| {
            let info = self.info(id)?;
            Some(info.length.saturating_sub(self.offset(id, &info).ok()?))
        };
        self.ids().iter().filter_map(missing).sum()
    }

    /// Removes what is too old; says what is whole and not accepted.
    pub(super) fn clear(&self, now: Millis) -> Vec<String> {
        let mut whole = Vec::new();
        for id in self.ids() {
            let Some(info) = self.info(&id) else { continue };
            let is_whole = self.offset(&id, &info).is_ok_and(|offset| offset == info.length);
            if info.accepted.is_none() && is_whole {
                whole.push(id);
            } else if info.created + LIFETIME < now
                && let Some(_busy) = self.lock(&id)
            {
                drop(self.remove(&id));
            }
        }
        whole
    }

    fn ids(&self) -> Vec<String> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let names = names.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect()
    }
}

/// The name of the upload that a sender knows by a key of its own: asked for again, it is the same upload.
pub(super) fn name_of_key(source: &str, key: &str) -> String {
    let hash = Sha256::new().chain_update(source).chain_update("\n").chain_update(key).finalize();
    hash[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 128 bits of the system's randomness, hex: as a name nobody can guess it.
///
/// # Errors
/// When the system has none.
pub fn random_name() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(length: u64) -> Info {
        Info {
            length,
            name: "a.jpg".to_owned(),
            dossier: None,
            component: None,
            source: "api".to_owned(),
            created: 1,
            accepted: None,
        }
    }

    #[test]
    fn an_upload_stands_where_its_file_ends_also_for_the_next_program() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path()).unwrap();
        let id = random_name().unwrap();
        assert!(uploads.create(&id, &info(4), 4).unwrap());
        fs::write(uploads.bytes(&id), b"abc").unwrap();
        fs::write(uploads.direct().unwrap(), b"x").unwrap();
        let uploads = Uploads::open(folder.path()).unwrap();
        let found = uploads.info(&id).unwrap();
        assert_eq!((uploads.offset(&id, &found).unwrap(), uploads.wanted()), (3, 1));
        assert_eq!(uploads.clear(2), [] as [String; 0]);
        fs::write(uploads.bytes(&id), b"abcd").unwrap();
        assert_eq!(uploads.clear(2), std::slice::from_ref(&id));
        uploads.write(&id, &Info { accepted: Some((1, 2)), ..found }).unwrap();
        assert_eq!(uploads.clear(LIFETIME + 2), [] as [String; 0]);
        assert!(fs::read_dir(folder.path().join(FOLDER)).unwrap().next().is_none(), "nothing is left");
    }

    #[test]
    fn names_that_are_none_lead_nowhere() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path()).unwrap();
        fs::write(folder.path().join("x.json"), serde_json::to_vec(&info(1)).unwrap()).unwrap();
        for id in ["../x", "", "x", "../../../../../../../../etc/passwd"] {
            assert_eq!(uploads.info(id), None, "{id}");
        }
    }

    #[test]
    fn one_phone_leaves_room_for_others() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path()).unwrap();
        let of = |source: &str, length| {
            let info = Info { source: source.to_owned(), ..info(length) };
            uploads.create(&random_name().unwrap(), &info, 100).unwrap()
        };
        assert!(of("phone/1", 60) && of("phone/1", 40) && !of("phone/1", 1) && of("phone/2", 1));
        assert!(of("api", 100) && of("api", 100), "programs of the office are trusted");
        let begun = (0..MOST).filter(|_| of("phone/2", 1)).count();
        assert_eq!(begun + 1, OF_PHONE);
    }

    #[test]
    fn one_request_has_an_upload() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path()).unwrap();
        let busy = uploads.lock("a").unwrap();
        assert!(uploads.lock("a").is_none() && uploads.lock("b").is_some());
        drop(busy);
        assert!(uploads.lock("a").is_some());
    }
}
