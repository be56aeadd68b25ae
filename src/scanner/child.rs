//! `scanimage` as a child process: what it says, line by line, with an end to all waiting.

use std::io::{BufRead, BufReader, ErrorKind, PipeReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::error::Fault;

/// How often the flag of cancelling is looked at.
const TICK: Duration = Duration::from_millis(100);

/// What a child that was told to stop gets to end its page and close the device.
const GRACE: Duration = Duration::from_secs(5);

/// What a child gets that has told how the scan ended and only closes the device: the lamp's way home takes some seconds.
/// Drivers hang there: SANE's test backend about once in 2,000 scans that fail, in a thread cancelled inside `free`.
const CLOSING: Duration = Duration::from_secs(10);

/// What a child that has ended gets for its last lines to arrive: processes that it left behind may keep the pipe open.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Lines that may wait to be heard.
const QUEUE: usize = 64;

/// What a line meant to whoever heard it.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing that takes the scan further.
    None,
    /// A page came: the time for the next one starts.
    Page,
    /// The scan has ended and all is said; closing the device is left.
    Closing,
    /// The scan must end.
    Stop(Fault),
}

/// A running `scanimage`.
#[derive(Debug)]
pub(super) struct Child {
    process: std::process::Child,
    lines: Receiver<String>,
}

impl Child {
    /// Starts `scanimage` in a folder. Standard output and error are one pipe, so that their lines keep their order. The
    /// child is in a process group of its own: a Ctrl-C of the terminal reaches it through us alone. When we are killed,
    /// the pipe breaks, and `scanimage` ends with its next line.
    pub(super) fn start(arguments: &[String], folder: Option<&Path>) -> Result<Self, Fault> {
        let driver = |error: std::io::Error| Fault::Driver(error.to_string());
        let (reader, writer) = std::io::pipe().map_err(driver)?;
        let mut command = Command::new("scanimage");
        command
            .args(arguments)
            // Its messages are read by us, and its numbers written by us with a point.
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(driver)?)
            .stderr(writer)
            .process_group(0);
        if let Some(folder) = folder {
            command.current_dir(folder);
        }
        let process = command.spawn().map_err(|error| match error.kind() {
            ErrorKind::NotFound => Fault::NotInstalled,
            _ => Fault::Driver(error.to_string()),
        })?;
        Ok(Self { process, lines: hear(reader) })
    }

    /// Hands every line to `on_line` until the child ends. Stops it when `on_line` says so, `cancel` is set, or no page
    /// came for `limit`; what it says after that is not heard. `None` is a child that had to be stopped because it did not
    /// come to its end after the scan's.
    pub(super) fn watch(
        mut self,
        limit: Duration,
        cancel: &AtomicBool,
        on_line: &mut dyn FnMut(&str) -> Step,
    ) -> Result<Option<ExitStatus>, Fault> {
        let mut since = Instant::now();
        let mut closing = false;
        let mut ended: Option<(ExitStatus, Instant)> = None;
        loop {
            if cancel.load(Ordering::Relaxed) {
                self.stop();
                return Err(Fault::Cancelled);
            }
            match self.lines.recv_timeout(TICK) {
                Ok(line) => match on_line(&line) {
                    Step::None => {}
                    Step::Page => since = Instant::now(),
                    Step::Closing => (closing, since) = (true, Instant::now()),
                    Step::Stop(fault) => {
                        self.stop();
                        return Err(fault);
                    }
                },
                Err(RecvTimeoutError::Disconnected) => return self.end(limit, since).map(Some),
                Err(RecvTimeoutError::Timeout) => {
                    ended = ended.or_else(|| Some((self.process.try_wait().ok()??, Instant::now())));
                    match ended {
                        Some((status, at)) if at.elapsed() > LAST_WORDS => {
                            // Only a process that it left behind can still hold the pipe open.
                            self.signal(Signal::KILL);
                            return Ok(Some(status));
                        }
                        Some(_) => {}
                        None if closing && since.elapsed() > CLOSING => {
                            self.stop();
                            return Ok(None);
                        }
                        None if since.elapsed() > limit => {
                            self.stop();
                            return Err(Fault::Hanging { seconds: limit.as_secs() });
                        }
                        None => {}
                    }
                }
            }
        }
    }

    /// The child has closed its pipe and is about to end, within what is left of its time.
    fn end(mut self, limit: Duration, since: Instant) -> Result<ExitStatus, Fault> {
        loop {
            match self.process.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if since.elapsed() > limit => {
                    self.stop();
                    return Err(Fault::Hanging { seconds: limit.as_secs() });
                }
                Ok(None) => std::thread::sleep(TICK),
                Err(error) => return Err(Fault::Driver(error.to_string())),
            }
        }
    }

    /// Ends the child with whatever it started. The first signal makes `scanimage` give up the page in work, though it
    /// would go on with the next one; the second makes it exit at once.
    fn stop(&mut self) {
        let started = Instant::now();
        self.signal(Signal::TERM);
        let mut again = false;
        while started.elapsed() < GRACE {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            let next_page = self.lines.recv_timeout(TICK).is_ok_and(|line| line.starts_with("Scanning page"));
            if !again && (next_page || started.elapsed() > GRACE / 2) {
                again = true;
                self.signal(Signal::TERM);
            }
        }
        self.signal(Signal::KILL);
        // A process that the system cannot end now (it waits for a device) is not waited for.
        let killed = Instant::now();
        while killed.elapsed() < GRACE && !matches!(self.process.try_wait(), Ok(Some(_))) {
            std::thread::sleep(TICK);
        }
    }

    fn signal(&self, signal: Signal) {
        let group = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        // A group that has ended meanwhile needs no signal.
        group.map_or(Ok(()), |group| kill_process_group(group, signal)).unwrap_or_default();
    }
}

/// The lines of a pipe, read by a thread until its end. It waits where nobody takes them.
fn hear(reader: PipeReader) -> Receiver<String> {
    let (sender, lines) = sync_channel(QUEUE);
    std::thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        // A progress bar ends its lines with a carriage return alone; it is not asked for.
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(text).is_err() {
                break;
            }
            line.clear();
        }
    });
    lines
}
