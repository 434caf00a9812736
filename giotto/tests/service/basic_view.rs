//! What `BasicView` makes of values, as a page and in a terminal.

use serde_json::{Value, json};

use super::*;

/// The page of HTML and the text of `value`.
async fn shown(value: Value) -> (String, String) {
    let program = Program::new(move |_: Nothing| value.clone()).view(BasicView::new());
    let service = service(App::new(Manifest::new([("books", program)])));
    let html = get(&service, "/books.html").await;
    let text = get(&service, "/books.txt").await;
    assert_eq!((html.status, text.status), (200, 200));
    let body = html.body.split_once("<main>\n").unwrap().1;
    (body.split_once("</main>").unwrap().0.to_owned(), text.body)
}

#[tokio::test]
async fn the_commonest_shape_is_facts_and_a_table() {
    let (html, text) = shown(json!({
        "total": 3000,
        "tags": ["old", "new"],
        "books": [
            { "id": 7, "title": "Faust", "authors": ["Goethe"], "by": { "name": "Cotta", "year": 1808 }, "price": 9.5 },
            { "id": 1204, "title": "紅樓夢 <b>", "note": "one\r\n\ttwo", "by": null, "price": null, "authors": [] },
        ],
    }))
    .await;
    assert_eq!(
        text,
        "\
total  3000
tags   old, new

books
  id  title       authors  by                       price  note
   7  Faust       Goethe   name: Cotta, year: 1808    9.5
1204  紅樓夢 <b>                                           one ↵ two
"
    );
    assert_eq!(
        html,
        "<h1 id=\"title\">books</h1>\n\
         <dl><dt>total</dt><dd>3000</dd><dt>tags</dt><dd>old, new</dd></dl>\n\
         <h2 id=\"part-1\">books</h2>\n\
         <div class=\"scroll\" role=\"region\" aria-labelledby=\"part-1\" tabindex=\"0\">\n\
         <table>\n<thead>\n<tr><th scope=\"col\" class=\"n\">id</th><th scope=\"col\">title</th><th scope=\"col\">authors</th>\
         <th scope=\"col\">by</th><th scope=\"col\" class=\"n\">price</th><th scope=\"col\">note</th></tr>\n</thead>\n<tbody>\n\
         <tr><td class=\"n\">7</td><td>Faust</td><td>Goethe</td><td><dl><dt>name</dt><dd>Cotta</dd><dt>year</dt><dd>1808</dd>\
         </dl></td><td class=\"n\">9.5</td><td></td></tr>\n\
         <tr><td class=\"n\">1204</td><td>紅樓夢 &lt;b&gt;</td><td><i>none</i></td><td></td><td class=\"n\"></td>\
         <td>one<br>\ttwo</td></tr>\n\
         </tbody>\n</table>\n</div>\n"
    );
}

#[tokio::test]
async fn other_shapes_are_readable_too() {
    for (value, text, html) in [
        (json!(12), "12\n", "<p>12</p>"),
        (json!("a\nb"), "a\nb\n", "<p>a<br>b</p>"),
        (json!(null), "\n", "<p></p>"),
        (json!([]), "(none)\n", "<p><i>none</i></p>"),
        (
            json!({ "books": [] }),
            "books\n(none)\n",
            "<h2 id=\"part-1\">books</h2>\n<p><i>none</i></p>",
        ),
        (
            json!(["a", "b\nc"]),
            "a\nb ↵ c\n",
            "<ul><li>a</li><li>b<br>c</li></ul>",
        ),
        (
            json!([[1, 2], [3, 4]]),
            "1, 2\n3, 4\n",
            "<ul><li>1, 2</li><li>3, 4</li></ul>",
        ),
        (
            json!({ "text": "a\nb", "n": 1 }),
            "text  a\n      b\nn     1\n",
            "<dl><dt>text</dt><dd>a<br>b</dd><dt>n</dt><dd>1</dd></dl>",
        ),
        // A struct in a struct.
        (
            json!({ "name": "Ada", "home": { "city": "Rome", "at": { "x": 1.5, "y": [2, [3]] } } }),
            "name  Ada\n\nhome\n  city  Rome\n\n  at\n    x  1.5\n\n    y\n    2\n    3\n",
            "<h2 id=\"part-1\">home</h2>\n<dl><dt>city</dt><dd>Rome</dd><dt>at</dt><dd><dl><dt>x</dt><dd>1.5</dd><dt>y</dt>",
        ),
        // No table: they have nothing in common.
        (
            json!([{ "a": 1 }, { "b": 2, "c": 3 }]),
            "a  1\n\nb  2\nc  3\n\n",
            "<ul><li><dl><dt>a</dt><dd>1</dd></dl></li><li><dl><dt>b</dt>",
        ),
        // More than a line holds.
        (
            json!({ "all": (0..13).collect::<Vec<_>>() }),
            "all\n0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n",
            "<h2 id=\"part-1\">all</h2>\n<ul><li>0</li>",
        ),
    ] {
        let (page, plain) = shown(value.clone()).await;
        assert_eq!(plain, text, "{value}");
        assert!(page.contains(html), "{value} {page}");
    }
}

#[tokio::test]
async fn a_page_has_a_title_a_viewport_and_one_style() {
    let program = || Program::new(|X { x }: X| x).view(BasicView::new());
    let blog = Manifest::new([("post", program())]);
    let service = service(App::new(
        Manifest::new([("", program())]).with("blog", blog),
    ));
    for (target, title) in [("/blog/post.html?x=1", "blog/post"), ("/?x=1", "Start")] {
        let page = get(&service, target).await.body;
        for part in [
            &*format!("<title>{title}</title>"),
            &format!("<h1 id=\"title\">{title}</h1>"),
            "<html lang=\"en\">",
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
            "<meta name=\"color-scheme\" content=\"light dark\">",
        ] {
            assert!(page.contains(part), "{page}");
        }
        assert_eq!(page.matches("<style>").count(), 1);
        assert!(
            !page.contains("style=") && !page.contains("<script"),
            "{page}"
        );
    }
}
