//! Settings in files: `GIOTTO_SIGNING_KEY_FILE=/run/secrets/signing_key`, as Docker and Kubernetes hand out secrets.
//!
//! Read before the first step of an invocation, and again when the configuration is reloaded.

use std::fs::File;
use std::io::Read as _;

use super::setting::Setting;
use crate::error::{Error, Result};

/// The end of the name of a variable that names a file.
pub(super) const FILE: &str = "_FILE";

/// The most bytes of a setting in a file.
const MAX_BYTES: u64 = 64 << 10;

/// The setting `key` whose text is in the file at `path`, which the variable `name` names. Line breaks at its end do not count.
pub(super) fn in_file(key: &str, path: &str, name: &str) -> Result<Setting> {
    let refused = |problem: &str| Error::configuration(format!("{name}: {path} {problem}"));
    let cannot = |error: std::io::Error| {
        refused(&format!(
            "cannot be read: {error}; name a file that the user of this process may read"
        ))
    };
    let file = File::open(path).map_err(cannot)?;
    let mut text = String::new();
    let read = file.take(MAX_BYTES + 1).read_to_string(&mut text);
    match read.map_err(cannot)? as u64 > MAX_BYTES {
        true => Err(refused("is longer than 64 KiB, which no setting is")),
        false => match text.trim_end_matches(['\r', '\n']) {
            "" => Err(refused("is empty: write the value into it")),
            text => Ok(Setting {
                is_hidden: true,
                ..Setting::written(key, text, &format!("{name} ({path})"))
            }),
        },
    }
}
