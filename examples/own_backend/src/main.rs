//! A store of your own: pages in files, one for each.
//!
//! ```console
//! $ cargo run -p own_backend -- cmd squared x=12
//! $ cargo run -p own_backend -- http
//! ```
//!
//! `get` and `set` are enough; `delete` and `clear` let an operator remove pages. The contract is the trait's
//! documentation, and the test at the end runs the suite that checks it.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{Buf, Bytes};
use giotto::cache::{self, async_trait};
use giotto::prelude::*;

/// Each file begins with two numbers of 8 bytes: when it expires, in milliseconds since 1970, and how long the
/// key is that follows them. Then comes the value.
const HEADER: usize = 16;

/// A [`KeyValue`] that keeps every value in a file of one folder.
#[derive(Clone, Debug)]
struct FileKeyValue {
    folder: PathBuf,
}

impl FileKeyValue {
    /// A store in `folder`, which is created when the first value is stored.
    fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// A key may have any characters and any length, a file's name may not.
    fn path(&self, key: &str) -> PathBuf {
        // FNV-1a, the same in every release: http://www.isthe.com/chongo/tech/comp/fnv/
        let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.folder.join(format!("{hash:016x}.page"))
    }
}

#[async_trait]
impl KeyValue for FileKeyValue {
    async fn get(&self, key: &str) -> cache::Result<Option<Bytes>> {
        let (path, key) = (self.path(key), key.to_owned());
        blocking(move || Ok(if_found(fs::read(path))?.and_then(|file| value(file.into(), &key))))
            .await
    }

    async fn set(&self, key: &str, value: Bytes, expire: Option<Duration>) -> cache::Result<()> {
        let (path, key) = (self.path(key), key.to_owned());
        let expires = expire.map_or(u64::MAX, |expire| {
            now().saturating_add(milliseconds(expire))
        });
        blocking(move || {
            let folder = path.parent().unwrap_or(Path::new("."));
            fs::create_dir_all(folder)?;
            // Under another name until it is complete, so that nobody reads half a file.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(&expires.to_be_bytes())?;
            file.write_all(&(key.len() as u64).to_be_bytes())?;
            file.write_all(key.as_bytes())?;
            file.write_all(&value)?;
            file.persist(path)?;
            Ok(())
        })
        .await
    }

    async fn delete(&self, key: &str) -> cache::Result<bool> {
        // Two keys may have one file, by chance.
        if self.get(key).await?.is_none() {
            return Ok(false);
        }
        let path = self.path(key);
        blocking(move || if_found(fs::remove_file(path)))
            .await
            .map(|removed| removed.is_some())
    }

    async fn clear(&self) -> cache::Result<()> {
        let folder = self.folder.clone();
        blocking(move || {
            for file in if_found(fs::read_dir(folder))?.into_iter().flatten() {
                let path = file?.path();
                if path
                    .extension()
                    .is_some_and(|extension| extension == "page")
                {
                    if_found(fs::remove_file(path))?;
                }
            }
            Ok(())
        })
        .await
    }
}

/// The value in a `file`, if it is that of `key` and has not expired.
fn value(mut file: Bytes, key: &str) -> Option<Bytes> {
    if file.len() < HEADER {
        return None;
    }
    let (expires, length) = (file.get_u64(), usize::try_from(file.get_u64()).ok()?);
    if expires <= now() || file.get(..length)? != key.as_bytes() {
        return None;
    }
    Some(file.split_off(length))
}

/// What another process has removed in the meantime is not there, and that is no failure.
fn if_found<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Files are read and written where nobody waits for the thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> cache::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(cache::Error::backend)?
        .map_err(cache::Error::backend)
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    milliseconds(since.unwrap_or_default())
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Squares a number.
#[model]
fn square(x: i64) -> i64 {
    x.saturating_mul(x)
}

fn main() -> ExitCode {
    let squared = Program::new(square).cache(3600).view(BasicView::new());
    let app = App::new(Manifest::new([("squared", squared)]));
    giotto::run(app.cache(FileKeyValue::new("own_backend.cache")))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use giotto::cache::conformance::{self, Subject};

    use super::FileKeyValue;

    #[tokio::test]
    async fn the_store_obeys_the_contract() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = |name: &str| Arc::new(FileKeyValue::new(folder.path().join(name)));
        let subject = Subject::new(store("one")).neighbour(store("other"));
        conformance::check(&subject).await;
    }
}
