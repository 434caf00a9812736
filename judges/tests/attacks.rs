//! What a hostile client or page sends: sessions and tokens that are none, forms of another site, addresses that lead out.
#![expect(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

mod common;

use test_servers::HttpServer;

use crate::common::{Client, Reply, start};

const KEY: &str = "session.key=0123456789abcdef0123456789abcdef";
const OTHER_KEY: &str = "session.key=fedcba9876543210fedcba9876543210";
const ADMIN: &str = "app.admin_password=a good password of the admin";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

struct Library {
    server: HttpServer,
    _folder: tempfile::TempDir,
}

impl Library {
    fn start(key: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = start(folder.path(), &[key, ADMIN, "cache=locmem"]);
        Self {
            server,
            _folder: folder,
        }
    }

    fn client(&self) -> Client {
        Client::of(&self.server)
    }

    fn member(&self, name: &str) -> Client {
        let mut client = self.client();
        let form = format!("name={name}&password=a+good+password+of+{name}");
        assert_eq!(client.post("/join", &form).status, 303);
        assert!(is_signed_in(&mut client, name));
        client
    }
}

impl Library {
    fn admin(&self) -> Client {
        let mut client = self.client();
        let form = "name=admin&password=a+good+password+of+the+admin";
        assert_eq!(client.post("/sign-in", form).status, 303);
        client
    }
}

fn is_signed_in(client: &mut Client, name: &str) -> bool {
    let loans = client.get("/loans");
    match loans.status {
        200 => loans.text().contains(&format!("Reader {name}")),
        _ => {
            assert_eq!(loans.status, 302, "{loans:?}");
            false
        }
    }
}

/// Whether the reader has borrowed something.
fn has_borrowed(client: &mut Client) -> bool {
    !client
        .get("/loans")
        .text()
        .contains("You have not borrowed anything")
}

fn is_refused(reply: &Reply) {
    assert_eq!(reply.status, 403, "{reply:?}");
    assert_eq!(reply.field("cache-control"), Some("no-store"));
}

#[test]
fn a_post_without_its_token_is_403_and_runs_nothing() {
    let library = Library::start(KEY);
    let (mut ada, mut bob) = (library.member("ada"), library.member("bob"));
    let own = ada.get("/borrow/1").token().unwrap();
    let of_bob = bob.get("/borrow/1").token().unwrap();
    let of_nobody = library.client().get("/join").token().unwrap();
    let json = "Content-Type: application/json\r\n";
    let cut = &own[..own.len() - 1];
    let flipped = format!(
        "{}{}",
        if own.starts_with('A') { 'B' } else { 'A' },
        &own[1..]
    );
    for (target, fields, body) in [
        ("/borrow/1", FORM, String::new()),
        ("/borrow/1", FORM, "csrf_token=".to_owned()),
        ("/borrow/1", FORM, format!("csrf_token={of_bob}")),
        ("/borrow/1", FORM, format!("csrf_token={of_nobody}")),
        ("/borrow/1", FORM, format!("csrf_token={cut}")),
        ("/borrow/1", FORM, format!("csrf_token={flipped}")),
        ("/borrow/1", FORM, format!("csrf_token={own}A")),
        (
            "/borrow/1",
            FORM,
            format!("csrf_token={of_bob}&csrf_token={own}"),
        ),
        ("/borrow/1", FORM, format!("token={own}")),
        ("/borrow/1", "", String::new()),
        ("/borrow/1", json, "{}".to_owned()),
        (
            "/borrow/1",
            json,
            format!("{{\"csrf_token\":\"{of_bob}\"}}"),
        ),
        ("/borrow/1", json, format!("{{\"csrf_token\":[\"{own}\"]}}")),
        ("/borrow/1", "X-CSRF-Token: x\r\n", String::new()),
        ("/borrow/1", "If-Match: *\r\n", String::new()),
        ("/borrow/1", "If-None-Match: *\r\n", String::new()),
        ("/borrow/1.json", FORM, String::new()),
        // That a POST is refused is told before what is wrong with it.
        ("/borrow/9999", FORM, String::new()),
        ("/borrow/x", FORM, String::new()),
    ] {
        let reply = ada.ask("POST", target, fields, Some(&body));
        is_refused(&reply);
        assert!(!has_borrowed(&mut ada), "{target} {fields} {body}");
    }
    // A token in an address is one in every log.
    let in_address = format!("/borrow/1?csrf_token={own}");
    is_refused(&ada.ask("POST", &in_address, FORM, Some("")));
    let mut without_cookie = library.client();
    is_refused(&without_cookie.post_bare("/borrow/1", &format!("csrf_token={own}")));
    // What a page of another site can send without being asked for permission first.
    for content_type in ["text/plain", "multipart/form-data; boundary=a"] {
        let fields = format!("Content-Type: {content_type}\r\n");
        let reply = ada.ask(
            "POST",
            "/borrow/1",
            &fields,
            Some(&format!("csrf_token={own}")),
        );
        assert!([403, 415].contains(&reply.status), "{reply:?}");
    }
    assert!(!has_borrowed(&mut ada) && !has_borrowed(&mut bob));
    assert_eq!(
        ada.post_bare("/borrow/1", &format!("csrf_token={own}"))
            .status,
        303
    );
    assert!(has_borrowed(&mut ada));
    let in_head = format!("X-CSRF-Token: {of_bob}\r\n");
    assert_eq!(bob.ask("POST", "/borrow/1", &in_head, Some("")).status, 303);
    assert!(has_borrowed(&mut bob));
    // GET and HEAD write nothing, whatever they carry.
    for method in ["GET", "HEAD", "OPTIONS"] {
        let mut carl = library.member(&format!("carl{method}"));
        let token = carl.get("/borrow/1").token().unwrap();
        carl.ask(method, &format!("/borrow/1?csrf_token={token}"), "", None);
        assert!(!has_borrowed(&mut carl));
    }
}

