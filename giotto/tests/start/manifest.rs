//! Wrong manifests.

use std::time::Duration;

use giotto::prelude::*;

use crate::{program, square};

#[derive(Serialize)]
struct NoError;

/// An argument that is no part of the key.
#[derive(Serialize, Deserialize)]
#[expect(dead_code, reason = "only its fields are looked at")]
struct Secretive {
    user: u64,
    #[serde(skip_serializing, default)]
    token: Option<String>,
}

/// Arguments that are not always written, or under another name.
#[derive(Serialize, Deserialize)]
struct Terse {
    #[serde(skip_serializing_if = "Option::is_none")]
    month: Option<u8>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    loud: bool,
    #[serde(rename(serialize = "other"))]
    size: f64,
    grade: Grade,
}

#[derive(Serialize, Deserialize)]
enum Grade {
    Only,
}

/// What `App::check` says of `manifest`; every front end asks it before it starts.
fn refusal(manifest: Manifest) -> String {
    let error = App::new(manifest)
        .check()
        .expect_err("the manifest is wrong");
    assert_eq!(*error.kind(), giotto::ErrorKind::Configuration);
    error.to_string()
}

#[test]
fn a_wrong_manifest_is_refused_with_the_place_and_the_remedy() {
    let with_ttl = |seconds| Program::new(square).cache(seconds).view(BasicView::new());
    let over = |controller| {
        Program::new(square)
            .controllers([controller])
            .view(BasicView::new())
    };
    let shop = Manifest::new([("list", program())]);
    for (manifest, words) in [
        (
            Manifest::new([("a", program()), ("a", program())]),
            &["'a'", "twice"][..],
        ),
        (
            Manifest::new([("a", program())]).with("a", "b"),
            &["'a'", "twice"],
        ),
        (
            Manifest::new([("a", [program(), program()])]),
            &["'a'", "two programs for http-get"],
        ),
        (
            Manifest::new([("a", shop.clone()), ("b", shop)]),
            &["'a'", "cloned", "twice"],
        ),
        (
            Manifest::new([("a", [over(CMD), program()])]),
            &["'a'", "two programs for cmd"],
        ),
        (
            Manifest::new([("a", [over(HTTP_POST), over(HTTP_POST)])]),
            &["'a'", "http-post"],
        ),
        (
            Manifest::new([("a", Vec::<Program>::new())]),
            &["'a'", "empty list"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(square).max_entries(9).view(BasicView::new()),
            )]),
            &["'a'", "a budget but no cache", ".cache(..)"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(square)
                    .cache(60)
                    .max_entries(0)
                    .view(BasicView::new()),
            )]),
            &["'a'", "`max_entries` of 0", "at least 1"],
        ),
        (
            Manifest::new([("a", "nowhere")]),
            &["'a'", "'nowhere'", "no program"],
        ),
        (
            Manifest::new([("a", program())]).with("b", "a/c"),
            &["'b'", "'a/c'"],
        ),
        (Manifest::new([("a", "a")]), &["'a'"]),
        (
            Manifest::new([("a", "b"), ("b", "c"), ("c", "a")]),
            &["no program"],
        ),
        (
            Manifest::new([("a", program())]).with("b", Manifest::new([("c", "d")])),
            &["'c'", "'d'"],
        ),
        (Manifest::new([("a b", program())]), &["\"a b\""]),
        (Manifest::new([("a/b", program())]), &["\"a/b\""]),
        (Manifest::new([("a.json", program())]), &["\"a.json\""]),
        (Manifest::new([("a)(b", program())]), &["\"a)(b\""]),
        (Manifest::new([("a\n", program())]), &["\"a\\n\""]),
        (Manifest::new([("a?b", program())]), &["\"a?b\""]),
        (
            Manifest::new([("", Manifest::new([("a", program())]))]),
            &["''", "manifest"],
        ),
        (
            Manifest::new([("a", with_ttl(-1))]),
            &["'a'", "-1 seconds", "negative"],
        ),
        (
            Manifest::new([("a", with_ttl(i64::MIN))]),
            &["'a'", "negative"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(square)
                    .cache(Duration::ZERO)
                    .view(BasicView::new()),
            )]),
            &["'a'", "zero", "Policy::forever()"],
        ),
        (
            Manifest::new([("a", Program::new(|x: i64| x).view(BasicView::new()))]),
            &["'a'", "one struct", "i64"],
        ),
        (
            Manifest::new([("a", Program::new(|x: Vec<i64>| x).view(BasicView::new()))]),
            &["'a'", "one struct", "Vec"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(|(): ()| Err::<i64, _>(NoError)).view(BasicView::new()),
            )]),
            &["'a'", "Result", "std::error::Error"],
        ),
        (
            Manifest::new([("a", Program::new(square).view(View::new()))]),
            &["'a'", "renders nothing"],
        ),
        (
            Manifest::new([(
                "a",
                Program::new(square).view(View::new().renders("csv", |_: &i64| "")),
            )]),
            &["'a'", "\"csv\"", "text/csv"],
        ),
    ] {
        let refusal = refusal(manifest);
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
        for word in words {
            assert!(refusal.contains(word), "{word}: {refusal}");
        }
    }
}

