//! The file of an export, and how it is read back.
//!
//! A line of text says what it is: `giotto-cache export 1`. Frames follow, numbers little-endian:
//!
//! | bytes | field |
//! |---|---|
//! | 0 | kind: `V` = a value, `E` = the end |
//! | 1..5 | length of the key |
//! | 5..9 | length of the value |
//! | 9.. | key, value |
//! | then 8 | checksum: XXH3-64 of what stands before in the frame, seeded with the checksum of the frame before |
//!
//! The value of the end is the number of frames before it. So a file that was cut short, changed, or put together from others
//! is refused, before anything of it is stored.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::{Error, ErrorKind, Result};

const TITLE: &[u8] = b"giotto-cache export 1\n";
const BEFORE_VERSION: &[u8] = b"giotto-cache export ";
const VALUE: u8 = b'V';
const END: u8 = b'E';
const LONGEST_KEY: usize = 64 << 10;

/// A file that is being written. It gets its name when it is complete.
pub(crate) struct Writer {
    to: BufWriter<File>,
    part: PathBuf,
    path: PathBuf,
    sum: u64,
    frames: u64,
}

impl Writer {
    /// Readable by its owner only: it has every page that is stored.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        check_absent(path)?;
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        check_absent(&part)?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let file = options.open(&part).map_err(|error| failed(&part, &error))?;
        let mut to = BufWriter::new(file);
        to.write_all(TITLE).map_err(|error| failed(&part, &error))?;
        Ok(Self {
            to,
            part,
            path: path.to_owned(),
            sum: 0,
            frames: 0,
        })
    }

    pub(crate) fn value(&mut self, key: &str, value: &[u8]) -> Result<()> {
        self.frames += 1;
        self.frame(VALUE, key.as_bytes(), value)
    }

    fn frame(&mut self, kind: u8, key: &[u8], value: &[u8]) -> Result<()> {
        let mut frame = vec![kind];
        for part in [key, value] {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            frame.extend_from_slice(&length.to_le_bytes());
        }
        frame.extend_from_slice(key);
        frame.extend_from_slice(value);
        self.sum = xxh3_64_with_seed(&frame, self.sum);
        let written = self
            .to
            .write_all(&frame)
            .and_then(|()| self.to.write_all(&self.sum.to_le_bytes()));
        written.map_err(|error| failed(&self.part, &error))
    }

    /// Ends the file and gives it its name.
    pub(crate) fn finish(mut self) -> Result<()> {
        let frames = self.frames;
        self.frame(END, b"", &frames.to_le_bytes())?;
        let kept = self.to.flush().and_then(|()| self.to.get_ref().sync_all());
        let named = kept.and_then(|()| std::fs::rename(&self.part, &self.path));
        named.map_err(|error| failed(&self.path, &error))
    }
}

/// A file that is read from its beginning.
pub(crate) struct Reader {
    from: BufReader<File>,
    path: PathBuf,
    longest: usize,
    sum: u64,
    frames: u64,
    is_over: bool,
}

impl Reader {
    /// No value is `longer` than this.
    pub(crate) fn open(path: &Path, longest: usize) -> Result<Self> {
        let file = File::open(path).map_err(|error| failed(path, &error))?;
        let mut from = BufReader::new(file);
        let mut title = Vec::new();
        let read = from.by_ref().take(64).read_until(b'\n', &mut title);
        read.map_err(|error| failed(path, &error))?;
        if title != TITLE {
            let what = match title.starts_with(BEFORE_VERSION) {
                true => "is an export of another version: import it with the version that wrote it",
                false => "is no export of a cache",
            };
            return Err(refused(path, what));
        }
        Ok(Self {
            from,
            path: path.to_owned(),
            longest,
            sum: 0,
            frames: 0,
            is_over: false,
        })
    }

