//! What sohoa keeps of captures, dossiers and components: an SQLite database and the captures' bytes as files named by
//! their SHA-256.
//!
//! Bytes come first, rows second: a row speaks only of a blob that is whole and flushed. A commit is flushed as well (WAL,
//! `synchronous=FULL`), so what [`Store::accept`] has answered survives a power cut. Whoever has the directory may open it,
//! several programs at once; the service alone makes components ([`Store::lock_service`]).
//!
//! Files: `accept.rs` takes captures in and puts them into components, `jobs.rs` hands out what is to be made, `stacks.rs`
//! divides a component by the sheets in it, `edits.rs` has what people do to pages, `left_out.rs` the pages that they leave out,
//! `dossiers.rs` shows and places, `browse.rs` lists in pages, `deliveries.rs` is the outbox of what is finished, `pairings.rs` has
//! the phones' tokens, `phone_pages.rs` what phones do to their pages, `accounts.rs` the people at the desk, `figures.rs` counts what
//! a day brought, `digitised.rs` how far dossiers are digitised, `procedures.rs` has the catalogue of procedures, `results.rs` gives
//! codes to what is finished, `reused.rs` knows papers that were not brought again, `said.rs` what people said of the data of
//! papers, `filed.rs` what is in the store of owners' papers, `unindexed.rs` what the search index lacks, `journal.rs` finds who did
//! what, `upkeep.rs` purges, checks, backs up and restores, `blobs.rs` has the bytes.

mod accept;
mod accounts;
mod blobs;
mod browse;
mod deliveries;
mod digitised;
mod dossiers;
#[cfg(test)]
mod dropped;
mod edits;
mod figures;
mod filed;
mod jobs;
mod journal;
mod left_out;
mod pairings;
mod phone_pages;
mod procedures;
mod results;
mod reused;
mod said;
mod stacks;
mod unindexed;
mod upkeep;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior, params};

use crate::model::{Lang, Localized, io_reason, shown};

pub use accept::{Accepted, Arrived, NewCapture};
pub use accounts::{Account, Looked, SESSION_IDLE, SESSION_LONGEST};
pub use blobs::{Blob, BlobError, Blobs};
pub use browse::{ComponentListed, DossierListed};
pub use deliveries::{Delivery, DeliveryShown, DeliveryState};
pub use digitised::DossierDigitised;
pub use dossiers::{ComponentShown, DossierCount, DossierShown, Pick};
pub use edits::{Early, PageOf};
pub use figures::{DossierSides, Figures, MadeComponent};
pub use jobs::{CaptureOf, Published, Status, Work};
pub use journal::{EventShown, Wanted};
pub use left_out::Emptied;
pub use pairings::{Opening, Pairing, PairingShown};
pub use phone_pages::{Sent, SentPage};
pub use procedures::{ProcedureListed, Said};
pub use results::{Entered, Known, Unentered};
pub use reused::Reused;
pub use said::{Saying, Statement};
pub use unindexed::Unindexed;
pub use upkeep::{Finding, Look, look, restore};

/// Name of the database in the store's directory.
const DATABASE: &str = "store.sqlite";
/// Held locked by the service.
const SERVICE_LOCK: &str = "service.lock";

/// `SOHO` in ASCII: marks an SQLite file as ours.
const APPLICATION_ID: i32 = 0x534F_484F;

/// What brings a database from each version to the next; `user_version` counts them.
const MIGRATIONS: [&str; 11] = [
    include_str!("schema.sql"),
    include_str!("deliveries.sql"),
    include_str!("pairings.sql"),
    include_str!("stacks.sql"),
    include_str!("accounts.sql"),
    include_str!("edits.sql"),
    include_str!("events.sql"),
    include_str!("unindexed.sql"),
    include_str!("results.sql"),
    include_str!("reused.sql"),
    include_str!("said.sql"),
];

/// How long one program waits for another's write, which takes milliseconds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// Milliseconds since 1970, UTC.
pub type Millis = i64;

