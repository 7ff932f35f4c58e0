//! `/v1/openapi.json`, `/v1/docs`.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::world::world;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    let each = |(path, item)| {
        let item: &Value = item;
        METHODS.iter().filter_map(move |method| Some((format!("{method} {path}"), item.get(method)?)))
    };
    paths.iter().flat_map(each).collect()
}

#[tokio::test]
async fn the_document_is_openapi_3_1_and_explains_itself() {
    let document = world().get("/v1/openapi.json").await.json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(document["info"]["description"].as_str().unwrap().contains("Idempotency-Key"));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[tokio::test]
async fn every_call_has_a_name_of_its_own_and_says_how_it_may_fail() {
    let document = world().get("/v1/openapi.json").await.json();
    let operations = operations(&document);
    assert!(operations.len() > 100, "{} calls", operations.len());
    let mut names = BTreeSet::new();
    for (call, operation) in &operations {
        assert!(names.insert(operation["operationId"].as_str().unwrap()), "{call}");
        assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{call}");
        let responses = operation["responses"].as_object().unwrap();
        for status in ["400", "401", "404", "429", "500", "503"] {
            assert!(responses.contains_key(status), "{call} {status}");
        }
        assert!(responses.keys().any(|status| status.starts_with('2')), "{call}");
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere() {
    let document = world().get("/v1/openapi.json").await.json();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}

#[tokio::test]
async fn every_documented_call_is_served() {
    let world = world();
    let document = world.get("/v1/openapi.json").await.json();
    for (call, _) in operations(&document) {
        let (method, path) = call.split_once(' ').unwrap();
        let path = ["{id}", "{account_id}", "{challenge_id}", "{comment_id}"]
            .iter()
            .fold(path.to_owned(), |path, id| path.replace(id, "00000000-0000-0000-0000-000000000001"))
            .replace(['{', '}'], "");
        let request = http::Request::builder().method(method.to_uppercase().as_str()).uri(path);
        let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert!(![404, 405, 500].contains(&answer.status.as_u16()), "{call}: {}", answer.status);
    }
}

#[tokio::test]
async fn the_document_can_be_read_as_a_page() {
    let world = world();
    assert_eq!(world.get("/v1/docs").await.header("location"), "/v1/docs/");
    let page = world.get("/v1/docs/").await;
    assert!(page.header("content-type").starts_with("text/html"));
    let script = world.get("/v1/docs/swagger-initializer.js").await;
    assert!(String::from_utf8_lossy(&script.bytes).contains("/v1/openapi.json"));
}
