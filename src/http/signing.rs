//! Signing what waits (*chờ ký*), as a person at the desk asks: one act, with a key that they open for it.
//!
//! An act runs on a thread of its own, as a token takes a second a signature and a day has hundreds. What the person typed is in
//! memory until the key has been opened with it, is presented once, and is wiped; the key itself goes when the act ends. There is
//! one act at a time. How the last one went is in memory for those who ask; what was signed is in the directories and the store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::ledger::LedgerError;
use crate::model::{Lang, Localized, Role};
use crate::publish::PublishError;
use crate::service::{self, Event};
use crate::sign::{RunKey, SignError, Signer, TokenFault};
use crate::signing::{self, Outcome, PendingError};
use crate::stamp::Stamp;
use crate::store::{Account, Published, State, StoreError};

use super::problem::Problem;
use super::{App, Shared};

/// How often and how long a dossier's directory is waited for while the service writes there.
const TRIES: u32 = 40;
const PAUSE: Duration = Duration::from_millis(250);

/// Who signs, and how the desk comes by the key.
#[expect(missing_debug_implementations, reason = "a key has nothing to show")]
pub enum Signing {
    /// No key is named.
    NoKey,
    /// The service has opened its key and signs by itself.
    ByItself {
        /// Whether it is a development identity, whose signatures have no legal value.
        is_development: bool,
    },
    /// A person opens the key for each act.
    ByPeople(PeoplesKey),
}

/// A key that a person opens.
#[expect(missing_debug_implementations, reason = "a key has nothing to show")]
pub struct PeoplesKey {
    /// For whom its signatures stand.
    pub role: Role,
    /// What is seen of them.
    pub stamp: Option<Stamp>,
    /// Whether it is on a token, which wants a PIN, or in a file, which wants a password.
    pub is_on_token: bool,
    /// Opens it with what the person typed: called once an act, and presents it once at most.
    pub open: Box<OpenKey>,
}

/// Opens a key with what a person typed. The flag says whether they know that a wrong one locks the token for good.
pub type OpenKey = dyn Fn(&str, bool, OffsetDateTime) -> Result<Box<dyn Signer>, KeyRefusal> + Send + Sync;

/// Why a key was not opened.
#[expect(missing_debug_implementations, reason = "a message has nothing more to show")]
pub enum KeyRefusal {
    /// Nothing was typed; the key was not asked.
    Missing,
    /// One try is left, and the person has not said that they know; the key was not asked.
    FinalTry,
    /// It cannot be used, or what was typed is wrong.
    Key(Box<dyn Localized + Send>),
}

impl Localized for KeyRefusal {
    fn message(&self, lang: Lang) -> String {
        match self {
            Self::Missing => lang.pick("chưa nhập mã PIN hoặc mật khẩu", "no PIN or password was entered").to_owned(),
            Self::FinalTry => SignError::from(TokenFault::FinalTry).message(lang),
            Self::Key(error) => error.message(lang),
        }
    }
}

/// What a person asks for.
pub(super) struct Act {
    /// Who.
    pub(super) by: Account,
    /// Numbers of the components.
    pub(super) components: Vec<i64>,
    /// What they typed.
    pub(super) typed: Zeroizing<String>,
    /// Whether they know that it is the last try.
    pub(super) knows_final_try: bool,
}

/// How an act goes, or went.
pub(super) struct Progress {
    /// Name of the account.
    pub(super) by: String,
    /// How many components are to be signed.
    pub(super) total: usize,
    /// How many are.
    pub(super) signed: usize,
    /// Those that were not, and why.
    pub(super) unsigned: Vec<Unsigned>,
    /// How it ended; `None` while it runs.
    pub(super) ended: Option<Ended>,
}

/// A component that was not signed.
pub(super) struct Unsigned {
    /// Code of its dossier and its title, where it is known.
    pub(super) what: Option<(String, String)>,
    /// Why not.
    pub(super) why: Box<dyn Localized + Send>,
}

/// How an act ended.
pub(super) enum Ended {
    /// All were gone through.
    Done,
    /// The key was not opened.
    Refused(KeyRefusal),
    /// The key failed; what was not signed waits.
    KeyFailed(SignError),
    /// The service stopped.
    Stopped,
    /// A defect of the program.
    Defect,
}

/// Why a component was not signed at the desk.
enum NotSigned {
    /// It is signed, replaced or moved, or waits for another signature.
    NotWaiting,
    /// The key failed.
    Key,
    Refused(signing::Refusal),
    Directory(PendingError),
    Store(StoreError),
}

impl Localized for NotSigned {
    fn message(&self, lang: Lang) -> String {
        let busy = "hồ sơ đang được xử lý; hãy ký lại sau ít phút";
        match self {
            Self::NotWaiting => lang.pick("không còn chờ chữ ký này", "no longer waits for this signature").to_owned(),
            Self::Key => signing::Refusal::Waiting.message(lang),
            Self::Refused(refusal) => refusal.message(lang),
            Self::Directory(error) if is_in_use(error) => {
                lang.pick(busy, "its dossier is being worked on; sign it again in some minutes").to_owned()
            }
            Self::Directory(error) => error.message(lang),
            Self::Store(error) => error.message(lang),
        }
    }
}

/// The acts of signing.
#[derive(Default)]
pub(super) struct Signings {
    last: Mutex<Option<Progress>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    stopping: AtomicBool,
}

