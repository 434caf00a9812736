//! A shared HTTP cache by RFC 9111 as a layer of tower, on the engine of [`giotto_cache`].

mod body;
mod cache_status;
mod control;
mod flow;
mod invalidate;
mod key;
mod layer;
mod negotiate;
mod respond;
#[expect(dead_code, reason = "the layer that uses it follows")]
mod rfc;
mod service;
mod settings;
mod stored;
mod tee;
mod upstream;
