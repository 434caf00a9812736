//! The settings of the admin listener, where it listens and who may ask it, and of the management socket.
//!
//! Read before the first step of an invocation.

use std::path::{Path, PathBuf};

use toml::Value;

use super::setting::Setting;
use crate::error::Result;
use crate::socket::Sockets;

/// The settings of the admin listener.
#[derive(Debug, Default)]
pub(crate) struct AdminSettings {
    listen: Option<Setting>,
    public: bool,
    hosts: Vec<String>,
    /// `None` = in the usual directory.
    sockets: Option<Sockets>,
}

/// Where it listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A host and a port.
    Port(String, u16),
    /// The path of a Unix socket.
    Path(PathBuf),
}

impl AdminSettings {
    pub(super) fn apply(&mut self, setting: Setting) -> Result<()> {
        match setting.key.as_str() {
            "admin.public" => self.public = setting.boolean()?,
            "admin.hosts" => {
                let names = setting.strings()?.into_iter();
                self.hosts = names.map(str::to_ascii_lowercase).collect();
            }
            "admin.socket" => self.sockets = Some(sockets(&setting)?),
            _ => {
                place(&setting)?;
                self.listen = Some(setting);
            }
        }
        Ok(())
    }

    /// Where servers have the sockets through which commands ask them; `configuration` is the file that was read.
    pub(crate) fn sockets(&self, configuration: &Path) -> Sockets {
        let usual = || Sockets::Usual {
            configuration: configuration.to_owned(),
        };
        self.sockets.clone().unwrap_or_else(usual)
    }

    /// Where to listen; `None` if it is off.
    pub(crate) fn listen(&self) -> Result<Option<Place>> {
        let Some(setting) = &self.listen else {
            return Ok(None);
        };
        #[cfg(feature = "admin")]
        return place(setting).map(Some);
        #[cfg(not(feature = "admin"))]
        Err(setting.wrong(
            "the admin listener is not built in: enable the feature \"admin\" of the crate giotto, or leave the setting out",
        ))
    }

    /// Refuses an address that other machines reach, unless the settings allow it.
    #[cfg(feature = "admin")]
    pub(crate) fn check_public(&self, is_loopback: bool) -> Result<()> {
        match &self.listen {
            Some(setting) if !is_loopback && !self.public => Err(setting.wrong(
                "other machines reach this address, and what is there is not for the public: listen on 127.0.0.1 or on the \
                 path of a Unix socket, or set admin.public = true",
            )),
            _ => Ok(()),
        }
    }

    /// The names of hosts, besides those of this machine, under which it answers.
    #[cfg(feature = "admin")]
    pub(crate) fn hosts(&self) -> &[String] {
        &self.hosts
    }

    /// The error of a place where it cannot listen.
    #[cfg(feature = "admin")]
    pub(crate) fn refused(&self, error: &std::io::Error) -> crate::error::Error {
        let problem = format!("cannot listen there: {error}; choose another address or path");
        match &self.listen {
            Some(setting) => setting.wrong(&problem),
            None => crate::error::Error::configuration(problem),
        }
    }
}

/// `"off"`, or a directory.
fn sockets(setting: &Setting) -> Result<Sockets> {
    let expected = || setting.refused("the path of a directory, or \"off\"");
    match &setting.value {
        Value::Boolean(false) => Ok(Sockets::Off),
        Value::String(text) => match text.as_str() {
            "" | "on" | "true" => Err(expected()),
            "off" | "false" => Ok(Sockets::Off),
            path => Ok(Sockets::In(path.into())),
        },
        _ => Err(expected()),
    }
}

/// `127.0.0.1:5001`, `localhost:5001`, `[::1]:5001`, or a path, which has a slash.
fn place(setting: &Setting) -> Result<Place> {
    let expected =
        || setting.refused("an address such as \"127.0.0.1:5001\", or the path of a Unix socket");
    let text = setting.string()?;
    let text = text.strip_prefix("unix:").unwrap_or(text);
    if text.contains('/') {
        return Ok(Place::Path(text.into()));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(expected)?;
    let port = port.parse().map_err(|_| expected())?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bare.unwrap_or(host) {
        "" => Err(expected()),
        host if host.contains(['@', ' ', '[', ']']) => Err(expected()),
        // `::1:5001` may be either.
        host if bare.is_none() && host.contains(':') => Err(expected()),
        host => Ok(Place::Port(host.to_owned(), port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_an_address_or_a_path() {
        let read = |text| place(&Setting::text("admin.listen", text, "--set"));
        for (text, host, port) in [
            ("127.0.0.1:5001", "127.0.0.1", 5001),
            ("localhost:0", "localhost", 0),
            ("[::1]:80", "::1", 80),
        ] {
            let expected = Place::Port(host.to_owned(), port);
            assert_eq!(read(text).ok(), Some(expected), "{text}");
        }
        for (text, path) in [("/run/a.sock", "/run/a.sock"), ("unix:./a", "./a")] {
            assert_eq!(read(text).ok(), Some(Place::Path(path.into())), "{text}");
        }
        for text in [
            "", "5001", ":5001", "a:", "a:b", "a:65536", "::1:5001", "[::1]", "a b:1",
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(
                error.contains("admin.listen") && error.contains("127.0.0.1:5001"),
                "{error}"
            );
        }
    }
}
