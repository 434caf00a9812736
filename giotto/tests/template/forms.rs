//! A form and an error page as templates.

use giotto::ErrorPage;
use http_body_util::{BodyExt, Full};
use tower_service::Service as _;

use super::*;

#[derive(Serialize, Deserialize)]
struct Reader {
    email: String,
    age: u8,
    tags: Vec<String>,
    #[serde(rename = "home")]
    address: Address,
}

#[derive(Serialize, Deserialize)]
struct Address {
    city: String,
    zip: u32,
}

#[derive(Serialize, Deserialize)]
struct Nobody {}

const FORM: &str = "{% for name in ['email', 'age', 'home.zip'] -%}
{{ name }}={{ form[name] }} {{ errors[name].message }} {{ errors[name].kind }}
{% endfor -%}
{% for tag in form.tags %}{{ tag }};{% endfor %}{% if form.email is defined %}posted{% endif %}";

async fn ask(app: App, method: &str, target: &str, body: &'static str) -> (u16, String) {
    let request = http::Request::builder().method(method).uri(target);
    let request = request.header("accept", "text/html");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let request = request.body(Full::new(bytes::Bytes::from_static(body.as_bytes())));
    let mut service = app.into_service().unwrap();
    let response = service.call(request.unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn readers(folder: &Path) -> App {
    let form = Program::new(|_: Nobody| ()).controllers([HTTP_GET]);
    let target = Program::new(|reader: Reader| reader.email).controllers([HTTP_POST]);
    let programs = [
        form.view(View::new().html(template("form.html"))),
        target.view(BasicView::new()),
    ];
    App::new(Manifest::new([("readers", programs)])).templates(Templates::new(folder))
}

#[tokio::test]
async fn a_template_shows_what_was_typed_and_what_is_wrong() {
    let folder = folder(&[("form.html", FORM)]);
    let app = || readers(folder.path());
    let empty = "email=  \nage=  \nhome.zip=  \n";
    assert_eq!(
        ask(app(), "GET", "/readers", "").await,
        (200, empty.to_owned())
    );
    let typed = "email=%3Cada%3E&age=old&tags=a&tags=b&home.city=Rome&home.zip=";
    let page = "email=&lt;ada&gt;  \nage=old enter a whole number not_an_integer\n\
                home.zip= please fill this in missing\na;b;posted";
    assert_eq!(
        ask(app(), "POST", "/readers", typed).await,
        (400, page.to_owned())
    );
}

#[tokio::test]
async fn an_error_page_may_be_a_template() {
    let page = "{{ data.status }} {{ data.title }}: {{ data.message }} {{ data.path }} {{ errors.age.message }}";
    let folder = folder(&[("form.html", FORM), ("error.html", page)]);
    let view = |name: &str| View::<ErrorPage>::new().html(template(name));
    let app = || readers(folder.path()).error_pages(view("error.html"));
    let missing = (
        404,
        "404 Page not found: there is nothing at /%3Cb%3E /%3Cb%3E ".to_owned(),
    );
    assert_eq!(ask(app(), "GET", "/%3Cb%3E", "").await, missing);
    let broken = "{% include data.message %}";
    write(folder.path(), &[("broken.html", broken)]);
    let app = readers(folder.path()).error_page(404, view("broken.html"));
    let (status, page) = ask(app, "GET", "/nowhere", "").await;
    assert_eq!(status, 404);
    assert!(
        page.contains("<p>There is nothing at /nowhere.</p>"),
        "{page}"
    );
    let app = readers(folder.path()).error_page(404, view("none.html"));
    let problem = app.check().unwrap_err().to_string();
    assert!(
        problem.starts_with("the error page for 404: there is no template \"none.html\""),
        "{problem}"
    );
}
