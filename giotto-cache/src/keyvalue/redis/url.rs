//! The URL of Redis servers: `scheme://[user:password@]servers[/path][?db=number]`.
//!
//! Before any lookup, for the configuration. An error does not repeat any part of the URL, which may be one of the password.

use super::settings::{Login, PORT, SENTINEL_PORT, Servers, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::keyvalue::address::Address;
use crate::keyvalue::percent;

/// The schemes, and what may stand behind each.
const FORMS: [(&str, &str); 7] = [
    ("redis", "user:password@localhost:6379/0"),
    ("rediss", "user:password@redis.example.org:6379/0"),
    ("redis+unix", "/run/redis/redis-server.sock?db=0"),
    ("redis+cluster", "a:7000,b:7001"),
    ("rediss+cluster", "a:7000,b:7001"),
    ("redis+sentinel", "a:26379,b:26379/mymaster/0"),
    ("rediss+sentinel", "a:26379,b:26379/mymaster/0"),
];

/// The parts of a URL, not decoded.
struct Url<'u> {
    scheme: &'u str,
    user: &'u str,
    password: &'u str,
    hosts: &'u str,
    /// Without the slash in front.
    path: &'u str,
    query: &'u str,
}

pub(super) fn read(url: &str) -> Result<Settings> {
    let url = Url::split(url);
    let refused = |message| Error::new(ErrorKind::Configuration, message);
    let Some((scheme, example)) = FORMS.iter().find(|(name, _)| *name == url.scheme) else {
        let (name, example) = FORMS[0];
        let schemes = FORMS.map(|(name, _)| name).join(", ");
        return Err(refused(format!(
            "a Redis URL begins with one of {schemes}, then `://`: for example {name}://{example}"
        )));
    };
    settings(&url).map_err(|what| {
        refused(format!(
            "the Redis URL {what}: write it like {scheme}://{example}"
        ))
    })
}

impl<'u> Url<'u> {
    fn split(url: &'u str) -> Self {
        let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        Self {
            scheme,
            user,
            password,
            hosts,
            path,
            query,
        }
    }
}

fn settings(url: &Url<'_>) -> Result<Settings, &'static str> {
    let (servers, path_db) = servers(url)?;
    let db = match url.query.strip_prefix("db=") {
        Some(db) if !db.contains('&') => db,
        None if url.query.is_empty() => path_db,
        _ => return Err(BAD_PARAMETER),
    };
    let db = match db {
        "" => 0,
        db => db
            .parse()
            .map_err(|_| "has a database that is not a number")?,
    };
    let login = Login {
        user: non_empty(url.user)?,
        password: non_empty(url.password)?,
        db,
        tls: url.scheme.starts_with("rediss"),
    };
    Ok(Settings {
        servers,
        login,
        ..Settings::default()
    })
}

/// The servers, and the part of the path that is the database.
fn servers<'u>(url: &Url<'u>) -> Result<(Servers, &'u str), &'static str> {
    let Url { hosts, path, .. } = *url;
    let list = |default_port| {
        let read = |host| Address::read_tcp(host, default_port).ok_or(BAD_SERVER);
        hosts.split(',').map(read).collect::<Result<Vec<_>, _>>()
    };
    Ok(match url.scheme.split_once('+').map(|(_, kind)| kind) {
        Some("unix") if !hosts.is_empty() || path.is_empty() => {
            return Err("does not have the path of a socket after `://`");
        }
        Some("unix") => {
            let path = format!("/{}", decoded(path)?);
            (Servers::One(Address::Unix(path.into())), "")
        }
        Some("cluster") => (Servers::Cluster(list(PORT)?), path),
        Some(_) => {
            let (master, db) = path.split_once('/').unwrap_or((path, ""));
            let master = non_empty(master)?.ok_or("does not name the master")?;
            let sentinels = list(SENTINEL_PORT)?;
            (Servers::Sentinel { master, sentinels }, db)
        }
        None if hosts.is_empty() => (Settings::default().servers, path),
        None => {
            let address = Address::read_tcp(hosts, PORT).ok_or(BAD_SERVER)?;
            (Servers::One(address), path)
        }
    })
}

const BAD_SERVER: &str = "has a server that is not host:port (special characters of a password must be \
                          percent-encoded)";

const BAD_PARAMETER: &str = "has a parameter other than `db` after the `?` (TLS is rediss:// in front, user and password \
                             stand before the host, everything else is set by itself)";

fn non_empty(text: &str) -> Result<Option<String>, &'static str> {
    match text {
        "" => Ok(None),
        text => decoded(text).map(Some),
    }
}

