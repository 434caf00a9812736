//! What the commands of an incident say, and what must hold of it.

use std::fmt;
use std::io;

/// What was not as promised.
#[derive(Debug)]
pub(crate) struct Broken(pub(crate) String);

pub(crate) type Result<T> = std::result::Result<T, Broken>;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}

/// Fails with `what` unless `holds`.
pub(crate) fn ensure(holds: bool, what: impl Into<String>) -> Result<()> {
    match holds {
        true => Ok(()),
        false => Err(Broken(what.into())),
    }
}

/// What a command said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) command: String,
    pub(crate) text: String,
    pub(crate) code: Option<i32>,
}

impl Said {
    /// Fails unless it says all of `texts`.
    pub(crate) fn has(&self, texts: &[&str]) -> Result<&Self> {
        for text in texts {
            let what = format!("`{}` does not say {text:?}", self.command);
            ensure(self.text.contains(text), what)?;
        }
        Ok(self)
    }

    /// Fails unless it ended well.
    pub(crate) fn is_done(&self) -> Result<&Self> {
        let what = format!("`{}` ended with {:?}", self.command, self.code);
        ensure(self.code == Some(0), what)?;
        Ok(self)
    }

    /// What it says of `name`: the rest of the line that begins so.
    pub(crate) fn line(&self, name: &str) -> Result<&str> {
        let mut lines = self.text.lines();
        let rest = lines.find_map(|line| line.strip_prefix(name));
        rest.map(str::trim)
            .ok_or_else(|| Broken(format!("`{}` does not say {name:?}", self.command)))
    }
}