impl Signings {
    fn last(&self) -> MutexGuard<'_, Option<Progress>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the act that runs, or at the last one.
    pub(super) fn look<T>(&self, look: impl FnOnce(Option<&Progress>) -> T) -> T {
        look(self.last().as_ref())
    }

    fn note(&self, note: impl FnOnce(&mut Progress)) {
        if let Some(last) = self.last().as_mut() {
            note(last);
        }
    }

    /// Has the act end after the component in hand, and begins no more.
    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Waits for the act that was told to end: as long as one signature takes.
    pub(super) fn join(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        thread.into_iter().for_each(|thread| drop(thread.join()));
    }
}

/// Begins an act, unless one runs.
pub(super) fn begin(app: &Shared, act: Act) -> Result<(), Problem> {
    let mut last = app.signings.last();
    let is_running = last.as_ref().is_some_and(|last| last.ended.is_none());
    if is_running || app.signings.stopping.load(Ordering::Relaxed) {
        return Err(Problem::SigningRuns);
    }
    let on_thread = Arc::clone(app);
    let (by, total) = (act.by.name.clone(), act.components.len());
    let work = move || {
        let ended = catch_unwind(AssertUnwindSafe(|| on_thread.sign(act))).unwrap_or(Ended::Defect);
        on_thread.signings.note(|progress| progress.ended = Some(ended));
        (on_thread.tell)(&Event::SigningEnded);
    };
    let thread = std::thread::Builder::new().name("sign".to_owned()).spawn(work).map_err(|_| Problem::Internal)?;
    *last = Some(Progress { by, total, signed: 0, unsigned: Vec::new(), ended: None });
    *app.signings.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
    Ok(())
}

impl App {
    /// Signs what is asked for, one after the other.
    fn sign(&self, act: Act) -> Ended {
        let Signing::ByPeople(key) = &self.settings.signing else { return Ended::Defect };
        let Act { by, components, typed, knows_final_try } = act;
        let opened = (key.open)(&typed, knows_final_try, self.file_time());
        drop(typed);
        let signer = match opened {
            Ok(signer) => signer,
            Err(refusal) => return Ended::Refused(refusal),
        };
        let mut run = RunKey::new(Some(signer.as_ref()));
        for component in components {
            if self.signings.stopping.load(Ordering::Relaxed) {
                return Ended::Stopped;
            }
            match self.sign_component(component, &by, key, &mut run) {
                Ok(()) => {
                    self.signings.note(|progress| progress.signed += 1);
                    (self.tell)(&Event::Signed { component });
                }
                // It and all that follows wait.
                Err((_, NotSigned::Key)) => break,
                Err((what, why)) => {
                    self.signings.note(|progress| progress.unsigned.push(Unsigned { what, why: Box::new(why) }));
                }
            }
        }
        run.into_failure().map_or(Ended::Done, Ended::KeyFailed)
    }

    /// Signs one component, if it is the newest version, in a dossier, and still waits.
    fn sign_component(
        &self,
        id: i64,
        by: &Account,
        key: &PeoplesKey,
        run: &mut RunKey<'_>,
    ) -> Result<(), (Option<(String, String)>, NotSigned)> {
        let listed = self.store.component(id).map_err(|error| (None, NotSigned::Store(error)))?;
        let component = listed.component;
        let what = listed.dossier.map(|dossier| (dossier, component.title));
        if what.is_none() || !component.is_newest || component.state != State::Unsigned {
            return Err((what, NotSigned::NotWaiting));
        }
        let mut is_signed = false;
        for published in &component.published {
            match self.sign_published(published, key, run) {
                Ok(None) => {}
                Ok(Some(Outcome { result: Ok(_), .. })) => is_signed = true,
                Ok(Some(Outcome { result: Err(signing::Refusal::Waiting), .. })) => return Err((what, NotSigned::Key)),
                Ok(Some(Outcome { result: Err(refusal), .. })) => return Err((what, NotSigned::Refused(refusal))),
                Err(error) => return Err((what, NotSigned::Directory(error))),
            }
            if let Some(signed) = service::signed(published).filter(|_| is_signed) {
                let noted = self.store.signed(id, &signed, Some(by.id), self.now());
                noted.map_err(|error| (what.clone(), NotSigned::Store(error)))?;
            }
        }
        if is_signed { Ok(()) } else { Err((what, NotSigned::NotWaiting)) }
    }

    /// Signs a published file where it lies, waiting for the service to finish what it writes there.
    fn sign_published(
        &self,
        published: &Published,
        key: &PeoplesKey,
        run: &mut RunKey<'_>,
    ) -> Result<Option<Outcome>, PendingError> {
        let directory = Path::new(&published.directory);
        let version = (&published.name[..], published.version);
        let mut tries = 0;
        loop {
            let signed = signing::component(directory, version, key.role, key.stamp.as_ref(), run, self.file_time());
            match signed {
                Err(error) if is_in_use(&error) && tries < TRIES && !self.signings.stopping.load(Ordering::Relaxed) => {
                    tries += 1;
                    std::thread::sleep(PAUSE);
                }
                signed => return signed,
            }
        }
    }

    /// The time that is written into files: whole seconds.
    fn file_time(&self) -> OffsetDateTime {
        (self.clock)().replace_nanosecond(0).expect("zero is a valid nanosecond")
    }
}

fn is_in_use(error: &PendingError) -> bool {
    matches!(error, PendingError::Ledger(LedgerError::Publish(PublishError::InUse(_))))
}