/// How far a component is, as people are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Made, but in no dossier yet (*chờ xếp*).
    Unplaced,
    /// Its captures still come, or it is being made (*đang xử lý*).
    InWork,
    /// Some captures or pages want a rescan (*cần quét lại*).
    Rescan,
    /// Complete, waiting for its signature (*chờ ký*).
    Unsigned,
    /// Signed and published (*xong*).
    Done,
    /// It could not be made (*lỗi*).
    Failed,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Unplaced, Self::InWork, Self::Rescan, Self::Unsigned, Self::Done, Self::Failed];

    /// What programs are told.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unplaced => "unplaced",
            Self::InWork => "in-work",
            Self::Rescan => "rescan",
            Self::Unsigned => "unsigned",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    /// What people are told.
    pub fn name(self, lang: Lang) -> &'static str {
        match self {
            Self::Unplaced => lang.pick("chờ xếp", "not placed"),
            Self::InWork => lang.pick("đang xử lý", "in work"),
            Self::Rescan => lang.pick("cần quét lại", "needs a rescan"),
            Self::Unsigned => lang.pick("chờ ký", "not signed"),
            Self::Done => lang.pick("xong", "done"),
            Self::Failed => lang.pick("lỗi", "failed"),
        }
    }

    /// From the column `state` and whether the component has a dossier.
    fn of(column: &str, is_placed: bool) -> Self {
        match column {
            "collecting" | "queued" => Self::InWork,
            "failed" => Self::Failed,
            _ if !is_placed => Self::Unplaced,
            "rescan" => Self::Rescan,
            "unsigned" => Self::Unsigned,
            _ => Self::Done,
        }
    }
}

/// Why the store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A file of the store cannot be read or written.
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// SQLite refuses.
    #[error("the store's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// There is no store.
    #[error("{}: there is no store", shown(.0))]
    Missing(PathBuf),
    /// A database of another program.
    #[error("{}: not a store of sohoa", shown(.0))]
    NotOurs(PathBuf),
    /// Written by a later version of sohoa.
    #[error("{}: the store has version {found}, this program knows {}", shown(path), MIGRATIONS.len())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// The service runs already.
    #[error("{}: another `sohoa serve` is running on this store", shown(.0))]
    InUse(PathBuf),
    /// A store is there already.
    #[error("{}: there is a store already", shown(.0))]
    Occupied(PathBuf),
    /// The bytes of a capture are not what was stored.
    #[error("the bytes of capture {0} are damaged or gone")]
    Damaged(String),
    /// No dossier has this code.
    #[error("there is no dossier {0}")]
    NoDossier(String),
    /// No waiting capture or component has this number.
    #[error("{0} is no capture that waits to be placed")]
    NotWaiting(i64),
    /// No component has this number.
    #[error("there is no component {0}")]
    NoComponent(i64),
    /// It is in no dossier, so nothing can be said of it that would stay.
    #[error("component {0} is in no dossier yet; place it first")]
    NotPlaced(i64),
    /// Only what failed is tried again.
    #[error("component {0} has not failed")]
    NotFailed(i64),
    /// No account has this name.
    #[error("there is no account {0}; see `sohoa user list`")]
    NoAccount(String),
    /// An account has this name already.
    #[error("there is an account {0} already; `sohoa user passwd` gives it another password")]
    AccountThere(String),
    /// A page is not of the component of this number, or was named twice.
    #[error("component {0} does not have such pages")]
    NoPage(i64),
    /// There is a later version of the component.
    #[error("component {0} has a later version; look at the page again")]
    Replaced(i64),
    /// The bytes are those of a page that the component has already.
    #[error("component {0} has this page already")]
    PageThere(i64),
    /// Pages cannot be moved to where they are.
    #[error("the pages of component {0} are in this paper already")]
    SamePaper(i64),
    /// The component is being made at this moment.
    #[error("component {0} is being made; try again in a moment")]
    BeingMade(i64),
}

impl StoreError {
    /// Whether it is of the machine and may pass: a full disk, a database that another program holds too long.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Io { .. } => true,
            Self::Database(rusqlite::Error::SqliteFailure(error, _)) => {
                use rusqlite::ErrorCode::{
                    CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, ReadOnly, SystemIoFailure,
                };
                matches!(error.code, DiskFull | DatabaseBusy | DatabaseLocked | SystemIoFailure | CannotOpen | ReadOnly)
            }
            _ => false,
        }
    }
}

impl From<BlobError> for StoreError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::Io { path, source } => Self::Io { path, source },
            BlobError::Changed(path) => Self::Damaged(path.to_string_lossy().into_owned()),
            BlobError::Damaged(sha256) => Self::Damaged(sha256),
        }
    }
}

