//! What a response says to caches: drawn at random as a value, which the model reads, and written as fields, which the layer
//! reads. The two have nothing in common but this file.

use std::time::{Duration, UNIX_EPOCH};

use fastrand::Rng;
use http::{HeaderMap, HeaderName, HeaderValue};

/// A `Cache-Control`, or a `CDN-Cache-Control`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Control {
    pub public: bool,
    pub private: bool,
    /// `private="set-cookie"`.
    pub cookie_is_private: bool,
    pub no_store: bool,
    pub no_cache: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    /// Seconds, like the next; two of one mean the smaller. `None` inside = no number.
    pub max_age: Vec<Option<u64>>,
    pub s_maxage: Vec<Option<u64>>,
    pub stale_while_revalidate: Option<u64>,
    pub stale_if_error: Option<u64>,
}

/// All that a response says to caches. It is the same for all responses of one version of a resource.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub control: Option<Control>,
    pub targeted: Option<Control>,
    /// Seconds after `Date`; `None` inside = no date.
    pub expires: Option<Option<i64>>,
    pub age: Option<u64>,
    /// How many seconds `Date` is behind; `None` = there is none.
    pub date: Option<u64>,
    pub etag: Option<bool>,
    pub last_modified: bool,
    pub sets_cookie: bool,
    pub status: u16,
}

impl Control {
    pub fn draw(rng: &mut Rng) -> Self {
        let seconds = |rng: &mut Rng, most| match rng.u8(..10) {
            0 => None,
            1 => Some(0),
            _ => Some(rng.u64(1..most)),
        };
        let times = |rng: &mut Rng| match rng.u8(..12) {
            0..=4 => vec![],
            5 => vec![seconds(rng, 20), seconds(rng, 20)],
            _ => vec![seconds(rng, 20)],
        };
        let max_age = times(rng);
        Self {
            public: rng.u8(..5) == 0,
            private: rng.u8(..12) == 0,
            cookie_is_private: rng.u8(..12) == 0,
            no_store: rng.u8(..14) == 0,
            no_cache: rng.u8(..10) == 0,
            must_revalidate: rng.u8(..8) == 0,
            proxy_revalidate: rng.u8(..14) == 0,
            s_maxage: if rng.u8(..4) == 0 { times(rng) } else { vec![] },
            max_age,
            stale_while_revalidate: (rng.u8(..4) == 0).then(|| rng.u64(..10)),
            stale_if_error: (rng.u8(..4) == 0).then(|| rng.u64(..10)),
        }
    }

    /// As directives, in any order.
    fn directives(&self, rng: &mut Rng) -> Vec<String> {
        let mut all = Vec::new();
        let flags = [
            (self.public, "public"),
            (self.private, "private"),
            (self.cookie_is_private, "private=\"set-cookie\""),
            (self.no_store, "no-store"),
            (self.no_cache, "no-cache"),
            (self.must_revalidate, "must-revalidate"),
            (self.proxy_revalidate, "proxy-revalidate"),
        ];
        all.extend(
            flags
                .iter()
                .filter(|(is_set, _)| *is_set)
                .map(|(_, name)| (*name).to_owned()),
        );
        let mut time = |name: &str, seconds: Option<u64>| {
            all.push(match seconds {
                Some(seconds) => format!("{name}={seconds}"),
                None => format!("{name}=soon"),
            });
        };
        self.max_age
            .iter()
            .for_each(|seconds| time("max-age", *seconds));
        self.s_maxage
            .iter()
            .for_each(|seconds| time("s-maxage", *seconds));
        if self.stale_while_revalidate.is_some() {
            time("stale-while-revalidate", self.stale_while_revalidate);
        }
        if self.stale_if_error.is_some() {
            time("stale-if-error", self.stale_if_error);
        }
        rng.shuffle(&mut all);
        all
    }

