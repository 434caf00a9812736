//! What `#[model]` and plain functions of a struct become: something that can be called as it was written,
//! and a program that knows what it takes.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use giotto::prelude::*;
use giotto::{Parameter, Request};

/// Squares a number.
///
/// Exactly.
#[model]
fn square(
    /// The number
    /// to square.
    x: i64,
) -> i64 {
    x * x
}

#[model]
async fn half(x: i64) -> Result<i64, Error> {
    tokio::task::yield_now().await;
    match x % 2 {
        0 => Ok(x / 2),
        _ => Err(Error::not_found(format!("{x} is odd"))),
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Size {
    Small,
    Large,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Id(u32);

/// Every kind of parameter at once.
#[model]
#[expect(
    clippy::needless_pass_by_value,
    clippy::too_many_arguments,
    reason = "it takes one of each, and a model owns its arguments"
)]
fn everything(
    r#type: String,
    size: Size,
    id: Id,
    ratio: f64,
    letter: char,
    #[default(Size::Large)] other: Size,
    #[default(vec![1, 2])] list: Vec<u8>,
    #[default("x")] text: String,
    #[default(true)] flag: bool,
    maybe: Option<i32>,
    sizes: Option<Vec<Size>>,
) -> String {
    format!(
        "{type} {size:?} {id:?} {ratio} {letter} {other:?} {list:?} {text} {flag} {maybe:?} {sizes:?}"
    )
}

#[model]
fn nothing() {}

#[model]
fn counted(mut x: i64) -> Result<i64, std::num::TryFromIntError> {
    x += 1;
    u8::try_from(x).map(i64::from)
}

#[model]
fn elsewhere(x: i64) -> Redirection {
    Redirection::to(format!("/squared/{x}"))
}

#[model]
fn sometimes(x: i64) -> Result<i64, Redirection> {
    if x > 0 {
        Ok(x)
    } else {
        Err(Redirection::to("/positive"))
    }
}

#[model]
fn picky(x: i64) -> Result<i64, InvalidInput> {
    if x > 0 {
        Ok(x)
    } else {
        Err(InvalidInput::new().field("x", x.to_string(), "is not positive"))
    }
}

/// A model that another model calls.
#[model]
async fn quarter(x: i64) -> Result<i64, Error> {
    half(half(x).await?).await
}

#[derive(Serialize, Deserialize)]
struct Given {
    x: i64,
    #[serde(default)]
    y: u8,
}

/// A parameter: its name, kind, whether it is a list and required, its default and documentation.
type Summary<'p> = (&'p str, &'p str, bool, bool, Option<&'p str>, &'p str);

fn parameters(program: &Program) -> Vec<Summary<'_>> {
    let parameters = program.parameters().iter();
    parameters.map(summary).collect()
}

fn summary(p: &Parameter) -> Summary<'_> {
    let default = p.default.as_deref();
    (p.name, &p.kind, p.is_list, p.required, default, p.doc)
}

#[tokio::test]
async fn a_model_is_called_as_it_was_written() {
    assert_eq!(square(12), 144);
    assert_eq!(half(12).await.unwrap(), 6);
    assert_eq!(half(3).await.unwrap_err().to_string(), "3 is odd");
    assert_eq!(quarter(12).await.unwrap(), 3);
    assert_eq!(counted(1), Ok(2));
    let () = nothing();
    let functions: [fn(i64) -> i64; 1] = [*square];
    assert_eq!(functions[0](3), 9);
    assert_eq!([1, 2].map(*square), [1, 4]);
    let said = everything(
        "a".into(),
        Size::Small,
        Id(1),
        0.5,
        'c',
        Size::Small,
        vec![],
        String::new(),
        false,
        None,
        None,
    );
    assert_eq!(said, "a Small Id(1) 0.5 c Small []  false None None");
}

/// Names that the attribute might have used for itself.
mod names {
    use giotto::model;

    #[derive(serde::Deserialize, serde::Serialize)]
    pub(super) struct Arguments(pub(super) i64);
    pub(super) type M = i64;

    fn default_x() -> i64 {
        7
    }

    fn start() -> i64 {
        1
    }

    #[model]
    pub(super) fn sum(#[default(default_x())] x: i64, context: Arguments) -> M {
        x + context.0 + start()
    }

