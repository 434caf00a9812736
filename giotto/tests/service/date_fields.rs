//! Forms with the types of the libraries for dates: what they take, and what a reader is told who gives something else.

use std::fmt::Debug;

use super::*;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

/// Dates alone, in a list, in parts, in a type of the application, and some that may be left out.
#[derive(Debug, Serialize, Deserialize)]
struct Dates<D> {
    born: D,
    #[serde(default = "none")]
    died: Option<D>,
    days: Vec<D>,
    own: Own<D>,
    stay: Stay<D>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Own<D>(D);

#[derive(Debug, Serialize, Deserialize)]
struct Stay<D> {
    from: D,
    to: D,
}

const fn none<D>() -> Option<D> {
    None
}

/// Two programs under one name: the form, which shows what was typed, and its target.
fn form<A>() -> Service
where
    A: Debug + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let shown = |(): &(), refused: &InvalidInput| {
        let fields = refused.fields().iter();
        let told = fields.map(|field| format!("{}: {}\n", field.name(), field.message()));
        let typed = refused.value("born").unwrap_or("nothing");
        format!(
            "{}{typed} {}",
            told.collect::<String>(),
            refused.values("days").join(" ")
        )
    };
    let form = Program::new(|_: Nothing| ()).controllers([HTTP_GET]);
    let target = Program::new(|given: A| format!("{given:?}")).controllers([HTTP_POST]);
    service(App::new(Manifest::new([(
        "it",
        [
            form.view(View::new().html(shown)),
            target.view(BasicView::new().html(String::clone)),
        ],
    )])))
}

async fn post(service: &Service, fields: &[(&str, &str)], body: &str) -> (u16, String) {
    let reply = ask(service, "POST", "/it", fields, body).await;
    (reply.status, reply.body)
}

const RIGHT: &str = "born=2026-11-27&died=&days=2026-01-02&days=2026-01-03&own=2026-02-03\
                     &stay.from=2026-03-04&stay.to=2026-03-05";
const ENTER: &str = "enter a date, such as 2026-11-27";

async fn takes_dates<D>()
where
    D: Debug + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let library = std::any::type_name::<D>();
    let service = form::<Dates<D>>();
    let html = [FORM, ("accept", "text/html")];
    let (status, page) = post(&service, &html, RIGHT).await;
    assert_eq!(status, 200, "{library} {page}");
    for date in ["2026-11-27", "2026-01-03", "2026-02-03", "2026-03-05"] {
        assert!(page.contains(date), "{library} {page}");
    }
    assert!(page.contains("died: None"), "{library} {page}");

    // Every wrong field at once, in words for the reader, with what was typed.
    let wrong =
        "born=27.11.&died=x&days=2026-01-02&days=1.2.&own=2026-02-30&stay.from=today&stay.to=";
    let told = format!(
        "born: {ENTER}\ndied: {ENTER}\ndays: {ENTER}\nown: {ENTER}\nstay.from: {ENTER}\n\
         stay.to: please fill this in\n27.11. 2026-01-02 1.2."
    );
    assert_eq!(post(&service, &html, wrong).await, (400, told), "{library}");
    let (status, page) = post(&service, &html, &RIGHT.replace("born=2026-11-27", "born=")).await;
    assert_eq!(
        (status, &*page),
        (400, "born: please fill this in\n 2026-01-02 2026-01-03"),
        "{library}"
    );

    // As JSON, by field.
    let json = [JSON, ("accept", "application/json")];
    let right = r#"{"born":"2026-11-27","died":null,"days":["2026-01-02"],"own":"2026-02-03",
                    "stay":{"from":"2026-03-04","to":"2026-03-05"}}"#;
    let (status, page) = post(&service, &json, right).await;
    assert_eq!(status, 200, "{library} {page}");
    let wrong = r#"{"born":"27.11.","died":7,"days":["2026-01-02","x"],"own":"x","stay":{"from":"x","to":"2026-03-05"}}"#;
    let (status, page) = post(&service, &json, wrong).await;
    assert_eq!(status, 400, "{library} {page}");
    let error: serde_json::Value = serde_json::from_str(&page).unwrap();
    let fields = &error["error"]["fields"];
    let born = serde_json::json!({ "value": "27.11.", "message": ENTER, "kind": "not_a_date" });
    assert_eq!(fields["born"], born, "{library}");
    for name in ["days", "own", "stay.from"] {
        assert_eq!(fields[name]["value"], "x", "{library} {error}");
        assert_eq!(fields[name]["message"], ENTER, "{library} {error}");
    }
    assert_eq!(fields["died"]["value"], "7", "{library} {error}");
}

#[tokio::test]
async fn dates_of_the_three_libraries_are_taken_and_refused_in_words() {
    takes_dates::<jiff::civil::Date>().await;
    takes_dates::<chrono::NaiveDate>().await;
    takes_dates::<time::Date>().await;
}

#[derive(Debug, Serialize, Deserialize)]
struct When<T> {
    born: T,
}

/// What a reader is told who enters `x` instead of `right`, which is taken.
async fn told<T>(right: &str) -> String
where
    T: Debug + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    let service = form::<When<T>>();
    let html = [FORM, ("accept", "text/html")];
    let (status, page) = post(&service, &html, &format!("born={right}")).await;
    assert_eq!(status, 200, "{page}");
    let (status, page) = post(&service, &html, "born=x").await;
    assert_eq!(status, 400, "{page}");
    page
}

#[tokio::test]
async fn times_are_no_dates() {
    const TIME: &str = "born: enter a time, such as 14:30:00\nx ";
    assert_eq!(told::<jiff::civil::Time>("14:30:00").await, TIME);
    assert_eq!(told::<chrono::NaiveTime>("14:30:00").await, TIME);
    const BOTH: &str = "born: enter a date and a time, such as 2026-11-27T14:30:00\nx ";
    let both = "2026-11-27T14:30:00";
    assert_eq!(told::<jiff::civil::DateTime>(both).await, BOTH);
    assert_eq!(told::<chrono::NaiveDateTime>(both).await, BOTH);
    const POINT: &str = "born: enter a date and a time, such as 2026-11-27T14:30:00Z\nx ";
    let point = "2026-11-27T14:30:00Z";
    assert_eq!(told::<jiff::Timestamp>(point).await, POINT);
    assert_eq!(
        told::<chrono::DateTime<chrono::FixedOffset>>(point).await,
        POINT
    );
}
