//! What the templates of an application share, and the functions of giotto.

use super::{Book, book, folder, invoke, library, show_book, text};
use giotto::prelude::*;

#[tokio::test]
async fn globals_filters_and_functions_are_in_every_template() {
    #[derive(Deserialize)]
    struct Options {
        size: u32,
    }
    let folder = folder(&[
        (
            "page.html",
            "{% extends 'layouts/base.html' %}{% import 'parts.html' as parts %}\
             {% block body %}{{ data.cents|euros }} {{ parts.price(data.cents) }} {{ icon('cart', size=24) }} {{ now() }} \
             {{ data.title|cut(9) }} {{ data.title|cut }} {{ data.subtitle }}.{% endblock %}",
        ),
        (
            "layouts/base.html",
            "{{ site.name }}: {% block body %}{% endblock %}",
        ),
        (
            "parts.html",
            "{% macro price(cents) %}{{ cents|euros }} {{ site.name }} {{ url_for('book', id=1) }}{% endmacro %}",
        ),
    ]);
    let cut = |text: String, length: Option<usize>| -> String {
        text.chars().take(length.unwrap_or(3)).collect()
    };
    let templates = Templates::new(folder.path())
        .global(
            "site",
            std::collections::BTreeMap::from([("name", "Books & more")]),
        )
        .filter("euros", |cents: u64| {
            format!("{}.{:02}", cents / 100, cents % 100)
        })
        .filter("cut", cut)
        .function("icon", |name: String, options: Options| {
            format!("{name}@{}", options.size)
        })
        .function("now", || Ok::<_, Error>(2013));
    assert_eq!(
        book(templates).await.unwrap(),
        "Books &amp; more: 12.50 12.50 Books &amp; more /book/1 cart@24 2013 The &lt;b&gt;Si The ."
    );
}

#[tokio::test]
async fn the_first_folder_that_has_a_template_wins() {
    let theme = folder(&[("base.html", "theme {% block body %}{% endblock %}")]);
    let usual = folder(&[
        ("base.html", "usual"),
        (
            "page.html",
            "{% extends 'base.html' %}{% block body %}{{ data.id }}{% endblock %}",
        ),
    ]);
    let templates = Templates::new(theme.path()).folder(usual.path());
    assert_eq!(book(templates).await.unwrap(), "theme 7");
}

#[tokio::test]
async fn a_template_with_a_folder_of_its_own_is_apart() {
    let shared = folder(&[("page.html", "shared")]);
    let own = folder(&[("page.html", "own {{ url_for('book', id=data.id) }}")]);
    let view = View::new().html(template("page.html").folder(own.path()));
    let manifest = Manifest::new([("book", Program::new(show_book).view(view))]);
    let app = App::new(manifest).templates(Templates::new(shared.path()));
    app.check().unwrap();
    assert_eq!(
        text(&invoke(&app, &[("id", "7")]).await.unwrap()),
        "own /book/7"
    );
}

#[tokio::test]
async fn an_address_is_that_of_the_manifest() {
    let folder = folder(&[(
        "page.html",
        r##"<a href="{{ url_for("book", id=data.id, lang="a&b") }}"></a>{{ url_for("admin/report", text="ä/ö") }}
{{ url_for("book.html", id=1) ~ "#top" }} {{ url_for("echo", text="") }} {{ url_for("book", id=1, lang=none) }}"##,
    )]);
    assert_eq!(
        book(Templates::new(folder.path())).await.unwrap(),
        "<a href=\"/book/7?lang=a%26b\"></a>/admin/report?text=%C3%A4%2F%C3%B6\n/book.html/1#top /echo?text= /book/1"
    );
}

#[tokio::test]
async fn a_condition_may_ask_for_what_is_not_defined() {
    let folder = folder(&[(
        "page.html",
        "{% if nothing %}1{% endif %}{% if data.nothing %}2{% endif %}{{ nothing|default('3') }}\
         {% if nothing is defined %}4{% endif %}{% if errors.id %}5{% endif %}[{{ errors.id.message }}{{ errors.id }}]\
         {{ errors.id|default('x') }}{{ errors.id|d }}{{ errors|length }}{% for name in errors %}6{% endfor %}{% if errors.id is undefined %}7{% endif %}",
    )]);
    assert_eq!(book(Templates::new(folder.path())).await.unwrap(), "3[]x07");
}

#[tokio::test]
async fn members_of_a_value_have_the_order_in_which_they_are_declared() {
    let folder = folder(&[("page.html", "{% for name in data %}{{ name }} {% endfor %}")]);
    let page = book(Templates::new(folder.path())).await.unwrap();
    assert_eq!(page, "id title authors cents subtitle ");
}

#[test]
fn an_application_without_templates_has_the_usual_folder() {
    let view: View<Book> = View::new().html(template("none.html"));
    let app = App::new(Manifest::new([(
        "book",
        Program::new(show_book).view(view),
    )]));
    let problem = app.check().unwrap_err().to_string();
    assert!(
        problem.starts_with("program 'book': there is no template \"none.html\" in templates: "),
        "{problem}"
    );
    let templates = || Templates::new("one");
    let app = library(templates()).templates(templates());
    assert!(app.check().unwrap_err().to_string().contains("two states"));
}
