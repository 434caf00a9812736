//! The URL of Redis servers: `scheme://[user:password@]servers[/path][?db=number]`.
//!
//! Before any lookup, for the configuration. An error does not repeat what stands in the URL: any part of
//! it may be one of the password, where that has a `/` or `?` that is not percent-encoded.

use super::settings::{Address, Login, PORT, SENTINEL_PORT, Servers, Settings};
use crate::error::{Error, ErrorKind, Result};

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

pub(super) fn read(url: &str) -> Result<Settings> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let refused = |message| Error::new(ErrorKind::Policy, message);
    let Some((_, example)) = FORMS.iter().find(|(name, _)| *name == scheme) else {
        let (name, example) = FORMS[0];
        let schemes = FORMS.map(|(name, _)| name).join(", ");
        return Err(refused(format!(
            "a Redis URL begins with one of {schemes}, then `://`: for example {name}://{example}"
        )));
    };
    read_as(scheme, rest).map_err(|what| {
        refused(format!(
            "the Redis URL {what}: write it like {scheme}://{example}"
        ))
    })
}

fn read_as(scheme: &str, rest: &str) -> Result<Settings, &'static str> {
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (credentials, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (servers, path_db) = servers(scheme, hosts, path)?;
    let db = match query.strip_prefix("db=") {
        Some(db) => db,
        None if query.is_empty() => path_db,
        None => return Err(BAD_PARAMETER),
    };
    if db.contains('&') {
        return Err(BAD_PARAMETER);
    }
    let db = match db {
        "" => 0,
        db => db
            .parse()
            .map_err(|_| "has a database that is not a number")?,
    };
    let (user, password) = credentials.split_once(':').unwrap_or((credentials, ""));
    let login = Login {
        user: non_empty(user)?,
        password: non_empty(password)?,
        db,
        tls: scheme.starts_with("rediss"),
    };
    Ok(Settings {
        servers,
        login,
        ..Settings::default()
    })
}

/// The servers, and the part of `path` that is the database.
fn servers<'p>(
    scheme: &str,
    hosts: &str,
    path: &'p str,
) -> Result<(Servers, &'p str), &'static str> {
    let list = |default_port| {
        let read = |host| Address::parse(host, default_port).ok_or(BAD_SERVER);
        hosts.split(',').map(read).collect::<Result<Vec<_>, _>>()
    };
    Ok(match scheme.split_once('+').map(|(_, kind)| kind) {
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
            let address = Address::parse(hosts, PORT).ok_or(BAD_SERVER)?;
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

/// `text` without its percent-encoding (RFC 3986, 2.1).
fn decoded(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    for part in parts {
        let (digits, plain) = part.split_at_checked(2).ok_or(BAD_PERCENT)?;
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| BAD_PERCENT)?);
        bytes.extend(plain.bytes());
    }
    String::from_utf8(bytes).map_err(|_| BAD_PERCENT)
}

const BAD_PERCENT: &str = "has a `%` that is not followed by two hexadecimal digits of UTF-8 text";

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
