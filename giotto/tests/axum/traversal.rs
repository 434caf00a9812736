//! No address leads out of the folder of static files, or to what is hidden in it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::client::{Connection, start};

/// What must not be read. It stands in files outside of the folder, in hidden ones, and behind links.
const SECRET: &str = "the secret of this test";

/// One level up, in every way that some server has once taken for it.
const UP: [&str; 24] = [
    "..",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e.",
    "%252e%252e",
    "%25252e%25252e",
    "..%00",
    "%00..",
    "...",
    "....",
    "..;",
    "..%20",
    "..%09",
    "..%0a",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%uff0e%uff0e",
    "%ef%bc%8e%ef%bc%8e",
    "%e2%80%a5",
    ".%00.",
    "..%5c..",
    "..\\..",
    "./..",
];
/// What separates it from what follows.
const SEPARATORS: [&str; 8] = ["/", "//", "%2f", "%2F", "%252f", "%5c", "\\", "%c0%af"];
/// Where the folder is said to begin.
const STARTS: [&str; 4] = ["/static/", "/static", "//static/", "/static/deep/"];

fn folder() -> tempfile::TempDir {
    let outer = tempfile::tempdir().unwrap();
    let files = outer.path().join("static");
    fs::create_dir_all(files.join("deep")).unwrap();
    fs::create_dir_all(files.join(".git")).unwrap();
    for path in ["app.css", "deep/app.css"] {
        fs::write(files.join(path), "p { margin: 0 }").unwrap();
    }
    for path in [".env", ".git/config", "deep/.hidden", "../secret.txt"] {
        fs::write(files.join(path), SECRET).unwrap();
    }
    symlink("../secret.txt", files.join("link.txt")).unwrap();
    symlink(outer.path(), files.join("link")).unwrap();
    symlink("/", files.join("root")).unwrap();
    symlink(".env", files.join("shown.txt")).unwrap();
    outer
}

/// Every way up to the secret, and to a file that every system has.
fn payloads(outer: &Path) -> Vec<String> {
    let mut payloads = Vec::new();
    for start in STARTS {
        for up in UP {
            for separator in SEPARATORS {
                payloads.push(format!("{start}{up}{separator}secret.txt"));
                let high = format!("{up}{separator}").repeat(12);
                payloads.push(format!("{start}{high}etc/passwd"));
            }
        }
    }
    let secret = outer.join("secret.txt");
    let secret = secret.to_str().unwrap();
    let others = [
        format!("/static/{secret}"),
        format!("/static/%2f{}", &secret[1..]),
        format!("/static/{}", secret.replace('/', "%2f")),
        format!("/static/file:{secret}"),
        format!("/static/file://{secret}"),
        format!("/{secret}"),
        format!("/../{secret}"),
        "/static/.env".to_owned(),
        "/static/%2eenv".to_owned(),
        "/static/%2Eenv".to_owned(),
        "/static/.env%00.css".to_owned(),
        "/static/app.css/../.env".to_owned(),
        "/static/./.env".to_owned(),
        "/static//.env".to_owned(),
        "/static/.git/config".to_owned(),
        "/static/%2egit%2fconfig".to_owned(),
        "/static/deep/.hidden".to_owned(),
        "/static/deep%2f.hidden".to_owned(),
        "/static/link.txt".to_owned(),
        "/static/link.txt%00.css".to_owned(),
        "/static/link/secret.txt".to_owned(),
        "/static/link/static/.env".to_owned(),
        format!("/static/root{secret}"),
        "/static/root/etc/passwd".to_owned(),
        "/static/shown.txt".to_owned(),
        "/static/.0123456789abcdef.env".to_owned(),
        "/static/link.0123456789abcdef.txt".to_owned(),
        "/static/../secret.0123456789abcdef.txt".to_owned(),
        "/static/%2e%2e/secret.0123456789abcdef.txt".to_owned(),
        "/static/C:/secret.txt".to_owned(),
        "/static/c%3a%5csecret.txt".to_owned(),
        "/static/\\\\localhost\\secret.txt".to_owned(),
        "/favicon.ico/../secret.txt".to_owned(),
        "/robots.txt/../../secret.txt".to_owned(),
        "/robots.txt%00".to_owned(),
        format!("/static/{}secret.txt", "../".repeat(3000)),
        format!("/static/{}secret.txt", "%2e%2e/".repeat(2000)),
        format!("/static/{}", "a".repeat(5000)),
        format!("/static/{}app.css", "a/".repeat(5000)),
        format!("/static/{}.css", "a".repeat(256)),
        format!("/static/{}../../secret.txt", "a/../".repeat(1000)),
        "http://a/static/../secret.txt".to_owned(),
        "static/../secret.txt".to_owned(),
        "../secret.txt".to_owned(),
    ];
    payloads.extend(others);
    payloads
}

#[test]
fn no_address_leads_out_of_the_folder() {
    let outer = folder();
    let payloads = payloads(outer.path());
    assert!(payloads.len() >= 200, "{}", payloads.len());
    for layered in [false, true] {
        let server = start(outer.path(), layered);
        let mut connection = Connection::to(&server);
        for payload in &payloads {
            let shown = &payload[..payload.len().min(200)];
            connection.ask("GET", payload, "Accept-Encoding: gzip, br\r\n");
            let (head, body) = connection.reply("GET");
            assert!(
                (400..500).contains(&head.status),
                "{shown}: {}",
                head.status
            );
            assert!(
                !body.contains(SECRET) && !body.contains("root:"),
                "{shown}: {body}"
            );
            if head.field("connection") == "close" {
                connection = Connection::to(&server);
            }
        }
        // They are served themselves.
        for address in [
            "/static/app.css",
            "/static/%61pp.css",
            "/static/deep/app.css",
        ] {
            connection.ask("GET", address, "");
            assert_eq!(connection.reply("GET").0.status, 200, "{address}");
        }
    }
}
