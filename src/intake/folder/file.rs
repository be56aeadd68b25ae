//! The way of one file.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::super::claim::Claimed;
use super::super::complete::{Content, content};
use super::super::{Answer, Arrival, Event, Refusal, Waiting};
use super::{Key, Open, Outside, Stamp, Tracked};

/// Shortest pause that a busy sink gets.
const MIN_PAUSE: Duration = Duration::from_millis(10);

/// An empty file waits this many times the patience for one without its end: scanners make the file first. So does a file
/// that its writer keeps open: it may have more pages.
const LONG_PATIENCE: u32 = 10;

/// How an attempt at a file ended.
pub(super) enum Outcome {
    /// It was stored or put aside.
    Over,
    /// Somebody took it away, or the whole folder.
    Vanished,
    /// It stays, and is no more business of ours until it changes.
    Left,
    /// It is not what it was.
    Changed(Stamp),
    /// Another attempt after some time, or after ever longer ones.
    Wait(Waiting, Option<Duration>),
}

impl Open<'_> {
    /// The way of a file that stood still: looked into, claimed, handed to the sink, removed.
    pub(super) fn take(&mut self, key: &mut Key, seen: &mut Tracked, outside: &mut Outside) -> Outcome {
        let place = key.claimed.clone().unwrap_or_else(|| self.root.join(&key.path));
        match self.stamp(&place) {
            Ok(stamp) if stamp == seen.stamp => {}
            Ok(stamp) => return Outcome::Changed(stamp),
            Err(error) => return vanished_or_wait(error),
        }
        seen.settling = false;
        if !seen.stamp.regular {
            return self.refuse(key, seen, Refusal::NotAFile, outside);
        }
        if seen.stored {
            return self.remove(key, seen, outside);
        }
        let (refusal, complete) = match self.look_into(&place, seen) {
            Ok(Verdict::Capture { complete }) => (None, complete),
            Ok(Verdict::Refused(refusal)) => (Some(refusal), true),
            Ok(Verdict::Early(reason, after)) => return Outcome::Wait(reason, Some(after)),
            Err(error) => return vanished_or_wait(error),
        };
        let (still, patience) = (seen.still_since.elapsed(), self.settings.patience * LONG_PATIENCE);
        if seen.written_to && key.claimed.is_none() && still < patience {
            return Outcome::Wait(Waiting::Open, Some(patience - still));
        }
        if let Some(outcome) = self.claim(key, seen, outside) {
            return outcome;
        }
        if let Some(refusal) = refusal {
            return self.refuse(key, seen, refusal, outside);
        }
        let arrival = Arrival {
            folder: self.index,
            relative: seen.relative.clone(),
            path: key.claimed.clone().unwrap_or(place),
            bytes: seen.stamp.bytes,
            modified: seen.stamp.modified.unwrap_or(SystemTime::UNIX_EPOCH),
            complete,
        };
        match outside.sink.accept(&arrival) {
            Answer::Stored => self.remove(key, seen, outside),
            Answer::Busy(pause) => {
                let pause = pause.max(MIN_PAUSE);
                self.paused_until = Instant::now() + pause;
                Outcome::Wait(Waiting::Busy, Some(pause))
            }
            Answer::Refused(reason) => self.refuse(key, seen, Refusal::Sink(reason), outside),
        }
    }

    /// What its content says of a file that stood still as long as `seen` says.
    fn look_into(&self, place: &Path, seen: &Tracked) -> io::Result<Verdict> {
        let still = seen.still_since.elapsed();
        // The longer nothing happens, the seldomer is it looked at again.
        let early = |reason, patience: Duration| Verdict::Early(reason, still.min(patience - still).max(MIN_PAUSE));
        let patience = self.settings.patience;
        if seen.stamp.bytes == 0 {
            let patience = patience * LONG_PATIENCE;
            return Ok(match still < patience {
                true => early(Waiting::Empty, patience),
                false => Verdict::Refused(Refusal::Empty),
            });
        }
        // A file that became a link is not followed, and a pipe not waited for.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(place)?;
        Ok(match content(&file, seen.stamp.bytes)? {
            Content::Whole => Verdict::Capture { complete: true },
            Content::Unfinished(format) if still < patience => early(Waiting::Unfinished(format), patience),
            Content::Unfinished(_) => Verdict::Capture { complete: false },
            Content::Nothing(_) if still < patience => early(Waiting::Empty, patience),
            Content::Nothing(other) | Content::Other(other) => Verdict::Refused(Refusal::NotACapture(other)),
        })
    }

    /// Moves a file out of its writer's reach, if it is to be; what else happens to it when that cannot be.
    fn claim(&mut self, key: &mut Key, seen: &Tracked, outside: &mut Outside) -> Option<Outcome> {
        let work = self.work.as_mut().filter(|_| key.claimed.is_none())?;
        let path = match work.claim(&self.root, &key.path) {
            Ok(path) => path,
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                return Some(Outcome::Wait(Waiting::OtherDisk, None));
            }
            Err(error) if fs::symlink_metadata(self.root.join(&key.path)).is_ok() => {
                return Some(Outcome::Wait(Waiting::Unreachable(error), None));
            }
            Err(error) => return Some(vanished_or_wait(error)),
        };
        (outside.on_event)(Event::Claimed { folder: self.index, relative: seen.relative.clone() });
        key.claimed = Some(path.clone());
        match self.stamp(&path) {
            Ok(stamp) if stamp == seen.stamp => None,
            Ok(stamp) => Some(Outcome::Changed(stamp)),
            Err(error) => Some(vanished_or_wait(error)),
        }
    }

    /// Removes a file that the sink has stored, unless more was written to it meanwhile.
    fn remove(&self, key: &Key, seen: &mut Tracked, outside: &mut Outside) -> Outcome {
        if let (Some(work), Some(path)) = (&self.work, &key.claimed) {
            match self.stamp(path) {
                Ok(stamp) if stamp == seen.stamp => {}
                Ok(stamp) => return Outcome::Changed(stamp),
                Err(error) => return vanished_or_wait(error),
            }
            seen.stored = true;
            let removed = match self.settings.done {
                true => work.keep(&Claimed { relative: key.path.clone(), path: path.clone() }),
                false => work.remove(path),
            };
            if let Err(error) = removed {
                return Outcome::Wait(Waiting::Unreachable(error), None);
            }
        }
        let (relative, bytes) = (seen.relative.clone(), seen.stamp.bytes);
        (outside.on_event)(Event::Stored { folder: self.index, relative, bytes });
        Outcome::Over
    }

    /// Puts a claimed file aside; others are left where they are.
    fn refuse(&self, key: &Key, seen: &Tracked, reason: Refusal, outside: &mut Outside) -> Outcome {
        let put_aside = match (&self.work, &key.claimed) {
            (Some(work), Some(path)) => {
                let file = Claimed { relative: key.path.clone(), path: path.clone() };
                Some(work.refuse(&file, &reason.note(&seen.relative)))
            }
            _ => None,
        };
        if let Some(Err(error)) = put_aside {
            return Outcome::Wait(Waiting::Unreachable(error), None);
        }
        (outside.on_event)(Event::Refused { folder: self.index, relative: seen.relative.clone(), reason });
        if put_aside.is_some() { Outcome::Over } else { Outcome::Left }
    }
}

/// What a look into a file says.
enum Verdict {
    Capture {
        complete: bool,
    },
    Refused(Refusal),
    /// Too early to say; look again after this time.
    Early(Waiting, Duration),
}

/// A file that vanished needs no more attempts; anything else may get better.
fn vanished_or_wait(error: io::Error) -> Outcome {
    match error.kind() {
        io::ErrorKind::NotFound => Outcome::Vanished,
        _ => Outcome::Wait(Waiting::Unreachable(error), None),
    }
}