impl Localized for StoreError {
    fn message(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Io { path, source }, lang) => format!("{}: {}", shown(path), io_reason(source.kind(), lang)),
            (Self::Database(error), Lang::Vi) => {
                format!(
                    "cơ sở dữ liệu của kho không đọc hoặc ghi được; hãy kiểm tra đĩa và chạy `sohoa store check` ({error})"
                )
            }
            (Self::Missing(path), Lang::Vi) => {
                format!("{}: không có kho ở đây; hãy chỉ đúng thư mục bằng --data", shown(path))
            }
            (Self::Missing(path), Lang::En) => {
                format!("{}: there is no store here; name its directory with --data", shown(path))
            }
            (Self::NotOurs(path), Lang::Vi) => {
                format!("{}: không phải kho của sohoa; hãy chọn thư mục khác bằng --data", shown(path))
            }
            (Self::Newer { path, .. }, Lang::Vi) => {
                format!("{}: kho do bản sohoa mới hơn ghi; hãy dùng bản mới đó", shown(path))
            }
            (Self::InUse(path), Lang::Vi) => {
                format!("{}: một `sohoa serve` khác đang chạy trên kho này", shown(path))
            }
            (Self::Occupied(path), Lang::Vi) => {
                format!("{}: đã có kho ở đây; hãy phục hồi vào thư mục trống", shown(path))
            }
            (Self::Damaged(what), Lang::Vi) => {
                format!("dữ liệu gốc {what} bị hỏng hoặc mất; hãy phục hồi kho từ bản sao lưu hoặc quét lại")
            }
            (Self::NoDossier(code), Lang::Vi) => format!("không có hồ sơ {code}"),
            (Self::NotWaiting(id), Lang::Vi) => {
                format!("{id} không phải ảnh gốc đang chờ xếp; xem `sohoa dossier list`")
            }
            (Self::NoComponent(id), Lang::Vi) => format!("không có thành phần {id}"),
            (Self::NotPlaced(id), Lang::Vi) => {
                format!("thành phần {id} chưa ở trong hồ sơ nào; hãy xếp vào hồ sơ trước")
            }
            (Self::NotFailed(id), Lang::Vi) => format!("thành phần {id} không ở trạng thái lỗi"),
            (Self::NoAccount(name), Lang::Vi) => format!("không có tài khoản {name}; xem `sohoa user list`"),
            (Self::AccountThere(name), Lang::Vi) => {
                format!("đã có tài khoản {name}; đổi mật khẩu bằng `sohoa user passwd`")
            }
            (Self::NoPage(id), Lang::Vi) => format!("thành phần {id} không có trang như vậy; hãy tải lại trang web"),
            (Self::Replaced(id), Lang::Vi) => format!("thành phần {id} đã có phiên bản mới hơn; hãy tải lại trang web"),
            (Self::PageThere(id), Lang::Vi) => format!("thành phần {id} đã có trang này rồi"),
            (Self::SamePaper(id), Lang::Vi) => format!("các trang của thành phần {id} đã ở trong giấy tờ này"),
            (Self::BeingMade(id), Lang::Vi) => format!("thành phần {id} đang được xử lý; hãy thử lại sau ít phút"),
            (error, Lang::En) => error.to_string(),
        }
    }
}

/// An open store.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    connection: Mutex<Connection>,
    blobs: Blobs,
}

