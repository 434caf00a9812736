//! What of a URL may be shown, and the error of one that no engine is for.
//!
//! Before any lookup, for the configuration.

use crate::error::{Error, ErrorKind};

/// `url` as it may be shown: user, password and parameters, which may hold a password too, left out.
pub(super) fn without_user(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let rest = rest.split('?').next().unwrap_or_default();
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    format!("{scheme}://{place}")
}

/// The scheme alone is named: the rest may hold a password.
pub(super) fn no_engine(scheme: &str) -> Error {
    let feature = match scheme {
        "sqlite" => Some("sqlite"),
        "postgres" | "postgresql" => Some("postgres"),
        "mysql" | "mariadb" => Some("mysql"),
        _ => None,
    };
    let message = match feature {
        Some(feature) => format!(
            "{scheme}: this engine is not built in: enable the feature \"{feature}\" of giotto"
        ),
        None => "the URL of a cache database begins with sqlite://, postgres:// or mysql://".into(),
    };
    Error::new(ErrorKind::Backend, message)
}

#[cfg(test)]
mod tests {
    use super::super::DatabaseKeyValue;
    use super::*;

    #[test]
    fn what_is_shown_of_a_url_has_no_user_and_no_password() {
        for (url, shown) in [
            ("sqlite:///var/cache.db", "sqlite:///var/cache.db"),
            (
                "postgres://me:se@cret@host:5432/db",
                "postgres://host:5432/db",
            ),
            (
                "mysql://me:secret@host/db?password=secret",
                "mysql://host/db",
            ),
            ("postgres://?password=secret", "postgres://"),
        ] {
            assert_eq!(without_user(url), shown);
        }
    }

    #[test]
    fn an_engine_that_is_not_there_says_what_to_do() {
        let built_in = no_engine("mariadb").to_string();
        assert!(
            built_in.ends_with("enable the feature \"mysql\" of giotto"),
            "{built_in}"
        );
        for url in ["oracle://me:secret@host", "giotto.sqlite3", ""] {
            let error = DatabaseKeyValue::from_url(url).unwrap_err().to_string();
            assert!(
                error.contains("sqlite://") && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
