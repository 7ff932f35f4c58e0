//! GET /assets/{hash}/{name}: what browsers keep.

use std::collections::BTreeSet;

use axum::{body::Body, extract::Request};
use http::{StatusCode, header};
use serde_json::json;

use crate::{Answer, CHALLENGE, Recorded, top};

/// Every address in the page that starts as one of an asset.
fn addresses(page: &Answer) -> BTreeSet<String> {
    let found = page.text().match_indices("/assets/");
    found.map(|(at, _)| page.text()[at..].split('"').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn all_that_a_page_names_is_there_for_ever() {
    let api = Recorded::running();
    let named = addresses(&api.page("en").await);
    assert!(named.len() > 5);
    for address in &named {
        let asset = api.get(address).await;
        assert_eq!(asset.status, StatusCode::OK, "{address}");
        assert_eq!(asset.header(header::CACHE_CONTROL), "public, max-age=31536000, immutable");
        let kind = asset.header(header::CONTENT_TYPE);
        let wanted = [("js", "text/javascript"), ("css", "text/css"), ("svg", "image/svg+xml")];
        let extension = address.rsplit('.').next().unwrap();
        assert!(
            wanted.iter().any(|(end, of)| *end == extension && kind.starts_with(of)),
            "{address}: {kind}"
        );
    }
}

#[tokio::test]
async fn modules_import_only_what_the_page_preloads() {
    let api = Recorded::running();
    let named = addresses(&api.page("en").await);
    for address in named.iter().filter(|address| address.ends_with(".js")) {
        let module = api.get(address).await;
        let folder = address.rsplit_once('/').unwrap().0;
        for (_, import) in module.text().lines().filter_map(|line| line.split_once(" from \"./")) {
            let import = format!("{folder}/{}", import.trim_end_matches("\";"));
            assert!(named.contains(&import), "{address} imports {import}");
        }
    }
}

#[tokio::test]
async fn another_version_gets_nothing() {
    let api = Recorded::running();
    for path in ["/assets/0000000000000000/board.js", "/assets/x/none.js"] {
        let answer = api.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store");
    }
}

/// 60 KB compressed: a full board with all that it needs.
#[tokio::test]
async fn a_full_page_is_light() {
    let mut board = top();
    board["entries"] = (1..=100)
        .map(|rank| {
            let name = format!("Қатысушы {} {rank}", (b'a' + rank % 26) as char);
            json!({"rank": rank, "member": format!("m{}", u32::from(rank) * 7919 % 50_000), "display_name": name,
                   "score": 99_999.0 - f64::from(rank) * 731.7})
        })
        .collect();
    let api = Recorded::running().top(board);
    let mut addresses = addresses(&api.page("kk").await);
    addresses.insert(format!("/live/{CHALLENGE}?lang=kk"));
    let mut weight = 0;
    for address in &addresses {
        let request = Request::get(address).header(header::ACCEPT_ENCODING, "gzip");
        let answer = api.send(request.body(Body::empty()).unwrap()).await;
        println!("{:>6} bytes {address}", answer.body.len());
        weight += answer.body.len();
    }
    println!("{weight:>6} bytes in all");
    assert!(weight < 60 * 1024, "{weight} bytes");
}