#[test]
fn a_session_that_is_forged_truncated_swapped_or_ended_is_none() {
    let (library, other) = (Library::start(KEY), Library::start(OTHER_KEY));
    let mut ada = library.member("ada");
    let (name, value) = ada
        .cookies
        .iter()
        .find(|(name, _)| name.ends_with("session"))
        .unwrap();
    let (name, value) = (name.clone(), value.clone());
    let mut forged: Vec<String> = vec![
        String::new(),
        "ada".to_owned(),
        value.repeat(2),
        value.to_lowercase(),
        value[..value.len() / 2].to_owned(),
        value[1..].to_owned(),
        format!("\"{value}\""),
        "A".repeat(value.len()),
    ];
    forged.extend((1..4).map(|cut| value[..value.len() - cut].to_owned()));
    for place in 0..value.len() {
        let mut bytes = value.clone().into_bytes();
        bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
        forged.push(String::from_utf8(bytes).unwrap());
    }
    for forged in forged {
        let mut client = library.client();
        client.cookies.insert(name.clone(), forged.clone());
        // The last character of base64 may have bits that mean nothing: only then it is the same session.
        let is_same = forged[..forged.len().saturating_sub(3)] == value[..value.len() - 3]
            && forged.len() == value.len();
        assert!(is_same || !is_signed_in(&mut client, "ada"), "{forged}");
    }
    // Sealed by another key, or under another name.
    let of_other = other.member("ada").cookies;
    let mut client = library.client();
    client.cookies = of_other;
    assert!(!is_signed_in(&mut client, "ada"));
    for (given, _) in ada.cookies.clone() {
        let mut client = library.client();
        client.cookies.insert(given.clone(), value.clone());
        assert_eq!(is_signed_in(&mut client, "ada"), given == name, "{given}");
    }
    // A browser that has signed out, also with a slow response that brings the old session back.
    let token = ada.get("/sign-out").token().unwrap();
    assert_eq!(
        ada.post_bare("/sign-out", &format!("csrf_token={token}"))
            .status,
        303
    );
    assert!(!is_signed_in(&mut ada, "ada"));
    ada.cookies.insert(name, value);
    assert!(!is_signed_in(&mut ada, "ada"));
    // A session from before signing in (session fixation) is not the one after it.
    let mut victim = library.client();
    victim.get("/sign-in");
    let planted = victim.cookies.clone();
    let form = "name=ada&password=a+good+password+of+ada";
    assert_eq!(victim.post("/sign-in", form).status, 303);
    assert!(is_signed_in(&mut victim, "ada"));
    let mut attacker = library.client();
    attacker.cookies = planted;
    assert!(!is_signed_in(&mut attacker, "ada"));
}

