//! Which status and which fields a page may bring along (representation metadata: RFC 9110, 8).
//!
//! Step 6 of an invocation asks when they are set, and the last step once more when they are sent: they may come from a store
//! that others write to.

use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderName, HeaderValue, header};

/// The status of a page that sets none.
pub(crate) const OK: u16 = 200;

/// Whether a page may have `status`: one of success. 204 and 205 have no page, and 206 is a part of one.
pub(crate) const fn may_be_status(status: u16) -> bool {
    matches!(status, 200..=203 | 207..=299)
}

const LIFETIMES: &str = "giotto writes it from how the program is cached: use .cache(..), .max_age(..), \
                         .shared_max_age(..), or a CacheControl";

const COMMAND: &str = "it is a command to the server in front, which would send a file of its own: set it in a layer around \
                       the service";

/// Why no page may have the field `name`, in lower case, and what to do instead; `None` if one may.
pub(crate) fn why_not(name: &str) -> Option<&'static str> {
    match name {
        "set-cookie" | "set-cookie2" => Some(
            "a cookie is for one client, and a page may be stored for many: use .cookie(..) on a program without a cache, or set it \
             in a layer around the service",
        ),
        "connection" | "keep-alive" | "te" | "trailer" | "transfer-encoding" | "upgrade" => {
            Some("it belongs to the connection, which the server manages: leave it out")
        }
        name if name.starts_with("proxy-") => {
            Some("it belongs to the connection, which the server manages: leave it out")
        }
        "age" | "edge-control" | "expires" | "pragma" | "surrogate-control" | "x-accel-expires" => {
            Some(LIFETIMES)
        }
        name if name.ends_with("cache-control") => Some(LIFETIMES),
        "x-litespeed-location" | "x-lighttpd-send-file" | "x-sendfile" => Some(COMMAND),
        name if name.starts_with("x-accel-") => Some(COMMAND),
        "cache-groups" | "cache-group-invalidation" => {
            Some("giotto writes it from the tags of pages: use .tags(..) and App::tag_fields(..)")
        }
        "no-vary-search" => Some("giotto writes it from the parameters of the model: leave it out"),
        "content-type" => Some(
            "it is the media type under which the view lists the renderer: use .renders(\"text/csv\", ..)",
        ),
        "vary" => Some("giotto writes it from what a response depends on: leave it out"),
        "accept-ranges" | "cache-status" | "content-encoding" | "content-length"
        | "content-range" | "date" | "etag" => {
            Some("giotto writes it itself from the page: leave it out")
        }
        "content-digest" | "content-md5" | "digest" | "repr-digest" => Some(
            "it depends on the content coding, which giotto chooses for each response: leave it out",
        ),
        _ => None,
    }
}

/// The field `name`, or why it cannot be set.
pub(crate) fn field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), &'static str> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "a name is a token of RFC 9110, such as \"content-language\"")?;
    if let Some(why) = why_not(name.as_str()) {
        return Err(why);
    }
    let date;
    let value = match name == header::LAST_MODIFIED {
        false => value,
        true => {
            date = past(value, SystemTime::now()).ok_or(
                "its value is not a date such as \"Sun, 06 Nov 1994 08:49:37 GMT\" (RFC 9110, 5.6.7)",
            )?;
            &date
        }
    };
    // `HeaderValue` refuses control characters.
    let encoded = HeaderValue::from_str(value)
        .ok()
        .filter(|_| value.is_ascii());
    let value = encoded.ok_or(
        "its value is not visible ASCII: encode the rest, for example as filename*=UTF-8''f%C3%BCr.csv (RFC 8187)",
    )?;
    Ok((name, value))
}

/// The date `text`, or `now` if it is later: nothing was modified in the future (RFC 9110, 8.8.2.1). A clock that was set to
/// before 1970 cannot be written.
fn past(text: &str, now: SystemTime) -> Option<String> {
    let date = httpdate::parse_http_date(text).ok()?;
    Some(httpdate::fmt_http_date(date.min(now.max(UNIX_EPOCH))))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn nothing_was_modified_in_the_future_by_any_clock() {
        let day = Duration::from_secs(24 * 3600);
        let [first, second] = [
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "Fri, 02 Jan 1970 00:00:00 GMT",
        ];
        for (now, is) in [
            (UNIX_EPOCH + 2 * day, second),
            (UNIX_EPOCH + day, second),
            (UNIX_EPOCH, first),
            (UNIX_EPOCH - day, first),
        ] {
            assert_eq!(past(second, now).as_deref(), Some(is), "{now:?}");
        }
        assert_eq!(past("yesterday", UNIX_EPOCH), None);
    }
}