    #[model]
    pub(super) async fn boxed(arguments: i64) -> M {
        arguments
    }
}

#[tokio::test]
async fn a_model_may_use_any_name() {
    assert_eq!(names::sum(7, names::Arguments(4)), 12);
    assert_eq!(names::boxed(3).await, 3);
    let manifest = Manifest::new([
        ("sum", Program::new(names::sum).view(BasicView::new())),
        ("boxed", Program::new(names::boxed).view(BasicView::new())),
    ]);
    let app = App::new(manifest);
    for (path, name, page) in [
        ("sum.json", "context", "12"),
        ("boxed.json", "arguments", "4"),
    ] {
        let mut request = Request::new(HTTP_GET, path).argument(name, "4");
        assert_eq!(app.invoke(&mut request).await.unwrap().body(), page);
    }
}

#[test]
fn a_program_knows_what_its_model_takes() {
    let program = Program::new(square).view(BasicView::new());
    assert_eq!(program.about(), "Squares a number.\n\nExactly.");
    let expected = [("x", "integer", false, true, None, "The number\nto square.")];
    assert_eq!(parameters(&program), expected);
    let program = Program::new(everything).view(BasicView::new());
    assert_eq!(
        parameters(&program),
        [
            ("type", "text", false, true, None, ""),
            ("size", "Small, Large", false, true, None, ""),
            ("id", "integer", false, true, None, ""),
            ("ratio", "number", false, true, None, ""),
            ("letter", "character", false, true, None, ""),
            ("other", "Small, Large", false, false, Some("Large"), ""),
            ("list", "integer", true, false, Some("[1,2]"), ""),
            ("text", "text", false, false, Some("x"), ""),
            ("flag", "true or false", false, false, Some("true"), ""),
            ("maybe", "integer", false, false, None, ""),
            ("sizes", "Small, Large", true, false, None, ""),
        ]
    );
    assert!(
        Program::new(nothing)
            .view(BasicView::new())
            .parameters()
            .is_empty()
    );
}

#[test]
fn a_plain_function_of_a_struct_is_a_model_too() {
    fn plain(Given { x, y }: Given) -> i64 {
        x + i64::from(y)
    }
    async fn asynchronous(given: Given) -> Result<i64, Error> {
        Ok(plain(given))
    }
    for program in [
        Program::new(plain).view(BasicView::new()),
        Program::new(asynchronous).view(BasicView::new()),
        Program::new(|given: Given| plain(given)).view(BasicView::new()),
        Program::new(|given: Given| async { plain(given) }).view(BasicView::new()),
    ] {
        assert_eq!(
            parameters(&program),
            [
                ("x", "integer", false, true, None, ""),
                ("y", "integer", false, false, Some("0"), "")
            ]
        );
        assert_eq!(program.about(), "");
    }
    let described = Program::new(plain)
        .description("Adds.")
        .view(BasicView::new());
    assert_eq!(described.about(), "Adds.");
}

async fn invoke(program: Program, data: &[(&'static str, &'static str)]) -> Result<String, Error> {
    let app = App::new(Manifest::new([("it", program)]));
    app.check()?;
    let empty = giotto::Request::new(CMD, "it").accept("application/json");
    let fill = |request: giotto::Request<'static>, &(name, text)| request.argument(name, text);
    let mut request = data.iter().fold(empty, fill);
    let rendered = app.invoke(&mut request).await?;
    Ok(String::from_utf8(rendered.body().to_vec()).unwrap())
}