#[test]
fn no_address_leads_out_of_the_folder_of_static_files() {
    let library = Library::start(KEY);
    let mut client = library.client();
    let ups = [
        "..",
        "%2e%2e",
        ".%2e",
        "%252e%252e",
        "..%2f",
        "..%5c",
        "..\\",
        "%c0%ae%c0%ae",
        "..;",
        "..%00",
        "/..",
        "./..",
        "....//",
    ];
    let mut asked = 0;
    for base in [
        "/static/",
        "/static//",
        "/static/x/",
        "/static/app.css/",
        "/",
    ] {
        for up in ups {
            for (times, file) in [
                (1, "Cargo.toml"),
                (1, "templates/layout.html"),
                (2, "library/Cargo.toml"),
                (9, "etc/passwd"),
            ] {
                let target = format!("{base}{}{file}", format!("{up}/").repeat(times));
                let reply = client.get(&target);
                let is_error = [400, 404, 406].contains(&reply.status);
                let text = reply.text();
                let is_read = ["[package]", "{% block", "root:"]
                    .iter()
                    .any(|part| text.contains(part));
                assert!(is_error && !is_read, "{target}: {reply:?}");
                asked += 1;
            }
        }
    }
    assert!(asked > 200);
    assert_eq!(client.get("/robots.txt").status, 200);
}

#[test]
fn an_error_shows_nothing_internal_whatever_the_client_accepts() {
    let library = Library::start(KEY);
    let mut ada = library.member("ada");
    for target in [
        "/book/9999",
        "/book/x",
        "/nothing",
        "/books?page=0",
        "/books.xyz",
        "/sign-out",
        "/admin/add/1/2/3",
        "/%FF",
        "/loans/bob",
    ] {
        for accept in [
            "",
            "text/html",
            "application/json",
            "text/plain",
            "image/png",
            "*/*;q=0",
            "x/y;;;",
            "text/html;q=0",
        ] {
            let fields = format!("Accept: {accept}\r\n");
            let got = ada.ask("GET", target, &fields, None);
            let head = ada.ask("HEAD", target, &fields, None);
            assert_eq!(got.status, head.status, "{target} {accept}");
            assert!(got.status < 500, "{target} {accept}: {got:?}");
            let length = |reply: &Reply| reply.field("content-length").map(str::to_owned);
            assert_eq!(length(&got), length(&head), "{target} {accept}");
            let text = got.text();
            for internal in [
                "/work", "src/", ".rs:", "SELECT", "rusqlite", "panicked", "State<",
            ] {
                assert!(!text.contains(internal), "{target} {accept}: {text}");
            }
            if got.field("content-type") == Some("application/json") {
                assert!(
                    text.starts_with('{') && text.trim_end().ends_with('}'),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn a_form_that_is_huge_or_strange_is_refused_and_costs_nothing() {
    let library = Library::start(KEY);
    let mut admin = library.admin();
    let token = admin.get("/admin/add").token().unwrap();
    let own = format!("csrf_token={token}");
    let many = format!("{own}&{}", "title=a&".repeat(2_000));
    assert_eq!(admin.post_bare("/admin/add", &many).status, 400);
    let huge = format!("{own}&title={}", "a".repeat(2 << 20));
    assert_eq!(admin.post_bare("/admin/add", &huge).status, 413);
    // A page of errors is no larger than what was sent, by far.
    let long = format!(
        "{own}&title=&author={}&year=x&copies=y&subject=z&pages=p&summary=",
        "%3C".repeat(100_000)
    );
    let mut client = Client::with(library.server.address(), admin.cookies.clone());
    let reply = client.post_bare("/admin/add", &long);
    assert_eq!(reply.status, 400);
    assert!(reply.body.len() < 2 << 20, "{} bytes", reply.body.len());
    let strange = format!(
        "{own}&title=%00%01%E2%80%AE&author=%FF&year=1e9&copies=-0&subject=__proto__&constructor=1"
    );
    assert_eq!(client.post_bare("/admin/add", &strange).status, 400);
}
