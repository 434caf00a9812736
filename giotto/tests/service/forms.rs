//! Forms that are refused: what is wrong, in words for the reader, and everything that was typed.

use std::fmt::Write as _;

use giotto::{Field, Refusal, Request};

use super::*;

/// What is posted.
#[derive(Debug, Serialize, Deserialize)]
struct Registration {
    email: String,
    age: u8,
    #[serde(default)]
    height: Option<f64>,
    news: bool,
    tags: Vec<String>,
    password: String,
    pin: u16,
    address: Address,
    #[serde(default)]
    lang: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct Address {
    city: String,
    zip: u32,
}

/// What GET takes: `id` is required, and `age` is a number as in the POST.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    id: u32,
    #[serde(default)]
    age: u32,
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

/// A form by hand.
fn form(id: &String, refused: &InvalidInput) -> String {
    let mut page = format!("<h1>{id}</h1>");
    for name in [
        "email",
        "age",
        "height",
        "password",
        "pin",
        "address.city",
        "address.zip",
    ] {
        let value = escape_html(refused.value(name).unwrap_or_default());
        let _ = write!(page, "<input name=\"{name}\" value=\"{value}\">");
        if let Some(message) = refused.message(name) {
            let _ = write!(page, "<p>{name}: {}</p>", escape_html(message));
        }
    }
    let _ = write!(page, "tags {}", refused.values("tags").join(" "));
    page
}

fn registration() -> Service {
    let show = |Asked { id, age }: Asked| match age {
        404 => Err(Error::not_found("nobody is so old")),
        _ => Ok(format!("{id} {age}")),
    };
    let register = |given: Registration| {
        InvalidInput::new()
            .require(
                given.email.contains('@'),
                "email",
                &given.email,
                "an address has an @",
            )
            .require(
                given.age >= 18,
                "age",
                given.age.to_string(),
                "you must be 18",
            )
            .into_result()
            .map(|()| format!("{given:?}"))
    };
    let translated = |request: &mut Request<'_>| {
        let lang = request.language(&["en", "de"]);
        request.set("lang", lang);
        Ok(())
    };
    let show = Program::new(show)
        .controllers([HTTP_GET])
        .view(BasicView::new().html(form));
    let register = Program::new(register)
        .controllers([HTTP_POST])
        .input_middleware(translated)
        .secret(["pin"])
        .view(BasicView::new().html(String::clone));
    let app = App::new(Manifest::new([("register", [show, register])]));
    service(app.messages("lang", |lang, field: &Field| {
        Some(match (lang, field.refusal()) {
            ("de", Refusal::Missing) => "bitte ausfüllen".to_owned(),
            ("de", Refusal::OutOfRange { least, most }) => format!("von {least} bis {most}"),
            ("de", Refusal::Other) => format!("falsch: {}", field.message()),
            _ => return None,
        })
    }))
}

const RIGHT: &str =
    "email=ada@example.org&age=36&password=x&pin=1&address.city=Rome&address.zip=120";

async fn post(target: &str, fields: &[(&str, &str)], body: &str) -> Reply {
    ask(&registration(), "POST", target, fields, body).await
}

#[tokio::test]
async fn a_form_says_all_that_is_wrong_and_keeps_all_that_was_typed() {
    let typed = "email=ada%26x&age=300&height=tall&password=hunter2&pin=12x4&tags=a&tags=b&address.city=R%22ome\
                 &address.zip=x";
    let reply = post("/register?id=7", &[FORM], typed).await;
    assert_eq!((reply.status, &*reply.cache_control), (400, "no-store"));
    let expected = "<h1>7 300</h1><input name=\"email\" value=\"ada&amp;x\">\
        <input name=\"age\" value=\"300\"><p>age: enter a whole number from 0 to 255</p>\
        <input name=\"height\" value=\"tall\"><p>height: enter a number</p>\
        <input name=\"password\" value=\"\">\
        <input name=\"pin\" value=\"\"><p>pin: enter a whole number</p>\
        <input name=\"address.city\" value=\"R&quot;ome\">\
        <input name=\"address.zip\" value=\"x\"><p>address.zip: enter a whole number</p>tags a b";
    assert_eq!(reply.body, expected);
}

