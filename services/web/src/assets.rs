//! What browsers keep: script, style, icon. The address holds the hash of them all, so they may be kept for ever and
//! modules name each other without one.

use std::sync::LazyLock;

use axum::{
    Router,
    extract::Path,
    response::{IntoResponse, Response},
    routing::get,
};
use http::{StatusCode, header};
use sha2::{Digest, Sha256};

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// Name, content type, content.
const FILES: [(&str, &str, &[u8]); 10] = [
    ("board.css", "text/css; charset=utf-8", include_bytes!("../assets/board.css")),
    ("board.js", SCRIPT, include_bytes!("../assets/board.js")),
    ("announcer.js", SCRIPT, include_bytes!("../assets/announcer.js")),
    ("freshness.js", SCRIPT, include_bytes!("../assets/freshness.js")),
    ("hold.js", SCRIPT, include_bytes!("../assets/hold.js")),
    ("model.js", SCRIPT, include_bytes!("../assets/model.js")),
    ("stream.js", SCRIPT, include_bytes!("../assets/stream.js")),
    ("table.js", SCRIPT, include_bytes!("../assets/table.js")),
    ("words.js", SCRIPT, include_bytes!("../assets/words.js")),
    ("icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg")),
];

static HASH: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for (name, kind, bytes) in FILES {
        for part in [name.as_bytes(), kind.as_bytes(), bytes] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    hex::encode(&hash.finalize()[..8])
});

pub(crate) fn routes() -> Router {
    Router::new().route("/assets/{hash}/{name}", get(asset))
}

/// Where a file stands.
pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}/{name}", *HASH)
}

/// The modules that the page's script imports, to be fetched with it and not one after the other.
pub(crate) fn modules() -> Vec<String> {
    let scripts = FILES.iter().filter(|(name, kind, _)| *kind == SCRIPT && *name != "board.js");
    scripts.map(|(name, _, _)| address(name)).collect()
}

/// A page of another version asks with another hash: it gets nothing rather than files that do not fit together.
async fn asset(Path((hash, name)): Path<(String, String)>) -> Response {
    let file = FILES.iter().find(|(known, _, _)| *known == name);
    match file.filter(|_| hash == *HASH) {
        Some((_, kind, bytes)) => {
            let kept = "public, max-age=31536000, immutable";
            ([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, kept)], *bytes).into_response()
        }
        None => (StatusCode::NOT_FOUND, [(header::CACHE_CONTROL, "no-store")]).into_response(),
    }
}