impl Store {
    /// Opens the store in a directory, which is made where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or opened, or is of a later version of the program.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let error = |source| StoreError::Io { path: directory.to_owned(), source };
        if !directory.join(DATABASE).exists() {
            fs::create_dir_all(directory).map_err(error)?;
            // Papers of citizens: for the service's user alone.
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(error)?;
        }
        let directory = directory.canonicalize().map_err(error)?;
        let blobs = Blobs::open(&directory)?;
        let path = directory.join(DATABASE);
        let mut connection = Connection::open(&path)?;
        configure(&connection)?;
        migrate(&mut connection, &path)?;
        Ok(Self { directory, connection: Mutex::new(connection), blobs })
    }

    /// Opens a store that must be there.
    ///
    /// # Errors
    /// Also when there is none.
    pub fn open_existing(directory: &Path) -> Result<Self, StoreError> {
        match directory.join(DATABASE).is_file() {
            true => Self::open(directory),
            false => Err(StoreError::Missing(directory.to_owned())),
        }
    }

    /// The store's directory, absolute.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The bytes.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// Makes this program the one that makes components, as long as the lock is kept.
    ///
    /// # Errors
    /// When another one is.
    pub fn lock_service(&self) -> Result<File, StoreError> {
        let path = self.directory.join(SERVICE_LOCK);
        let error = |source| StoreError::Io { path: path.clone(), source };
        let file = File::create(&path).map_err(error)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(fs::TryLockError::WouldBlock) => Err(StoreError::InUse(self.directory.clone())),
            Err(fs::TryLockError::Error(source)) => Err(error(source)),
        }
    }

    /// A number that changes when another program has written to the store.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn changes_by_others(&self) -> Result<i64, StoreError> {
        Ok(self.connection().pragma_query_value(None, "data_version", |row| row.get(0))?)
    }

    /// Two numbers of which one changes with every write, by another program or by this connection.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn changes(&self) -> Result<(i64, u64), StoreError> {
        let connection = self.connection();
        let by_others = connection.pragma_query_value(None, "data_version", |row| row.get(0))?;
        Ok((by_others, connection.total_changes()))
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic rolls its transaction back when the transaction is dropped.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All or nothing of what is done in it, and nobody else writes meanwhile.
    fn write<T>(
        &self,
        work: impl FnOnce(&rusqlite::Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = work(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

/// What every connection needs.
fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Brings a database to the version of this program; forward only.
fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let pragma = |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (id, found) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 = transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if id != i64::from(APPLICATION_ID) && tables > 0 {
        return Err(StoreError::NotOurs(path.to_owned()));
    }
    let version = usize::try_from(found).unwrap_or(usize::MAX);
    let Some(missing) = MIGRATIONS.get(version..) else {
        return Err(StoreError::Newer { path: path.to_owned(), found });
    };
    if !missing.is_empty() {
        missing.iter().try_for_each(|migration| transaction.execute_batch(migration))?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    }
    Ok(transaction.commit()?)
}

/// Opens a database only to read it.
fn open_read_only(path: &Path) -> Result<Connection, StoreError> {
    Ok(Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?)
}

/// Rows that something happened to.
#[derive(Clone, Copy, Debug, Default)]
struct Subject {
    capture: Option<i64>,
    component: Option<i64>,
    dossier: Option<i64>,
}

fn record(
    connection: &Connection,
    time: Millis,
    kind: &str,
    subject: Subject,
    detail: Option<&str>,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO events (time, kind, capture, component, dossier, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    insert.execute(params![time, kind, subject.capture, subject.component, subject.dossier, detail])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_opened_again_and_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        drop(Store::open(&path).unwrap());
        let store = Store::open_existing(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let mode: String = store.connection().pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let synchronous: i64 = store.connection().pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!((&mode[..], synchronous), ("wal", 2));
    }

    #[test]
    fn a_newer_store_and_a_strange_database_are_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        drop(Store::open(folder.path()).unwrap());
        let path = folder.path().join(DATABASE);
        let newer = i64::try_from(MIGRATIONS.len() + 1).unwrap();
        Connection::open(&path).unwrap().pragma_update(None, "user_version", newer).unwrap();
        assert!(matches!(Store::open(folder.path()), Err(StoreError::Newer { found, .. }) if found == newer));

        let strange = tempfile::tempdir().unwrap();
        Connection::open(strange.path().join(DATABASE)).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        assert!(matches!(Store::open(strange.path()), Err(StoreError::NotOurs(_))));
    }

    #[test]
    fn a_store_of_an_earlier_version_keeps_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("blobs")).unwrap();
        let earlier = Connection::open(folder.path().join(DATABASE)).unwrap();
        MIGRATIONS[..3].iter().for_each(|migration| earlier.execute_batch(migration).unwrap());
        earlier.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        earlier.pragma_update(None, "user_version", 3).unwrap();
        let rows = "INSERT INTO captures VALUES (7, 'a1', 5, 1, NULL);
            INSERT INTO components (id, key, title, name, version, state, priority, created, changed, modified)
            VALUES (3, 'k', 't', 'n', 1, 'done', 0, 1, 1, 1);
            INSERT INTO component_captures VALUES (3, 7, 'a.pdf', 2);";
        earlier.execute_batch(rows).unwrap();
        drop(earlier);
        let store = Store::open(folder.path()).unwrap();
        let kept = CaptureOf { id: 7, sha256: "a1".into(), bytes: 5, name: "a.pdf".into(), pages: None };
        assert_eq!(store.captures_of(3).unwrap(), [kept]);
    }

    #[test]
    fn one_service_runs_on_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let (first, second) = (Store::open(folder.path()).unwrap(), Store::open(folder.path()).unwrap());
        let lock = first.lock_service().unwrap();
        assert!(matches!(second.lock_service(), Err(StoreError::InUse(_))));
        drop(lock);
        second.lock_service().unwrap();
    }

    #[test]
    fn what_is_begun_and_fails_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let failed: Result<(), StoreError> = store.write(|transaction| {
            record(transaction, 1, "x", Subject::default(), None)?;
            Err(StoreError::NotWaiting(1))
        });
        assert!(failed.is_err());
        let events: i64 = store.connection().query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
        assert_eq!(events, 0);
    }
}
