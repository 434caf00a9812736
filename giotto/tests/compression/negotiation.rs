//! Which coding a client gets by its `Accept-Encoding`.

use proptest::prelude::*;

use crate::{ask, get, service, text};

#[tokio::test]
async fn a_client_gets_the_coding_that_it_prefers() {
    let service = service();
    for (accepted, coding) in [
        // The server prefers br, then zstd, then gzip.
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, zstd", "zstd"),
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("GZIP", "gzip"),
        ("Br;Q=1", "br"),
        ("*", "br"),
        ("", ""),
        ("identity", ""),
        ("deflate, compress, bzip2, q=1", ""),
        // Weights.
        ("br;q=0.5, gzip", "gzip"),
        ("br;q=0.999, gzip;q=1.000", "gzip"),
        ("gzip;q=0.1", "gzip"),
        ("gzip;q=0", ""),
        ("gzip;q=0.000, zstd", "zstd"),
        ("gzip ; q=0.5 , zstd ; q=0.6", "zstd"),
        ("br;q=0.5, identity", ""),
        ("br;q=0.5, identity;q=0.5", "br"),
        ("gzip;q=0.5, identity;q=0.4", "gzip"),
        // Everything else.
        ("*;q=0.5, br;q=0.1", "zstd"),
        ("br;q=0, *", "zstd"),
        ("br;q=0, zstd;q=0, gzip;q=0, *", ""),
        ("*;q=0, gzip", "gzip"),
        ("*;q=0, identity", ""),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0, *;q=0.001", "br"),
        // A coding that is given twice, and members that nobody can read.
        ("br;q=0, br", ""),
        ("br;q=2, gzip", "gzip"),
        ("br;q=0.0001, gzip", "gzip"),
        ("br;q=-1, zstd;q=1e0, gzip", "gzip"),
        ("br;q=, zstd;q, gzip;q=.5", ""),
        ("identity;q=nothing", ""),
        (", ,;, gzip,,", "gzip"),
        ("br\u{a0}, gzip", ""),
    ] {
        let reply = get(&service, "/page?bytes=5000", accepted).await;
        assert_eq!((reply.status, reply.coding()), (200, coding), "{accepted}");
        assert_eq!(reply.page(), text(5000).as_bytes(), "{accepted}");
        assert!(reply.varies(), "{accepted}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_say_gets_the_page_as_it_is() {
    let reply = ask(&service(), "GET", "/page?bytes=5000", &[]).await;
    assert_eq!((reply.status, reply.coding()), (200, ""));
    assert_eq!(reply.body, text(5000));
    assert!(reply.varies());
}

#[tokio::test]
async fn a_client_that_accepts_nothing_is_told_so() {
    let service = service();
    for accepted in [
        "identity;q=0",
        "*;q=0",
        "deflate, identity;q=0.0",
        "*;q=0, gzip;q=0",
    ] {
        let reply = get(&service, "/page?bytes=5000", accepted).await;
        assert_eq!((reply.status, reply.coding()), (406, ""), "{accepted}");
        assert_eq!(reply.field("cache-control"), "no-store");
    }
    // What becomes no smaller has no coding.
    let reply = get(&service, "/noise?bytes=5000", "identity;q=0, br").await;
    assert_eq!(reply.status, 406);
    // What is never coded is not negotiated.
    let reply = get(&service, "/page?bytes=10", "identity;q=0, br").await;
    assert_eq!((reply.status, reply.coding()), (200, ""));
}

#[tokio::test]
async fn fields_that_are_repeated_are_one_list() {
    let service = service();
    let fields = |one, other| [("accept-encoding", one), ("Accept-Encoding", other)];
    for (one, other, coding) in [
        ("deflate", "gzip", "gzip"),
        ("gzip", "br;q=0.5", "gzip"),
        ("identity;q=0", "zstd", "zstd"),
        ("br", "br;q=0", ""),
    ] {
        let reply = ask(&service, "GET", "/page?bytes=5000", &fields(one, other)).await;
        assert_eq!(reply.coding(), coding, "{one}, {other}");
    }
}

#[tokio::test]
async fn only_so_many_members_are_read() {
    let service = service();
    let unknown = |members: usize| "x, ".repeat(members);
    let reply = get(&service, "/page?bytes=5000", &(unknown(127) + "gzip")).await;
    assert_eq!(reply.coding(), "gzip");
    let reply = get(&service, "/page?bytes=5000", &(unknown(128) + "gzip")).await;
    assert_eq!(reply.coding(), "");
}

#[tokio::test]
async fn a_client_makes_no_more_representations_than_there_are_codings() {
    let service = service();
    let mut etags = std::collections::BTreeSet::new();
    for n in 0..1000 {
        let coding = ["br", "zstd", "gzip", "x-gzip", "identity", "*"][n % 6];
        let accepted = format!("x{n};q=0.{n:03}, {coding};q=0.{:03}, {n}", n % 999 + 1);
        let reply = get(&service, "/page?bytes=5000", &accepted).await;
        etags.insert(reply.etag().to_owned());
    }
    assert_eq!(etags.len(), 4);
}

fn members() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        3 => prop::sample::select(vec!["br", "zstd", "gzip", "x-gzip", "identity", "*"]),
        7 => prop::sample::select(vec!["deflate", "compress", "dcb", "dcz", "lzma", "exi", "BR", "é"]),
    ];
    let weight = prop_oneof![
        Just(String::new()),
        Just(";q=0".to_owned()),
        (0..=1000_u16).prop_map(|weight| format!("; q=0.{weight:03}")),
        "[ -~]{0,6}",
    ];
    let member = (name, weight).prop_map(|(name, weight)| format!("{name}{weight}"));
    prop::collection::vec(member, 0..=100).prop_map(|members| members.join(", "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_hundred_codings_in_any_order_decode_to_the_same_page(accepted in members()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let service = SERVICE.get_or_init(service);
            let reply = get(service, "/page?bytes=3000", &accepted).await;
            match reply.status {
                406 => assert!(accepted.contains("q=0") || accepted.contains("*"), "{accepted}"),
                status => {
                    assert_eq!(status, 200);
                    assert_eq!(reply.page(), text(3000).as_bytes(), "{accepted}");
                }
            }
        });
    }
}

static SERVICE: std::sync::OnceLock<giotto::Service> = std::sync::OnceLock::new();