    /// The next key and value; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<(String, Bytes)>> {
        if self.is_over {
            return Ok(None);
        }
        let mut frame = vec![0; 9];
        self.read(&mut frame)?;
        let length = |at: usize| {
            let bytes = [frame[at], frame[at + 1], frame[at + 2], frame[at + 3]];
            u32::from_le_bytes(bytes) as usize
        };
        let (kind, key_len, value_len) = (frame[0], length(1), length(5));
        if key_len > LONGEST_KEY || value_len > self.longest.max(8) {
            return Err(refused(
                &self.path,
                "has a key or a value that is too long: it is damaged, or cache.max_entry was larger where it was written",
            ));
        }
        frame.resize(9 + key_len + value_len, 0);
        self.read_from(&mut frame, 9)?;
        let mut sum = [0; 8];
        self.read(&mut sum)?;
        self.sum = xxh3_64_with_seed(&frame, self.sum);
        if self.sum != u64::from_le_bytes(sum) {
            return Err(refused(&self.path, "is damaged: a checksum does not match"));
        }
        let value = Bytes::from(frame.split_off(9 + key_len));
        let key = String::from_utf8(frame.split_off(9));
        match kind {
            VALUE => {
                self.frames += 1;
                let key = key.map_err(|_| refused(&self.path, "has a key that is no text"))?;
                Ok(Some((key, value)))
            }
            END => self.end(&value),
            _ => Err(refused(&self.path, "has a frame of an unknown kind")),
        }
    }

    fn end(&mut self, value: &[u8]) -> Result<Option<(String, Bytes)>> {
        let mut rest = [0; 1];
        let more = self
            .from
            .read(&mut rest)
            .map_err(|error| failed(&self.path, &error))?;
        if value != self.frames.to_le_bytes() || more > 0 {
            return Err(refused(&self.path, "does not end where it says"));
        }
        self.is_over = true;
        Ok(None)
    }

    fn read(&mut self, to: &mut [u8]) -> Result<()> {
        self.from
            .read_exact(to)
            .map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => refused(&self.path, "is cut short"),
                _ => failed(&self.path, &error),
            })
    }

    fn read_from(&mut self, to: &mut Vec<u8>, at: usize) -> Result<()> {
        let (_, rest) = to.split_at_mut(at);
        self.read(rest)
    }
}

/// Nothing is overwritten: neither an export, nor what an export has left that was interrupted.
fn check_absent(path: &Path) -> Result<()> {
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(());
    }
    let message = format!(
        "{} is there already: remove it, or name another file",
        path.display()
    );
    Err(Error::new(ErrorKind::Configuration, message))
}

fn failed(path: &Path, error: &io::Error) -> Error {
    let message = format!("{}: {error}", path.display());
    Error::new(ErrorKind::Configuration, message)
}

fn refused(path: &Path, what: &str) -> Error {
    let message = format!("{} {what}; nothing of it was stored", path.display());
    Error::new(ErrorKind::Configuration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(values: &[(&str, &[u8])]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("export");
        let mut writer = Writer::create(&path).unwrap();
        for (key, value) in values {
            writer.value(key, value).unwrap();
        }
        writer.finish().unwrap();
        (folder, path)
    }

    fn read(path: &Path) -> Result<Vec<(String, Bytes)>> {
        let mut reader = Reader::open(path, 1_000)?;
        let mut values = Vec::new();
        while let Some(value) = reader.next()? {
            values.push(value);
        }
        Ok(values)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let values: [(&str, &[u8]); 3] = [("a", b""), ("{'x': 'é'}(p)(m)", &[0; 900]), ("", b"v")];
        for count in 0..=values.len() {
            let (_folder, path) = written(&values[..count]);
            let found = read(&path).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|(key, value)| (key.as_str(), &value[..]))
                .collect();
            assert_eq!(found, values[..count]);
            assert!(Writer::create(&path).is_err(), "nothing is overwritten");
        }
    }

    #[test]
    fn a_file_that_is_cut_short_or_changed_is_refused() {
        let (_folder, path) = written(&[("key", b"value"), ("other", b"")]);
        let whole = std::fs::read(&path).unwrap();
        let is_refused = |raw: &[u8]| {
            std::fs::write(&path, raw).unwrap();
            read(&path).is_err()
        };
        for length in 0..whole.len() {
            assert!(is_refused(&whole[..length]), "{length}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            assert!(is_refused(&changed), "{at}");
        }
        assert!(is_refused(&[&whole[..], b"x"].concat()));
        assert!(!is_refused(&whole));
    }
}
