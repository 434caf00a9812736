//! Traces: each request as spans of OpenTelemetry, in the trace that its caller has begun.
//!
//! `cargo run -p traces -- http` sends them to a collector at `http://127.0.0.1:4318`, or at the address in
//! `OTEL_EXPORTER_OTLP_ENDPOINT`, as OTLP over HTTP. Without a collector, the log says so, and requests are answered all the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use giotto::prelude::*;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The target of the spans of giotto, all of the level `DEBUG`.
const SPANS: &str = "giotto::trace";

#[derive(Default)]
struct Prices(AtomicU32);

/// The price of an article.
#[model]
async fn price(sku: String, prices: State<Arc<Prices>>) -> String {
    // What a model does is part of the trace: its own spans, and those of the clients that it calls.
    let _reading = tracing::debug_span!("read the price", sku).entered();
    format!("{sku}: {}", prices.0.load(Ordering::Relaxed))
}

/// Raises all prices.
#[model]
fn raise(prices: State<Arc<Prices>>) -> u32 {
    prices.0.fetch_add(1, Ordering::Relaxed) + 1
}

fn application() -> App {
    // An old price is served while the new one is computed in the background.
    let policy = Policy::seconds(3_600).stale_while_revalidate(60);
    let manifest = Manifest::new([
        (
            "price",
            Program::new(price)
                .cache(policy)
                .tags(|_| ["prices"])
                .view(BasicView::new()),
        ),
        (
            "raise",
            Program::new(raise)
                .controllers([HTTP_POST])
                .invalidates(|_| ["prices"])
                .view(BasicView::new()),
        ),
    ]);
    let w3c = TraceContextPropagator::new();
    App::new(manifest)
        .state(Arc::<Prices>::default())
        .trace_context(move |fields| w3c.extract(&HeaderExtractor(fields)).attach())
}

/// What sends spans to the collector, in batches.
fn provider() -> Result<SdkTracerProvider, Box<dyn std::error::Error>> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpJson)
        .build()?;
    let resource = Resource::builder().with_service_name("traces").build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let provider = provider()?;
    let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("giotto"));
    let targets = Targets::new()
        .with_target(SPANS, LevelFilter::DEBUG)
        .with_target("traces", LevelFilter::DEBUG);
    // Giotto takes a subscriber that is installed before it runs.
    tracing_subscriber::registry()
        .with(
            tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_filter(LevelFilter::INFO),
        )
        .with(spans.with_filter(targets))
        .init();
    let code = giotto::run(application());
    // Sends the last batch.
    provider.shutdown()?;
    Ok(code)
}