fn decoded(text: &str) -> Result<String, &'static str> {
    let bad = "has a `%` that is not followed by two hexadecimal digits of UTF-8 text";
    percent::decoded(text.as_bytes()).ok_or(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read() {
        let table = [
            ("redis://localhost", "localhost:6379", None, None, 0),
            ("redis://", "localhost:6379", None, None, 0),
            ("redis:///3", "localhost:6379", None, None, 3),
            ("redis://10.10.0.5:4000/0", "10.10.0.5:4000", None, None, 0),
            ("redis://[::1]:4000/2", "[::1]:4000", None, None, 2),
            ("redis://:secret@h", "h:6379", None, Some("secret"), 0),
            (
                "redis://ann:p%40ss%2F@h/1",
                "h:6379",
                Some("ann"),
                Some("p@ss/"),
                1,
            ),
            (
                "redis://ann:p@ss@h/1",
                "h:6379",
                Some("ann"),
                Some("p@ss"),
                1,
            ),
            ("rediss://h?db=7", "h:6379", None, None, 7),
            (
                "redis+unix:///run/r.sock?db=1",
                "/run/r.sock",
                None,
                None,
                1,
            ),
            (
                "redis+unix://:pw@/run/r.sock",
                "/run/r.sock",
                None,
                Some("pw"),
                0,
            ),
            (
                "redis+cluster://a:7000,b",
                "the cluster of a:7000, b:6379",
                None,
                None,
                0,
            ),
            (
                "redis+sentinel://a,b:1/mymaster/2",
                "mymaster of the sentinels a:26379, b:1",
                None,
                None,
                2,
            ),
            (
                "rediss+sentinel://[::1]/m",
                "m of the sentinels [::1]:26379",
                None,
                None,
                0,
            ),
        ];
        for (url, servers, user, password, db) in table {
            let settings = read(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!(settings.servers.to_string(), servers, "{url}");
            let login = settings.login;
            assert_eq!(login.user.as_deref(), user, "{url}");
            assert_eq!(login.password.as_deref(), password, "{url}");
            assert_eq!(
                (login.db, login.tls),
                (db, url.starts_with("rediss")),
                "{url}"
            );
        }
    }

    #[test]
    fn an_error_says_what_is_wrong_and_shows_an_example_and_no_password() {
        let table = [
            ("", "begins with one of"),
            ("localhost:6379", "begins with one of"),
            ("http://u:s3cret@h", "begins with one of"),
            ("rediss+unix:///s3cret", "begins with one of"),
            ("redis://u:s3cret@h:port", "host:port"),
            ("redis://u:s3/cret@h", "host:port"),
            ("redis://a:1,b:2", "host:port"),
            ("redis://u:s3cret@h/s3cret", "not a number"),
            ("redis://u:s3cret@h/-1", "not a number"),
            ("redis://h?ssl=s3cret", "other than `db`"),
            ("redis://h?db=1&password=s3cret", "other than `db`"),
            ("redis+unix:///run/r.sock?database=s3", "other than `db`"),
            ("redis://u:s3cret%4@h", "hexadecimal"),
            ("redis://u:s3cret%zz@h", "hexadecimal"),
            ("redis://u:s3cret%ff@h", "hexadecimal"),
            ("redis+unix://s3cret/run/r.sock", "path of a socket"),
            ("redis+unix://", "path of a socket"),
            ("redis+cluster://", "host:port"),
            ("redis+cluster://a:7000,", "host:port"),
            ("redis+sentinel://a", "name the master"),
            ("redis+sentinel://a/m/x", "not a number"),
        ];
        for (url, expected) in table {
            let error = read(url).err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("{url} was read"));
            assert!(
                error.contains(expected) && error.contains("://"),
                "{url}: {error}"
            );
            assert!(!error.contains("s3"), "{error}");
        }
    }
}