#[tokio::test]
async fn every_kind_of_argument_reaches_the_model() {
    let program = || Program::new(everything).view(BasicView::new());
    let required = [
        ("type", "a"),
        ("size", "Large"),
        ("id", "7"),
        ("ratio", "1e3"),
        ("letter", "ß"),
    ];
    let said = invoke(program(), &required).await.unwrap();
    assert_eq!(
        said,
        "\"a Large Id(7) 1000 ß Large [1, 2] x true None None\""
    );
    let given = [
        ("other", "Small"),
        ("list", "3"),
        ("list", "4"),
        ("text", ""),
        ("flag", "off"),
        ("maybe", "-1"),
        ("sizes", "Small"),
        ("sizes", "Large"),
    ];
    let said = invoke(program(), &[&required[..], &given].concat())
        .await
        .unwrap();
    assert_eq!(
        said,
        "\"a Large Id(7) 1000 ß Small [3, 4]  false Some(-1) Some([Small, Large])\""
    );
    for (name, wrong) in [
        ("list", "256"),
        ("flag", "maybe"),
        ("letter", "ab"),
        ("letter", ""),
        ("size", "small"),
        ("id", "-1"),
        ("ratio", "a"),
        ("sizes", "None"),
    ] {
        let mut given = required.to_vec();
        given.retain(|(given, _)| *given != name);
        given.push((name, wrong));
        let error = invoke(program(), &given).await.unwrap_err();
        let [field] = error.invalid_input().fields() else {
            panic!("{error}")
        };
        assert_eq!((field.name(), field.value()), (name, wrong), "{error}");
    }
    for (missing, _) in required {
        let mut given = required.to_vec();
        given.retain(|(name, _)| *name != missing);
        let error = invoke(program(), &given).await.unwrap_err();
        assert_eq!(error.invalid_input().fields()[0].name(), missing, "{error}");
    }
}

/// Only a view of its own can show it.
struct Opaque(i64);

#[model]
fn make_opaque(x: i64) -> Result<Opaque, Error> {
    Ok(Opaque(x))
}

#[model]
fn describe(x: i64) -> Response<Opaque> {
    Response::new(Opaque(x)).header("content-language", "en")
}

#[model]
async fn describe_or_not(x: i64) -> Result<Response<Opaque>, InvalidInput> {
    match x {
        0 => Err(InvalidInput::new().field("x", "0", "not zero")),
        _ => Ok(describe(x)),
    }
}

#[tokio::test]
async fn the_view_of_a_response_gets_its_value_which_needs_not_serialize() {
    let view = || View::new().json(|opaque: &Opaque| opaque.0.to_string());
    for program in [
        Program::new(make_opaque).view(view()),
        Program::new(describe).view(view()),
        Program::new(describe_or_not).view(view()),
        Program::new(|Given { x, .. }: Given| Response::new(Opaque(x))).view(view()),
        Program::new(|Given { x, .. }: Given| async move { Response::new(Opaque(x)) }).view(view()),
        // Its mock is a value, too.
        Program::new(describe).mock(Opaque(9)).view(view()),
    ] {
        assert_eq!(invoke(program, &[("x", "8")]).await.unwrap(), "8");
    }
    assert_eq!(describe(8).value().0, 8);
    let refused = Program::new(describe_or_not).view(view());
    let error = invoke(refused, &[("x", "0")]).await.unwrap_err();
    assert_eq!(error.invalid_input().fields()[0].message(), "not zero");
}

#[tokio::test]
async fn every_kind_of_result_becomes_a_page_or_an_error() {
    let show = |model: Program| async { invoke(model, &[("x", "-8")]).await };
    assert_eq!(
        show(Program::new(square).view(BasicView::new()))
            .await
            .unwrap(),
        "64"
    );
    assert_eq!(
        show(Program::new(half).view(BasicView::new()))
            .await
            .unwrap(),
        "-4"
    );
    assert_eq!(
        show(Program::new(quarter).view(BasicView::new()))
            .await
            .unwrap(),
        "-2"
    );
    assert_eq!(
        invoke(Program::new(nothing).view(BasicView::new()), &[])
            .await
            .unwrap(),
        "null"
    );
    let error = show(Program::new(counted).view(BasicView::new()))
        .await
        .unwrap_err();
    assert_eq!(*error.kind(), giotto::ErrorKind::Other);
    let error = show(Program::new(picky).view(BasicView::new()))
        .await
        .unwrap_err();
    assert_eq!(
        error.invalid_input().fields()[0].message(),
        "is not positive"
    );
    let error = show(Program::new(elsewhere).view(BasicView::new()))
        .await
        .unwrap_err();
    assert_eq!(
        *error.kind(),
        giotto::ErrorKind::Redirection(Redirection::to("/squared/-8"))
    );
    let error = show(Program::new(sometimes).view(BasicView::new()))
        .await
        .unwrap_err();
    assert_eq!(
        *error.kind(),
        giotto::ErrorKind::Redirection(Redirection::to("/positive"))
    );
}

