//! Pages for people, made of nothing but the public API.
//!
//! A page fetches what it shows as any client would, turns it into a view and renders it; what moves afterwards moves in
//! the browser, over the same API. No page computes a state or a total of its own.
//!
//! | file | what |
//! |---|---|
//! | [`pages`] | the table of contents: one file a page |
//! | [`api`] | the public API as a caller sees it |
//! | [`language`], [`phrases`], [`numbers`], [`dates`] | how a page speaks |
//! | [`assets`] | what browsers keep: script, style, icon |
//! | [`document`], [`guard`] | answers: HTML with its ETag; the headers that every answer carries |

mod api;
mod assets;
mod dates;
mod document;
mod guard;
mod language;
mod numbers;
mod pages;
mod phrases;

use axum::{Router, middleware};
use tower_http::compression::CompressionLayer;

use crate::api::Api;

/// The pages; `api` is the public surface that they are made of.
pub fn routes(api: Router) -> Router {
    pages::routes()
        .with_state(Api::new(api))
        .merge(assets::routes())
        .layer(middleware::from_fn(guard::layer))
        .layer(CompressionLayer::new())
}
