//! The file of the access log, which a thread of its own writes.
//!
//! After the last step of a request over HTTP. A request appends its line to a buffer and goes on, whatever the file does: a
//! disk that is full or a pipe that nobody reads costs lines, which are counted, and never a request.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::mem::{replace, swap, take};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The most bytes that wait to be written. Further lines are lost.
const MOST: usize = 1 << 20;
/// So many bytes are written at once. Fewer wait for others for a moment.
const ENOUGH: usize = 256 << 10;
const GATHER: Duration = Duration::from_millis(20);
/// How long the end of a process waits for the file.
const LAST_CHANCE: Duration = Duration::from_secs(1);
/// How often the log tells of lost lines.
const TOLD_EVERY: Duration = Duration::from_secs(10);
/// Addresses of clients are not for everybody.
const MODE: u32 = 0o640;

/// Lines on their way to a file, or to standard output.
#[derive(Debug)]
pub(super) struct Sink(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// The lines that were lost since it was opened.
    lost: AtomicU64,
    /// There is something for the writer to do.
    work: Condvar,
    /// It is done.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<u8>,
    is_writing: bool,
    /// Does not wait for other lines.
    hurries: bool,
    reopens: bool,
    is_closed: bool,
}

impl Sink {
    /// Opens the file at `path`, or takes standard output.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let target = Target::open(path)?;
        let shared = Arc::<Shared>::default();
        let writer = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("access log".to_owned())
            .spawn(move || Writer::new(target).run(&writer))?;
        Ok(Self(shared))
    }

    /// Appends `line`, unless too much waits already.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.0.lock();
        let before = state.lines.len();
        if before + line.len() > MOST {
            self.0.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.lines.extend_from_slice(line);
        let after = state.lines.len();
        drop(state);
        // Waking the writer is a call to the kernel.
        if before == 0 || (before < ENOUGH && after >= ENOUGH) {
            self.0.work.notify_one();
        }
    }

    /// How many lines were lost since it was opened.
    #[cfg(feature = "admin")]
    pub(super) fn lost(&self) -> u64 {
        self.0.lost()
    }

    /// Opens the file again, which may have been moved away.
    pub(super) fn reopen(&self) {
        self.0.lock().reopens = true;
        self.0.work.notify_one();
    }

    /// Waits until everything is written, or for a second.
    pub(super) fn flush(&self) {
        let mut state = self.0.lock();
        state.hurries = true;
        self.0.work.notify_one();
        let waits =
            |state: &mut State| !state.lines.is_empty() || state.is_writing || state.hurries;
        let _ = self.0.done.wait_timeout_while(state, LAST_CHANCE, waits);
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.work.notify_one();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until there is something to do, until `told` if something is to be told then.
    fn wait(&self, told: Option<Instant>) -> MutexGuard<'_, State> {
        let is_idle = |state: &mut State| {
            state.lines.is_empty() && !(state.hurries || state.reopens || state.is_closed)
        };
        let state = self.lock();
        let state = match told {
            None => self
                .work
                .wait_while(state, is_idle)
                .unwrap_or_else(PoisonError::into_inner),
            Some(at) => {
                let rest = at.saturating_duration_since(Instant::now());
                let waited = self.work.wait_timeout_while(state, rest, is_idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        let gathers = |state: &mut State| {
            state.lines.len() < ENOUGH && !(state.hurries || state.reopens || state.is_closed)
        };
        let gathered = self.work.wait_timeout_while(state, GATHER, gathers);
        gathered.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The thread that writes.
struct Writer {
    target: Target,
    batch: Vec<u8>,
    error: Option<io::Error>,
    /// So many lost lines were told.
    told: u64,
    /// When others may be told.
    tells: Instant,
}

impl Writer {
    fn new(target: Target) -> Self {
        Self {
            target,
            batch: Vec::new(),
            error: None,
            told: 0,
            tells: Instant::now(),
        }
    }

    fn run(mut self, shared: &Shared) {
        loop {
            let mut state = shared.wait((shared.lost() > self.told).then_some(self.tells));
            swap(&mut self.batch, &mut state.lines);
            state.is_writing = true;
            let reopens = take(&mut state.reopens);
            let (hurries, is_closed) = (state.hurries, state.is_closed);
            drop(state);
            let lost = self.write();
            shared.lost.fetch_add(lost, Ordering::Relaxed);
            if reopens {
                self.reopen();
            }
            self.tell(shared.lost(), hurries || is_closed);
            let mut state = shared.lock();
            state.is_writing = false;
            if state.lines.is_empty() {
                state.hurries = false;
            }
            drop(state);
            shared.done.notify_all();
            if is_closed {
                return;
            }
        }
    }

    /// Writes the batch; how many of its lines are lost.
    fn write(&mut self) -> u64 {
        let written = self.target.write(&self.batch);
        self.batch.clear();
        match written {
            Ok(()) => 0,
            Err((lost, error)) => {
                self.error = Some(error);
                lost
            }
        }
    }

    /// Keeps the file that it has if there is no new one.
    fn reopen(&mut self) {
        let Some(path) = self.target.path.clone() else {
            return;
        };
        match Target::open(Some(&path)) {
            Ok(target) => self.target = target,
            Err(error) => {
                tracing::error!(?path, %error, "access log not reopened: the old file is written on");
            }
        }
    }

    /// Tells of the lines that are `lost` and not told yet.
    fn tell(&mut self, lost: u64, is_last: bool) {
        let now = Instant::now();
        if lost == self.told || (now < self.tells && !is_last) {
            return;
        }
        self.tells = now + TOLD_EVERY;
        let (lines, error) = (lost - self.told, self.error.take());
        self.told = lost;
        let error = error.map_or_else(|| "too slow".to_owned(), |error| error.to_string());
        tracing::error!(lines, error, "access log: lines are lost");
    }
}

/// What is written to.
struct Target {
    path: Option<PathBuf>,
    file: File,
    /// The last write ended within a line.
    is_in_line: bool,
}

impl Target {
    fn open(path: Option<&Path>) -> io::Result<Self> {
        let file = match path {
            None => File::from(io::stdout().as_fd().try_clone_to_owned()?),
            Some(path) => {
                let mut options = OpenOptions::new();
                // A named pipe without a reader would not open until there is one, unless it is opened for reading, too.
                let kind = path.metadata().map(|found| found.file_type());
                options.read(kind.is_ok_and(|kind| kind.is_fifo()));
                options.append(true).create(true).mode(MODE).open(path)?
            }
        };
        Ok(Self {
            path: path.map(Path::to_owned),
            file,
            is_in_line: false,
        })
    }

    /// Writes `lines`, or says how many of them are lost.
    fn write(&mut self, lines: &[u8]) -> Result<(), (u64, io::Error)> {
        if replace(&mut self.is_in_line, false) && !lines.is_empty() {
            // Ends a line of which only the beginning was written.
            self.write_all(b"\n")
                .map_err(|(_, error)| (count(lines), error))?;
        }
        self.write_all(lines).map_err(|(written, error)| {
            self.is_in_line = !matches!(lines[..written].last(), None | Some(b'\n'));
            (count(&lines[written..]), error)
        })
    }

    /// The same as that of [`Write`], but it says how much is written.
    fn write_all(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut written = 0;
        while written < bytes.len() {
            match self.file.write(&bytes[written..]) {
                Ok(0) => return Err((written, io::ErrorKind::WriteZero.into())),
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err((written, error)),
            }
        }
        Ok(())
    }
}

/// The lines that end in `bytes`.
fn count(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_written_in_order_and_a_moved_file_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
        let sink = Sink::open(Some(&path)).unwrap();
        sink.push(b"one\n");
        sink.push(b"two\n");
        sink.flush();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        std::fs::rename(&path, &moved).unwrap();
        sink.push(b"three\n");
        sink.flush();
        sink.reopen();
        sink.flush();
        sink.push(b"four\n");
        sink.flush();
        assert_eq!(std::fs::read_to_string(moved).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(std::fs::read_to_string(path).unwrap(), "four\n");
    }

    #[test]
    fn a_full_disk_costs_lines_and_blocks_nobody() {
        let sink = Sink::open(Some(Path::new("/dev/full"))).unwrap();
        for _ in 0..100_000 {
            sink.push(b"a line of some length\n");
        }
        sink.flush();
        let state = sink.0.lock();
        assert!(state.lines.is_empty() && !state.is_writing);
        assert_eq!(sink.0.lost(), 100_000);
    }

    #[test]
    fn what_waits_for_a_pipe_that_nobody_reads_is_bounded() {
        let (reader, writer) = io::pipe().unwrap();
        let target = Target {
            path: None,
            file: File::from(std::os::fd::OwnedFd::from(writer)),
            is_in_line: false,
        };
        let shared = Arc::<Shared>::default();
        let sink = Sink(Arc::clone(&shared));
        let thread = std::thread::spawn(move || Writer::new(target).run(&shared));
        let line = [&[b'x'; 1_023][..], b"\n"].concat();
        for _ in 0..10_000 {
            sink.push(&line);
        }
        let (waiting, lost) = {
            let state = sink.0.lock();
            (state.lines.len(), sink.0.lost())
        };
        // At most what waits, what the writer holds, and what the pipe has.
        assert!(
            waiting <= MOST && lost >= 10_000 - 3 * 1_024,
            "{waiting} {lost}"
        );
        drop(reader);
        drop(sink);
        thread.join().unwrap();
    }

    /// A supervisor may start the reader of a pipe after the server, or start it again.
    #[test]
    fn a_named_pipe_is_opened_before_anybody_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status();
        assert!(made.unwrap().success());
        let sink = Sink::open(Some(&path)).unwrap();
        sink.push(b"one\n");
        sink.flush();
        let mut read = [0; 4];
        let mut reader = File::open(&path).unwrap();
        io::Read::read_exact(&mut reader, &mut read).unwrap();
        assert_eq!(&read, b"one\n");
    }

    #[test]
    fn a_line_that_was_cut_ends_before_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut target = Target::open(Some(&path)).unwrap();
        target.write(b"one\n").unwrap();
        target.write(b"tw").unwrap();
        target.is_in_line = true;
        target.write(b"three\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntw\nthree\n");
    }
}