#[tokio::test]
async fn a_model_refuses_all_fields_at_once_too() {
    let typed = format!("{}&tags=c", RIGHT.replace("ada@", "ada").replace("36", "7"));
    let reply = post("/register?id=7", &[FORM], &typed).await;
    assert_eq!(reply.status, 400);
    let page = &reply.body;
    assert!(
        page.contains("value=\"adaexample.org\"><p>email: an address has an @</p>"),
        "{page}"
    );
    assert!(
        page.contains("value=\"7\"><p>age: you must be 18</p>"),
        "{page}"
    );
    assert!(
        page.contains("value=\"Rome\"") && page.ends_with("tags c"),
        "{page}"
    );
}

#[tokio::test]
async fn the_form_is_shown_whatever_was_posted() {
    for (target, typed, heading) in [
        // GET takes what was posted, ..
        ("/register?id=7", "age=300", "7 300"),
        ("/register", "id=8&age=300", "8 300"),
        // .. or does without, ..
        ("/register?id=7", "age=old", "7 0"),
        ("/register?id=7", "age=-1", "7 0"),
        ("/register/7", "age=old", "7 0"),
        // .. or has no page for it.
        ("/register?id=7", "age=404", "7 0"),
    ] {
        let reply = post(target, &[FORM], typed).await;
        let heading = format!("<h1>{heading}</h1>");
        assert_eq!(reply.status, 400);
        assert!(
            reply.body.starts_with(&heading),
            "{target} {typed} {}",
            reply.body
        );
    }
    // An address that has no page of GET has none to show.
    let reply = post("/register", &[FORM, ("accept", "text/html")], "age=300").await;
    assert!(
        reply
            .body
            .contains("<h1>Something is missing or wrong</h1>"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn check_boxes_and_lists_that_a_form_does_not_send_are_empty() {
    let reply = post("/register?id=7", &[FORM], RIGHT).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(
        reply.body.contains("news: false, tags: []"),
        "{}",
        reply.body
    );
    let ticked = format!("{RIGHT}&news=on&height=&tags=a&tags=b");
    let reply = post("/register?id=7", &[FORM], &ticked).await;
    let expected = "height: None, news: true, tags: [\"a\", \"b\"]";
    assert!(reply.body.contains(expected), "{}", reply.body);
    // Only a form means it so.
    let json =
        r#"{"email":"a@b","age":36,"password":"","pin":1,"address":{"city":"Rome","zip":1}}"#;
    let reply = post("/register.json", &[JSON], json).await;
    let error: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    for name in ["news", "tags"] {
        assert_eq!(error["error"]["fields"][name]["kind"], "missing", "{error}");
    }
}

#[tokio::test]
async fn json_has_the_same_errors_by_field() {
    let json = r#"{"email":"a@b","age":300,"password":"x","pin":"12x4","news":1,"tags":"a","address":{"city":"Rome"}}"#;
    let reply = post("/register.json", &[JSON], json).await;
    assert_eq!(reply.status, 400);
    let error: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let fields = &error["error"]["fields"];
    let age = serde_json::json!({
        "value": "300", "message": "enter a whole number from 0 to 255", "kind": "out_of_range"
    });
    assert_eq!(fields["age"], age, "{error}");
    for (name, kind) in [
        ("pin", "not_an_integer"),
        ("news", "not_true_or_false"),
        ("address.zip", "missing"),
    ] {
        assert_eq!(fields[name]["kind"], kind, "{error}");
    }
    assert_eq!(fields["pin"]["value"], "");
    assert!(!reply.body.contains("12x4"), "{error}");
}

#[tokio::test]
async fn the_words_follow_the_language_of_the_page() {
    let german = [FORM, ("accept-language", "de")];
    let typed = RIGHT.replace("ada@", "ada").replace("=36", "=300");
    let reply = post("/register?id=7", &german, &typed).await;
    assert!(
        reply.body.contains("<p>age: von 0 bis 255</p>"),
        "{}",
        reply.body
    );
    let reply = post("/register?id=7", &german, "age=").await;
    assert!(
        reply.body.contains("<p>age: bitte ausfüllen</p>"),
        "{}",
        reply.body
    );
    let typed = RIGHT.replace("ada@", "ada");
    let reply = post("/register?id=7", &german, &typed).await;
    assert!(
        reply
            .body
            .contains("<p>email: falsch: an address has an @</p>"),
        "{}",
        reply.body
    );
    let reply = post("/register?id=7", &[FORM], "age=").await;
    assert!(
        reply.body.contains("<p>age: please fill this in</p>"),
        "{}",
        reply.body
    );
}

#[tokio::test]
async fn no_response_shows_a_secret_again() {
    let typed = "email=x&age=300&password=hunter2&password=hunter3&pin=12x4";
    for accept in ["text/html", "application/json", "text/plain"] {
        for target in ["/register?id=7", "/register"] {
            let reply = post(target, &[FORM, ("accept", accept)], typed).await;
            assert_eq!(reply.status, 400);
            for secret in ["hunter2", "hunter3", "12x4"] {
                assert!(!reply.body.contains(secret), "{accept} {}", reply.body);
            }
        }
    }
    let wrong = Program::new(|X { x }: X| x)
        .secret(["y"])
        .view(BasicView::new());
    let error = app("wrong", wrong).check().unwrap_err().to_string();
    assert!(
        error.contains("no parameter 'y' that could be secret"),
        "{error}"
    );
}

#[tokio::test]
async fn caches_downstream_are_told_no_parameters_where_parts_have_names_of_their_own() {
    #[derive(Serialize, Deserialize)]
    struct Parts {
        address: Address,
    }
    let told = async |program: Program| {
        let service = service(app("it", program));
        let reply = get(&service, "/it?x=1&address.city=Rome&address.zip=1").await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        reply.fields.contains_key("no-vary-search")
    };
    let plain = Program::new(|X { x }: X| x)
        .cache(60)
        .view(BasicView::new());
    assert!(told(plain).await);
    let parts = Program::new(|Parts { address }: Parts| address.city);
    assert!(!told(parts.cache(60).view(BasicView::new())).await);
}

#[tokio::test]
async fn json_has_the_path_of_what_is_wrong() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Order {
        items: Vec<Item>,
        places: std::collections::BTreeMap<u32, Item>,
        address: Address,
        pair: (u8, u8),
        note: Option<Item>,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Item {
        name: String,
        count: u8,
    }
    let order = Program::new(|order: Order| format!("{order:?}")).controllers([HTTP_POST]);
    let service = service(App::new(Manifest::new([(
        "order",
        order.view(BasicView::new()),
    )])));
    let json = |items: &str, places: &str, address: &str, pair: &str, note: &str| {
        let text = r#"{"items":I,"places":P,"address":A,"pair":T,"note":N}"#;
        let parts = [
            ("I", items),
            ("P", places),
            ("A", address),
            ("T", pair),
            ("N", note),
        ];
        let replace = |text: String, (from, to): (&str, &str)| text.replace(from, to);
        parts.into_iter().fold(text.to_owned(), replace)
    };
    let post = async |body: &str| ask(&service, "POST", "/order.json", &[JSON], body).await;
    let (item, address) = (r#"{"name":"a","count":1}"#, r#"{"city":"r","zip":1}"#);
    let right = json(
        &format!("[{item}]"),
        &format!(r#"{{"7":{item}}}"#),
        address,
        "[1,2]",
        "null",
    );
    let reply = post(&right).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let wrong = json(
        &format!(r#"[{item},{{"name":"b","count":300}}]"#),
        r#"{"7":{"name":7,"count":1}}"#,
        r#"{"city":"r","zip":"x"}"#,
        "[1,2,3]",
        r#"{"name":"n"}"#,
    );
    let reply = post(&wrong).await;
    let error: serde_json::Value = serde_json::from_str(&reply.body).unwrap();
    let fields = error["error"]["fields"].as_object().unwrap();
    let told = fields.iter().map(|(name, field)| {
        let text = |member: &str| field[member].as_str().unwrap().to_owned();
        (name.as_str(), text("value"), text("kind"))
    });
    let expected = [
        ("items.1.count", "300", "out_of_range"),
        ("places.7.name", "7", "not_text"),
        ("address.zip", "x", "not_an_integer"),
        ("pair", "[1,2,3]", "other"),
        ("note.count", r#"{"name":"n"}"#, "missing"),
    ];
    let expected = expected.map(|(name, value, kind)| (name, value.to_owned(), kind.to_owned()));
    assert_eq!(told.collect::<Vec<_>>(), expected, "{error}");
}
