//! Pages that are made of other pages: what a program inherits from those that its model asks for.

#![expect(clippy::unwrap_used, reason = "in a test, a panic is a failure")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use giotto::cache::{Cache, Clock, Scope, independent};
use giotto::prelude::*;
use giotto::{Request, management};
use serde_json::Value;

/// How often the price was computed.
struct Runs(Arc<AtomicUsize>);

/// A price, which changes each time.
#[model]
async fn show_price(id: u64, runs: State<Runs>) -> Result<String, Error> {
    match id {
        0 => Err(Error::not_found("there is no such price")),
        _ => Ok(format!(
            "{id}@{}",
            runs.0.fetch_add(1, Ordering::SeqCst) + 1
        )),
    }
}

async fn body(app: &App, path: &str) -> Result<String, Error> {
    let mut request = Request::new(HTTP_GET, path);
    let page = app.invoke(&mut request).await?;
    Ok(String::from_utf8_lossy(page.body()).into_owned())
}

/// A program without a cache that asks one with a cache.
#[model]
async fn show_middle(app: App) -> Result<String, Error> {
    body(&app, "price.txt/7").await
}

#[model]
async fn show_page(app: App) -> Result<String, Error> {
    body(&app, "middle.txt").await
}

/// The same by an ordinary function, which runs on the blocking pool.
#[model]
fn show_blocking(app: App) -> Result<String, Error> {
    tokio::runtime::Handle::current().block_on(body(&app, "middle.txt"))
}

#[model]
async fn show_alone(app: App) -> Result<String, Error> {
    independent(body(&app, "middle.txt")).await
}

#[model]
async fn show_placeholder(app: App) -> String {
    let price = body(&app, "price.txt/0").await;
    price.unwrap_or_else(|_| "no price".to_owned())
}

fn shop(clock: &Clock) -> App {
    let show = || {
        View::new()
            .text(|text: &String| text.clone())
            .html(|text: &String| text.clone())
    };
    let price = Program::new(show_price)
        .cache(60)
        .tags(|arguments| [format!("price:{}", arguments.id)]);
    let manifest = Manifest::new([
        ("price", price.view(show())),
        ("middle", Program::new(show_middle).view(show())),
        ("page", Program::new(show_page).cache(3_600).view(show())),
        (
            "blocking",
            Program::new(show_blocking).cache(3_600).view(show()),
        ),
        ("alone", Program::new(show_alone).cache(3_600).view(show())),
        (
            "placeholder",
            Program::new(show_placeholder).cache(3_600).view(show()),
        ),
    ]);
    let store = LocMemKeyValue::new().clock(clock.clone());
    let app = App::new(manifest.with("mgt", management())).state(Runs(Arc::default()));
    let app = app.with_cache(Cache::builder(store).clock(clock.clone()).build());
    app.check().unwrap();
    app
}

#[tokio::test]
async fn a_page_inherits_through_programs_without_a_cache_and_on_every_thread() -> Result<(), Error>
{
    let clock = Clock::manual(1_700_000_000_000);
    let app = shop(&clock);
    for path in ["page.txt", "blocking.txt"] {
        let cache = app.shared_cache();
        cache.purge(Scope::All).await.unwrap();
        let first = body(&app, path).await?;
        assert_eq!(body(&app, path).await?, first);
        cache.invalidate("price:7").await.unwrap();
        let second = body(&app, path).await?;
        assert_ne!(second, first, "{path}: by a tag");
        assert_eq!(body(&app, path).await?, second);
        cache
            .invalidate(Scope::Program("price".to_owned()))
            .await
            .unwrap();
        let third = body(&app, path).await?;
        assert_ne!(third, second, "{path}: by a program");
        clock.advance(std::time::Duration::from_secs(60));
        assert_ne!(body(&app, path).await?, third, "{path}: by its life");
    }
    let first = body(&app, "alone.txt").await?;
    app.shared_cache().invalidate("price:7").await.unwrap();
    assert_eq!(body(&app, "alone.txt").await?, first);
    Ok(())
}

#[tokio::test]
async fn a_page_with_a_placeholder_for_an_error_is_not_stored() -> Result<(), Error> {
    let app = shop(&Clock::system());
    for _ in 0..2 {
        assert_eq!(body(&app, "placeholder.txt").await?, "no price");
    }
    assert_eq!(app.shared_cache().counts().stored, 0);
    Ok(())
}

#[tokio::test]
async fn the_chain_is_explained() -> Result<(), Error> {
    let app = shop(&Clock::system());
    body(&app, "page.txt").await?;
    app.shared_cache().settle().await;
    let explained = async |format: &str| {
        let path = format!("mgt/cache/explain{format}/page.txt");
        let mut request = Request::new(giotto::CMD, &path);
        let page = app.invoke(&mut request).await.unwrap();
        String::from_utf8_lossy(page.body()).into_owned()
    };
    let text = explained(".txt").await;
    for line in [
        "price:7 (valid)",
        "price (valid)",
        "{'id': 7}(price)(text/plain): price:7; limits the life",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let json: Value = serde_json::from_str(&explained(".json").await).unwrap();
    let link = &json["entry"]["made_of"][0];
    assert_eq!(link["key"], "{'id': 7}(price)(text/plain)");
    assert_eq!(
        (&link["depth"], &link["limits_life"]),
        (&1.into(), &true.into())
    );
    assert_eq!(link["tags"][0], "price:7");
    assert_eq!(json["entry"]["programs"][0]["program"], "price");
    Ok(())
}
