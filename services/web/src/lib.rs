//! Pages for people, made of nothing but the public API.

use axum::Router;

/// The pages; `api` is the public surface that they are made of.
pub fn routes(_api: Router) -> Router {
    Router::new()
}