    /// In any case, with quotes, whitespace, unknown directives and on several lines.
    fn write(&self, rng: &mut Rng, fields: &mut HeaderMap) {
        let mut line = String::new();
        let mut directives = self.directives(rng);
        if rng.u8(..4) == 0 {
            let unknown = ["immutable", "x=\"max-age=9, no-store\"", "y=1", ""];
            directives.push(unknown[rng.usize(..4)].to_owned());
        }
        for directive in directives {
            let directive = match rng.u8(..4) {
                0 => directive.to_uppercase(),
                1 => match directive.split_once('=') {
                    Some((name, seconds)) if !seconds.starts_with('"') => {
                        format!("{name}=\"{seconds}\"")
                    }
                    _ => directive,
                },
                _ => directive,
            };
            match rng.u8(..4) {
                0 if !line.is_empty() => {
                    append(fields, "cache-control", &line);
                    line.clear();
                }
                _ => {}
            }
            line.push_str(if line.is_empty() {
                ""
            } else {
                [",", ", ", " ,\t"][rng.usize(..3)]
            });
            line.push_str(&directive);
        }
        append(fields, "cache-control", &line);
    }

    /// A dictionary (RFC 9213). The last of two members of one name counts in it, and there are no two.
    fn write_targeted(&self, rng: &mut Rng, fields: &mut HeaderMap) {
        let own = Self {
            cookie_is_private: self.cookie_is_private && !self.private,
            ..self.clone()
        };
        let mut directives = own.directives(rng);
        directives.push("x;y=1".to_owned());
        append(fields, "cdn-cache-control", &directives.join(", "));
    }
}

impl Said {
    pub fn draw(rng: &mut Rng) -> Self {
        let one = |mut control: Control| {
            control.max_age.truncate(1);
            control.s_maxage.truncate(1);
            control
        };
        Self {
            control: (rng.u8(..8) != 0).then(|| Control::draw(rng)),
            targeted: (rng.u8(..10) == 0).then(|| one(Control::draw(rng))),
            expires: (rng.u8(..4) == 0).then(|| (rng.u8(..6) != 0).then(|| rng.i64(-5..20))),
            age: (rng.u8(..6) == 0).then(|| rng.u64(..12)),
            date: (rng.u8(..2) == 0).then(|| rng.u64(..4)),
            etag: (rng.u8(..3) != 0).then(|| rng.bool()),
            last_modified: rng.u8(..3) == 0,
            sets_cookie: rng.u8(..10) == 0,
            status: [
                200, 200, 200, 200, 200, 200, 203, 301, 404, 410, 201, 403, 500,
            ][rng.usize(..13)],
        }
    }

    /// As the fields of a response that is made at `now_ms`; of a 304 perhaps only those that it must have.
    pub fn write(&self, rng: &mut Rng, now_ms: u64, version: u64, is_short: bool) -> HeaderMap {
        let mut fields = HeaderMap::new();
        if let Some(is_weak) = self.etag {
            append(&mut fields, "etag", &etag(version, is_weak));
        }
        if let Some(age) = self.date {
            append(&mut fields, "date", &date(now_ms - age * 1_000));
        }
        if is_short {
            return fields;
        }
        if let Some(control) = &self.control {
            control.write(rng, &mut fields);
        }
        if let Some(targeted) = &self.targeted {
            targeted.write_targeted(rng, &mut fields);
        }
        if let Some(expires) = self.expires {
            let at = |seconds: i64| self.date_ms(now_ms).saturating_add_signed(seconds * 1_000);
            let expires = expires.map_or("0".to_owned(), |seconds| date(at(seconds)));
            append(&mut fields, "expires", &expires);
        }
        if let Some(age) = self.age {
            append(&mut fields, "age", &age.to_string());
        }
        if self.last_modified {
            append(&mut fields, "last-modified", &date(modified_ms(version)));
        }
        if self.sets_cookie {
            append(&mut fields, "set-cookie", "session=secret");
        }
        append(&mut fields, "connection", "x-hop");
        append(&mut fields, "x-hop", "1");
        fields
    }

    pub fn date_ms(&self, now_ms: u64) -> u64 {
        now_ms - self.date.unwrap_or(0) * 1_000
    }
}

/// A later version was modified later.
pub const fn modified_ms(version: u64) -> u64 {
    crate::START_MS + version * 1_000 - 500_000
}

pub fn etag(version: u64, is_weak: bool) -> String {
    format!("{}\"v,{version}\"", if is_weak { "W/" } else { "" })
}

pub fn date(unix_ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(unix_ms))
}

pub fn append(fields: &mut HeaderMap, name: &'static str, value: &str) {
    let value = HeaderValue::from_str(value).unwrap();
    fields.append(HeaderName::from_static(name), value);
}
