//! An error says where it is, what is defined there, and what was probably meant.

use super::{book, folder, problem};
use giotto::prelude::*;

#[tokio::test]
async fn what_is_undefined_is_named_with_what_there_is() {
    let all = "data, errors, form, lang, url_for, absolute_url_for, url, absolute_url, asset, csrf, flashes, t, cache, debug, dict, namespace, range";
    for (page, expected) in [
        (
            "\n\n{{ data.titel }}",
            "page.html:3: `data.titel` is undefined; did you mean `data.title`? `data` has id, title, authors, cents, subtitle",
        ),
        (
            "{% for author in data.authors %}\n{{ author.nam }}{% endfor %}",
            "page.html:2: `author.nam` is undefined; did you mean `author.name`? `author` has name",
        ),
        (
            "{% set first = data.authors[0] %}{{ first.birthday }}",
            "page.html:1: `first.birthday` is undefined; `first` has name",
        ),
        (
            "{{ data['titel'] }}",
            "page.html:1: `data['titel']` is undefined; did you mean `data.title`? `data` has id, title, authors, cents, subtitle",
        ),
        (
            "{{ data['é`\"]'] }}",
            "page.html:1: `data['é`\"]']` is undefined",
        ),
        (
            "{{ data.authors[0]['né'] }}",
            "page.html:1: `data.authors[0]['né']` is undefined; `data.authors.0` has name",
        ),
        (
            "{{ data.authors.name }}",
            "page.html:1: `data.authors.name` is undefined; `data.authors` is a list of 1: take its items in a loop",
        ),
        (
            "{{ data.publisher.name }}",
            "page.html:1: `data.publisher` is undefined; `data` has id, title, authors, cents, subtitle",
        ),
        (
            "{{ data.titel|upper }}",
            "page.html:1: `data.titel` is undefined; did you mean `data.title`? `data` has id, title, authors, cents, subtitle",
        ),
    ] {
        assert_eq!(problem(page).await, expected, "{page}");
    }
    assert_eq!(
        problem("{{ dat }}").await,
        format!("page.html:1: `dat` is undefined; did you mean `data`? Defined here: {all}")
    );
    assert_eq!(
        problem("{% set total = 1 %}{{ sum }}").await,
        format!(
            "page.html:1: `sum` is undefined; defined here: {}",
            all.replace("cache, debug", "cache, total, debug")
        )
    );
}

#[tokio::test]
async fn a_call_that_fails_is_named_with_its_remedy() {
    for (page, expected) in [
        (
            "{{ urlfor('book') }}",
            "page.html:1: there is no function urlfor; did you mean `url_for`? Defined here: data",
        ),
        ("{{ data.id|uper }}", "page.html:1: there is no filter uper"),
        (
            "{{ data.id|pricy }}",
            "page.html:1: there is no filter pricy",
        ),
        (
            "{{ url_for('bok', id=1) }}",
            "page.html:1: no address of \"bok\": there is no such program; did you mean 'book'?",
        ),
        (
            "{{ url_for('admin/raport', text=1) }}",
            "page.html:1: no address of \"admin/raport\": there is no such program; did you mean 'admin/report'?",
        ),
        (
            "{{ url_for('nowhere') }}",
            "page.html:1: no address of \"nowhere\": there is no such program; the manifest has 'admin/report', 'book', 'echo'",
        ),
        (
            "{{ url_for('book', idd=1) }}",
            "page.html:1: no address of \"book\": argument 'idd': there is no such argument; did you mean 'id'?",
        ),
        (
            "{{ url_for('book') }}",
            "page.html:1: no address of \"book\": the parameter 'id' (integer) is missing, and it has no default",
        ),
        (
            "{{ url_for('book.pdf', id=1) }}",
            "page.html:1: no address of \"book.pdf\": the program renders no .pdf, only .html",
        ),
        (
            "{{ url_for('book', id=data.i) }}",
            "page.html:1: url_for(\"book\"): the argument 'id' is undefined",
        ),
        ("{{ url_for('book', 7) }}", "page.html:1: too many"),
        (
            "{{ t('greeting') }}",
            "page.html:1: t(\"greeting\"): the application has no translations: ",
        ),
        (
            "{% include data.title %}",
            "page.html:1: there is no template \"The <b>Silver</b> Key\" in ",
        ),
        (
            "{% include '../secret' %}",
            "page.html:1: there is no template \"../secret\" in ",
        ),
        ("{{ 1 / 0 }}", "page.html:1: "),
    ] {
        let problem = problem(page).await;
        assert!(
            problem.starts_with(expected),
            "{page}\n{problem}\n{expected}"
        );
    }
}

#[tokio::test]
async fn a_function_of_the_application_says_what_it_was_given() {
    let text = |page: &str| folder(&[("page.html", page)]);
    let failing = |cents: u64| -> Result<u64, std::num::ParseIntError> {
        "x".parse::<u64>().map(|x| x + cents)
    };
    for (page, expected) in [
        (
            "{{ data.title|euros }}",
            "argument 1 is not what it takes: invalid type: string",
        ),
        ("{{ euros() }}", "argument 1 is missing"),
        ("{{ data.nothing|euros }}", "argument 1 is undefined"),
        ("{{ euros(1, 2) }}", "it takes 1 arguments and was given 2"),
        ("{{ failing(1) }}", "invalid digit found in string"),
        (
            "{{ data.id|euro }}",
            "there is no filter euro; did you mean `euros`?",
        ),
    ] {
        let folder = text(page);
        let templates = Templates::new(folder.path())
            .filter("euros", |cents: u64| cents / 100)
            .function("euros", |cents: u64| cents / 100)
            .function("failing", failing);
        let problem = book(templates).await.unwrap_err().to_string();
        assert!(
            problem.contains(&format!("page.html:1: {expected}")),
            "{page} {problem}"
        );
    }
}

#[tokio::test]
async fn an_error_in_another_file_names_the_way_to_it() {
    let folder = folder(&[
        (
            "page.html",
            "{% extends 'base.html' %}\n{% block body %}\n{% include 'row.html' %}{% endblock %}",
        ),
        ("base.html", "{% block body %}{% endblock %}"),
        ("row.html", "\n{{ data.titel }}"),
    ]);
    let problem = book(Templates::new(folder.path()))
        .await
        .unwrap_err()
        .to_string();
    let path = folder.path().display();
    let expected =
        format!("{path}/row.html:2: `data.titel` is undefined; did you mean `data.title`?");
    assert!(problem.starts_with(&expected), "{problem}");
    assert!(
        problem.ends_with(&format!("; called from {path}/page.html:3")),
        "{problem}"
    );
}