#[tokio::test]
async fn a_redirection_is_followed_and_never_shown() {
    let view = || View::new().html(|_: &Redirection| "the view was asked");
    let sends = |result: Result<Redirection, Error>| async {
        let program = Program::new(move |_: Anything| result.clone());
        let program = program.mock(Redirection::to("/mock")).view(view());
        let app = App::new(Manifest::new([("a", program)]));
        let mut kinds = Vec::new();
        for app in [app.clone(), app.model_mock(true)] {
            let result = app.invoke(&mut Request::new(HTTP_GET, "a")).await;
            kinds.push(result.unwrap_err().kind().clone());
        }
        kinds
    };
    let to = |location: &str| giotto::ErrorKind::Redirection(Redirection::to(location));
    let both = sends(Ok(Redirection::to("/done"))).await;
    assert_eq!(both, [to("/done"), to("/mock")]);
    let failed = sends(Err(Error::not_found("there is none"))).await;
    assert_eq!(failed, [giotto::ErrorKind::NotFound, to("/mock")]);
    let awaited = Program::new(async |_: Anything| Ok::<_, Error>(Redirection::to("/later")));
    // Whatever the client accepts, and without a renderer.
    let error = invoke(awaited.view(View::new()), &[]).await.unwrap_err();
    assert_eq!(*error.kind(), to("/later"));
    let marked = Program::new(moved).cache(60).view(view());
    let error = invoke(marked, &[("x", "8")]).await.unwrap_err();
    assert_eq!(*error.kind(), to("/8"));
}

#[model]
fn moved(x: i64) -> Result<Redirection, Error> {
    Ok(Redirection::to(format!("/{x}")))
}

#[derive(Serialize, Deserialize)]
struct Anything {}

#[tokio::test]
async fn a_sync_model_may_block_while_others_run() {
    // On a runtime of one thread: if the model ran on it, nobody could send what it waits for.
    let (sender, receiver) = std::sync::mpsc::channel::<i64>();
    let receiver = std::sync::Mutex::new(receiver);
    let receiver = std::sync::Arc::new(receiver);
    let waits = move |Given { x, .. }: Given| -> Result<i64, Error> {
        Ok(x + receiver
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .recv()?)
    };
    let waiting = tokio::spawn(invoke(
        Program::new(waits).view(BasicView::new()),
        &[("x", "1")],
    ));
    tokio::task::yield_now().await;
    sender.send(2).unwrap();
    assert_eq!(waiting.await.unwrap().unwrap(), "3");
}

#[test]
fn models_that_block_leave_threads_for_the_stores() {
    // Of 450 threads, models take 448: a store that needs one has it at once, however many models there are.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(450)
        .build();
    let (begun, begins) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Arc::new(std::sync::RwLock::new(()));
    let closed = gate.write().unwrap();
    runtime.unwrap().block_on(async {
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..600 {
            let (begun, gate) = (begun.clone(), std::sync::Arc::clone(&gate));
            let waits = move |Given { x, .. }: Given| -> i64 {
                begun.send(()).unwrap();
                drop(gate.read());
                x
            };
            let program = Program::new(waits).view(BasicView::new());
            waiting.spawn(invoke(program, &[("x", "1")]));
        }
        for _ in 0..448 {
            tokio::task::block_in_place(|| begins.recv()).unwrap();
        }
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        drop(closed);
        for shown in waiting.join_all().await {
            assert_eq!(shown.unwrap(), "1");
        }
    });
}

#[tokio::test]
async fn unknown_arguments_are_refused_on_the_command_line_alone() {
    let program = || Program::new(square).view(BasicView::new());
    let error = invoke(program(), &[("x", "1"), ("X", "2")])
        .await
        .unwrap_err();
    assert_eq!(error.invalid_input().fields()[0].name(), "X");
    let error = invoke(Program::new(nothing).view(BasicView::new()), &[("x", "1")])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("takes no arguments"), "{error}");
}

/// What middleware sets is not what a user typed.
#[tokio::test]
async fn middleware_may_set_what_the_model_does_not_take() {
    let program = Program::new(square)
        .input_middleware(|request: &mut Request<'_>| {
            request.set("user", "anna");
            Ok(())
        })
        .view(BasicView::new());
    assert_eq!(invoke(program, &[("x", "2")]).await.unwrap(), "4");
}
