//! Addresses and settings, without a database.

use giotto_cache::{DatabaseKeyValue, Result};

#[test]
fn a_url_that_cannot_be_used_says_why_and_keeps_its_password() {
    for (url, said) in [
        ("sqlite://", "path of a file"),
        ("sqlite://:memory:", "locmem"),
        ("sqlite://a.db?mode=ro", "no parameters"),
        ("postgres://me:secret@host:port/db", "cannot be read"),
        ("mysql://me:sec/ret@host/db", "cannot be read"),
        ("redis://me:secret@host", "sqlite://"),
    ] {
        let error = DatabaseKeyValue::from_url(url).unwrap_err().to_string();
        assert!(
            error.contains(said) && !error.contains("sec"),
            "{url}: {error}"
        );
    }
}

#[test]
fn a_store_is_made_without_a_runtime_and_shows_no_password() -> Result<()> {
    for url in [
        "postgresql://me:secret@host:1/db",
        "mariadb://me:secret@host:1/db?ssl-ca=secret",
    ] {
        let shown = format!("{:?}", DatabaseKeyValue::from_url(url)?);
        assert!(
            shown.contains("host:1/db") && shown.contains("giotto_cache"),
            "{shown}"
        );
        assert!(!shown.contains("secret"), "{shown}");
    }
    Ok(())
}
