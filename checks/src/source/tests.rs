use super::{Function, Source};

fn imports(source: &str) -> Vec<String> {
    let shown = Source::parse(source).imports.into_iter().map(|import| {
        let name = import.name.unwrap_or("*".to_owned());
        let exported = if import.exported { "pub " } else { "" };
        format!(
            "{}: {exported}{} = {name}",
            import.within.join("::"),
            import.path.join("::")
        )
    });
    shown.collect()
}

#[test]
fn every_name_of_a_use_has_its_whole_path() {
    assert_eq!(
        imports("use crate::a::{self, B as C, d::{E, f::*}}; pub(crate) use super::G;"),
        [
            ": crate::a = a",
            ": crate::a::B = C",
            ": crate::a::d::E = E",
            ": crate::a::d::f = *",
            ": pub super::G = G",
        ]
    );
    assert_eq!(
        imports("mod a { pub use b::C; } use d;"),
        ["a: pub b::C = C", ": d = d"]
    );
    assert_eq!(imports("use ::a::b; fn f() -> impl use<'a> X {}"), [""; 0]);
}

#[test]
fn what_is_of_tests_is_left_out() {
    let source = "use a;\n#[cfg(test)]\nuse b;\n#[cfg(all(test, unix))]\nmod tests {\n use c;\n}\n#[cfg(unix)] use d;\n\
                  #[tokio::test(x)] async fn f() { use e; }\n#[cfg(test)] mod g;\n#[cfg(not(test))] use h;";
    assert_eq!(imports(source), [": a = a", ": d = d", ": h = h"]);
    let source = Source::parse(source);
    assert_eq!((source.lines, source.modules.len()), (3, 0));
}

#[test]
fn paths_are_mentioned_where_they_are_no_part_of_a_name() {
    let source = "fn f() { a::b(); self.c::<d::E>(); $crate::g::h(); crate::i::J { k: l::m } } pub(in crate::n) fn o() {}";
    let mentions = Source::parse(source).mentions.into_iter();
    let mentions: Vec<_> = mentions.map(|mention| mention.path.join("::")).collect();
    assert_eq!(mentions, ["a::b", "d::E", "crate::i::J", "l::m"]);
}

#[test]
fn a_function_is_as_long_as_from_its_name_to_its_end() {
    let source = "/// Text.\n#[a]\nfn f<T>(\n  x: [u8; 2],\n) -> T\nwhere\n  T: U,\n{\n  fn g() {}\n}\ntrait V { fn h(); }\ntype W = fn();";
    let function = |name: &str, line, lines| Function {
        name: name.to_owned(),
        line,
        lines,
    };
    assert_eq!(
        Source::parse(source).functions,
        [function("f", 3, 8), function("g", 9, 1)]
    );
}

#[test]
fn modules_and_items_stand_below_inline_modules() {
    let source =
        Source::parse("mod a; pub mod b { mod c; struct D; impl D { const E: F = 1; } } enum G {}");
    let modules: Vec<_> = source
        .modules
        .iter()
        .map(|module| (module.path.join("::"), module.inline))
        .collect();
    assert_eq!(
        modules,
        [
            ("a".to_owned(), false),
            ("b".to_owned(), true),
            ("b::c".to_owned(), false)
        ]
    );
    let items: Vec<_> = source.items.iter().map(|path| path.join("::")).collect();
    assert_eq!(items, ["G", "b::D"]);
}
