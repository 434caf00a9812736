//! Compressed pages over a socket, where the length and HEAD are the server's.

use crate::server::Server;

#[test]
fn a_head_has_the_fields_of_the_get() {
    let server = Server::start();
    let target = format!("/echo?text={}", "compressible+".repeat(400));
    for coding in ["br", "zstd", "gzip", "identity"] {
        let accepted = format!("Accept-Encoding: {coding}\r\n");
        let get = server.get(&target, &accepted);
        let head = server.ask("HEAD", &target, &accepted);
        assert_eq!((get.status, head.status), (200, 200));
        let length = get.body.len().to_string();
        assert_eq!(get.body.len() < 1000, coding != "identity");
        assert_eq!(head.field("content-length"), Some(&*length));
        for name in [
            "content-encoding",
            "content-length",
            "content-type",
            "etag",
            "vary",
        ] {
            assert_eq!(head.field(name), get.field(name), "{coding}: {name}");
        }
        let known = format!(
            "{accepted}If-None-Match: {}\r\n",
            get.field("etag").unwrap()
        );
        for method in ["GET", "HEAD"] {
            let reply = server.ask(method, &target, &known);
            assert_eq!(reply.status, 304);
            for name in ["etag", "vary"] {
                assert_eq!(reply.field(name), get.field(name), "{coding}: {name}");
            }
        }
    }
}

#[test]
fn a_setting_turns_it_off() {
    for options in [
        &["--set", "cache=locmem", "--set", "http.compression=false"][..],
        &["--set", "cache=locmem", "--set", "http.compression=true"],
    ] {
        let server = Server::start_with(options);
        let target = format!("/echo?text={}", "compressible+".repeat(400));
        let reply = server.get(&target, "Accept-Encoding: gzip\r\n");
        let is_on = options[3].ends_with("true");
        assert_eq!(reply.field("content-encoding"), is_on.then_some("gzip"));
    }
}