#[test]
fn times_for_caches_downstream_that_make_no_sense_are_refused_with_the_remedy() {
    let cached = || Program::new(square).cache(60);
    let shown = |program: Program<giotto::Bare<i64, _>>| program.view(BasicView::new());
    let guarded = |program: Program| program.input_middleware(|_: &mut Request<'_>| Ok(()));
    let single = |program: Program| Manifest::new([("a", program)]);
    let under = |program: Program| Manifest::new([("b", single(program))]);
    for (manifest, words) in [
        (
            single(shown(Program::new(square).max_age(60))),
            &["no cache", ".cache(..)"][..],
        ),
        (
            single(shown(Program::new(square).immutable())),
            &["no cache"],
        ),
        (
            single(shown(cached().max_age(60).controllers([CMD, HTTP_POST]))),
            &["http-get", "HTTP_GET"],
        ),
        (
            single(shown(cached().immutable())),
            &["immutable", ".max_age(..)"],
        ),
        (
            single(shown(cached().shared_max_age(60).immutable())),
            &["immutable", ".max_age(..)"],
        ),
        (
            single(shown(cached().downstream_stale_while_revalidate(60))),
            &["stale", ".max_age(..)", ".shared_max_age(..)"],
        ),
        (
            single(shown(cached().downstream_stale_if_error(60))),
            &["stale", ".max_age(..)"],
        ),
        (
            single(guarded(shown(cached().shared_max_age(60)))),
            &["private", "shared", "middleware"],
        ),
        (
            single(shown(cached().shared_max_age(60).output_middleware(
                |_: &Request<'_>, _: &mut giotto::Page| Ok(()),
            ))),
            &["private", "shared", "middleware"],
        ),
        // Middleware of a manifest comes later than its programs.
        (
            single(shown(cached().shared_max_age(60)))
                .input_middleware(|_: &mut Request<'_>| Ok(())),
            &["private", "shared", "middleware"],
        ),
        (
            under(shown(cached().shared_max_age(60)))
                .input_middleware(|_: &mut Request<'_>| Ok(())),
            &["private", "shared", "middleware"],
        ),
        (single(shown(cached().max_age(0))), &["max_age", "zero"]),
        (
            single(shown(cached().max_age(-1))),
            &["max_age", "negative"],
        ),
        (
            single(shown(cached().shared_max_age(u64::MAX))),
            &["shared_max_age", "thousand years"],
        ),
        (
            single(shown(cached().max_age(Duration::from_millis(999)))),
            &["max_age", "whole seconds"],
        ),
        (
            single(shown(cached().max_age(60).downstream_stale_if_error(0))),
            &["downstream_stale_if_error", "zero"],
        ),
    ] {
        let refusal = refusal(manifest);
        assert_eq!(refusal.lines().count(), 1, "{refusal}");
        for word in ["'a'"].iter().chain(words) {
            assert!(refusal.contains(word), "{word}: {refusal}");
        }
    }
    let personal = guarded(shown(cached().max_age(60).immutable()));
    App::new(single(personal)).check().unwrap();
}

#[test]
fn the_place_of_a_wrong_program_is_told_in_full() {
    let wrong = Program::new(square).cache(-1).view(BasicView::new());
    let inner = Manifest::new([("post", wrong)]);
    let refusal = refusal(Manifest::new([("blog", inner)]));
    assert!(refusal.contains("'post'"), "{refusal}");
}

#[test]
fn a_sound_manifest_is_not_refused() {
    let long = Program::new(square).cache(u64::MAX).view(BasicView::new());
    let off = Program::new(square).cache(None).view(BasicView::new());
    let manifest = Manifest::new([
        ("a", long),
        ("b", off),
        ("", program()),
        ("ünï-1_2", program()),
    ])
    .with("c", "d")
    .with("d", "e/f")
    .with("e", Manifest::new([("f", program()), ("", program())]))
    .with("g", "e")
    .with(
        "terse",
        Program::new(|_: Terse| 1).cache(60).view(BasicView::new()),
    )
    .with(
        "secretive",
        Program::new(|_: Secretive| 1)
            .cache(60)
            .view(BasicView::new()),
    );
    App::new(manifest).check().unwrap();
    App::new(Manifest::default()).check().unwrap();
}

#[test]
fn a_wrong_manifest_starts_no_front_end() {
    // In this process: the testbed's own manifest is sound.
    let manifest = || Manifest::new([("a", program()), ("a", program())]);
    assert!(App::new(manifest()).into_service().is_err());
}
